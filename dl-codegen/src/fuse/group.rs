//! Fusion groups: sets of nodes that one kernel computes.

use std::collections::BTreeMap;

use dl_ir::graph::{Graph, NodeId};
use dl_ir::types::{Dim, Shape, multiply};

use super::Reason;
use super::roles::shape;

/// The points at which a group's kernel computes its members.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Space {
    /// So many elements in row-major order; rows do not matter.
    Flat(Dim),
    /// Rows of `cols` elements.
    Grid {
        /// The number of rows.
        rows: Dim,
        /// Elements in a row.
        cols: usize,
    },
}

impl Space {
    /// The number of its points, unless there are too many.
    pub fn elements(self) -> Option<Dim> {
        match self {
            Space::Flat(elements) => Some(elements),
            Space::Grid { rows, cols } => multiply(rows, Dim::Static(cols)),
        }
    }

    /// The rows of a tensor: its last axis, and all others as one.
    pub fn rows_of(shape: &Shape) -> Option<Space> {
        let (last, outer) = shape.dims().split_last()?;
        let rows = outer.iter().try_fold(Dim::Static(1), |product, &dim| multiply(product, dim))?;
        Some(Space::Grid { rows, cols: last.as_static()? })
    }
}

/// At which points of its group's space a node has elements.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Class {
    /// At each point its own.
    Full,
    /// One for each row.
    PerRow,
    /// One for each column.
    PerCol,
    /// One for all.
    Scalar,
}

/// The op around which a kernel is built; its operands are read from memory by loops of their own.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Anchor {
    /// A matrix product.
    Contract(NodeId),
    /// A sum over the rows of a tensor.
    ColumnSum(NodeId),
    /// A sum or maximum along axes other than the last.
    Fold(NodeId),
    /// A transposed copy, alone in its kernel.
    Transpose(NodeId),
    /// Random numbers, alone in their kernel.
    Random(NodeId),
    /// Rows of a table, alone in their kernel.
    Gather(NodeId),
    /// Rows added to those of a table, alone in their kernel.
    ScatterAdd(NodeId),
    /// The same, where the table is a state that the sums take the place of: rows that no index names are left alone.
    ScatterInto(NodeId),
    /// The partial sums of a matrix product, one for each of its [chunks](super::chunks), alone in their kernel.
    Chunks(NodeId),
    /// The total of such partial sums.
    Total(NodeId),
}

impl Anchor {
    /// The same around another node.
    fn around(self, node: NodeId) -> Self {
        let around: fn(NodeId) -> Anchor = match self {
            Anchor::Contract(_) => Anchor::Contract,
            Anchor::ColumnSum(_) => Anchor::ColumnSum,
            Anchor::Fold(_) => Anchor::Fold,
            Anchor::Transpose(_) => Anchor::Transpose,
            Anchor::Random(_) => Anchor::Random,
            Anchor::Gather(_) => Anchor::Gather,
            Anchor::ScatterAdd(_) => Anchor::ScatterAdd,
            Anchor::ScatterInto(_) => Anchor::ScatterInto,
            Anchor::Chunks(_) => Anchor::Chunks,
            Anchor::Total(_) => Anchor::Total,
        };
        around(node)
    }

    /// The node.
    pub fn node(self) -> NodeId {
        match self {
            Anchor::Contract(node)
            | Anchor::ColumnSum(node)
            | Anchor::Fold(node)
            | Anchor::Transpose(node)
            | Anchor::Gather(node)
            | Anchor::ScatterAdd(node)
            | Anchor::ScatterInto(node)
            | Anchor::Random(node)
            | Anchor::Chunks(node)
            | Anchor::Total(node) => node,
        }
    }
}

/// Nodes that one kernel computes.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Group {
    /// Where they are computed.
    pub space: Space,
    /// Into how many parts of as many columns as the space has the anchor's result is cut: `gates`. 1 where it is whole.
    pub parts: usize,
    /// Its anchor, if it has one.
    pub anchor: Option<Anchor>,
    /// Its nodes in topological order, each with its class: `Full` or `PerRow`.
    pub members: BTreeMap<NodeId, Class>,
    /// The members that others need: written to memory.
    pub outputs: Vec<NodeId>,
}

impl Group {
    /// A group of one node at each point of a flat space, which others need.
    pub fn of(node: NodeId, elements: Dim) -> Self {
        Group {
            space: Space::Flat(elements),
            parts: 1,
            anchor: None,
            members: BTreeMap::from([(node, Class::Full)]),
            outputs: vec![node],
        }
    }

    /// A group that copies a node, or writes a number, to memory.
    pub fn copy(node: NodeId, elements: Dim) -> Self {
        Group { members: BTreeMap::new(), ..Group::of(node, elements) }
    }

    /// How many elements a node has that the kernel has at each point; several at one, where the node is cut into parts.
    pub fn elements(&self, graph: &Graph, node: NodeId) -> Option<Dim> {
        match self.parts {
            1 => self.space.elements(),
            _ => shape(graph, node).elements(),
        }
    }

    /// The same group in a graph that has its nodes under other ids, in the same order.
    pub fn renamed(&self, new: impl Fn(NodeId) -> NodeId) -> Self {
        Group {
            space: self.space,
            parts: self.parts,
            anchor: self.anchor.map(|anchor| anchor.around(new(anchor.node()))),
            members: self.members.iter().map(|(&node, &class)| (new(node), class)).collect(),
            outputs: self.outputs.iter().map(|&node| new(node)).collect(),
        }
    }

    /// The node that its kernel is built around: its anchor, else the first that it writes.
    pub fn main(&self) -> NodeId {
        self.anchor.map_or_else(|| self.outputs[0], Anchor::node)
    }

    /// The nodes that the lines of its kernel may be for, by their [marks](crate::vector::Mark): the main one, then all members.
    pub fn nodes(&self) -> Vec<NodeId> {
        std::iter::once(self.main()).chain(self.members.keys().copied()).collect()
    }

    /// Whether it goes through memory in order, without regard to rows.
    pub fn goes_in_order(&self) -> bool {
        matches!(self.anchor, Some(Anchor::ColumnSum(_) | Anchor::Total(_)))
    }

    /// Whether it combines elements of a row.
    pub fn has_rows(&self) -> bool {
        self.members.values().any(|&class| class == Class::PerRow)
    }

    /// Arranges a flat space in rows of `cols`, every member having an element at each point.
    ///
    /// # Errors
    /// If the space has other rows already or another number of elements; nothing is changed then.
    pub fn arrange(&mut self, grid: Space) -> Result<(), Reason> {
        let fits = match self.space {
            Space::Flat(elements) => grid.elements() == Some(elements),
            Space::Grid { .. } => self.space == grid,
        };
        if !fits {
            return Err(Reason::OtherPoints { wanted: Some(grid), found: self.space });
        }
        self.space = grid;
        Ok(())
    }

    /// Makes each point of a flat space a row of `cols` elements, and its members values of rows.
    ///
    /// # Errors
    /// If the space is arranged otherwise or the kernel has an anchor; nothing is changed then.
    pub fn widen(&mut self, grid: Space) -> Result<(), Reason> {
        if let Some(anchor) = self.anchor {
            return Err(Reason::RowsAndAnchor { anchor: anchor.node() });
        }
        match (self.space, grid) {
            (Space::Flat(elements), Space::Grid { rows, .. }) if elements == rows => {
                self.space = grid;
                self.members.values_mut().for_each(|class| *class = Class::PerRow);
                Ok(())
            }
            _ if self.space == grid => Ok(()),
            _ => Err(Reason::OtherPoints { wanted: Some(grid), found: self.space }),
        }
    }

    /// Takes in the members of another group over the same space.
    ///
    /// # Errors
    /// If the spaces differ or both have anchors, or one an anchor and the other rows, or one draws random numbers; nothing is
    /// changed then.
    pub fn absorb(&mut self, other: &Group) -> Result<(), Reason> {
        if let Some(Anchor::Random(node)) = [self.anchor, other.anchor]
            .into_iter()
            .flatten()
            .find(|anchor| matches!(anchor, Anchor::Random(_)))
        {
            return Err(Reason::Alone { node });
        }
        match (self.anchor, other.anchor) {
            (Some(anchor), Some(_)) => return Err(Reason::SecondAnchor { anchor: anchor.node() }),
            (Some(anchor), None) if other.has_rows() => {
                return Err(Reason::RowsAndAnchor { anchor: anchor.node() });
            }
            (None, Some(anchor)) if self.has_rows() => {
                return Err(Reason::RowsAndAnchor { anchor: anchor.node() });
            }
            _ => {}
        }
        let space = match (self.space, other.space) {
            (a, b) if a == b => a,
            (Space::Flat(_), grid) if grid.elements() == self.space.elements() => grid,
            (grid, Space::Flat(_)) if grid.elements() == other.space.elements() => grid,
            (found, wanted) => return Err(Reason::OtherPoints { wanted: Some(wanted), found }),
        };
        self.space = space;
        self.parts = self.parts.max(other.parts);
        self.anchor = self.anchor.or(other.anchor);
        self.members.extend(other.members.iter().map(|(&node, &class)| (node, class)));
        self.outputs.extend(&other.outputs);
        self.outputs.sort_unstable();
        self.outputs.dedup();
        Ok(())
    }
}
