//! The graph: ops as nodes, operands as edges. petgraph stays behind this file.
//!
//! A graph only grows, through [`Builder`](crate::builder::Builder): a node's operands come before it, so ids are a
//! topological order and stay stable. Passes read one graph and build another, or give back the one they got.

use std::hash::{Hash, Hasher};
use std::sync::Arc;

use petgraph::Direction;
use petgraph::graph::{DiGraph, NodeIndex};

use crate::ops::Op;
use crate::origin::Origin;
use crate::types::{TensorType, Type};

/// The id of a node in its graph.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct NodeId(pub u32);

impl NodeId {
    /// Its position in topological order, from 0.
    pub fn index(self) -> usize {
        self.0 as usize
    }
}

/// A node: an op and the type of its result.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Node {
    /// What it computes.
    pub op: Op,
    /// The type of its result.
    pub ty: Type,
}

/// A directed acyclic graph of nodes.
#[derive(Clone, Debug, Default)]
pub struct Graph {
    /// An edge runs from an operand to its user.
    nodes: DiGraph<Node, ()>,
    /// The operands of all nodes, one node's after the other's: an edge does not know its position.
    operands: Vec<NodeId>,
    /// For each node, where its operands end.
    ends: Vec<usize>,
    /// Where each node comes from; takes no part in comparisons.
    origins: Vec<Option<Arc<Origin>>>,
}

impl Graph {
    /// An empty graph with room for so many nodes, and twice as many operands.
    pub(crate) fn with_room(n_nodes: usize) -> Self {
        Graph {
            nodes: DiGraph::with_capacity(n_nodes, 2 * n_nodes),
            operands: Vec::with_capacity(2 * n_nodes),
            ends: Vec::with_capacity(n_nodes),
            origins: Vec::with_capacity(n_nodes),
        }
    }

    /// Adds a node behind all others. Its operands must be there already; its type is not checked here.
    pub(crate) fn push(&mut self, op: Op, ty: Type, operands: &[NodeId]) -> NodeId {
        self.origins.push(None);
        let user = self.nodes.add_node(Node { op, ty });
        for operand in operands {
            self.nodes.add_edge(NodeIndex::new(operand.index()), user, ());
        }
        self.operands.extend(operands);
        self.ends.push(self.operands.len());
        NodeId(user.index() as u32)
    }

    /// Only the nodes that `is_kept` names, in the same order, and their new ids by the old ones. The operands of what is kept must be.
    pub(crate) fn keep(self, is_kept: &[bool]) -> (Graph, Vec<Option<NodeId>>) {
        let n_kept = is_kept.iter().filter(|&&is_kept| is_kept).count();
        let (mut kept, mut new) = (Graph::with_room(n_kept), vec![None; self.n_nodes()]);
        let ids = self.ids();
        let Graph { nodes, operands, ends, origins } = self;
        let nodes = nodes.into_nodes_edges().0.into_iter().map(|node| node.weight);
        let mut begin = 0;
        for (((id, node), end), origin) in ids.zip(nodes).zip(ends).zip(origins) {
            if is_kept[id.index()] {
                let operands: Vec<NodeId> =
                    operands[begin..end].iter().filter_map(|old| new[old.index()]).collect();
                let id_kept = kept.push(node.op, node.ty, &operands);
                kept.set_origin(id_kept, origin);
                new[id.index()] = Some(id_kept);
            }
            begin = end;
        }
        (kept, new)
    }

    /// These nodes, in order, as a graph by themselves, where each has its position for an id. What `leaf` gives for one stands for it
    /// there; the operands of others must be among the nodes.
    pub fn part(&self, nodes: &[NodeId], leaf: impl Fn(NodeId) -> Option<Op>) -> Graph {
        let position = |node: &NodeId| NodeId(nodes.binary_search(node).expect("operands are there") as u32);
        let mut part = Graph::with_room(nodes.len());
        for &id in nodes {
            let Node { op, ty } = self.node(id);
            match leaf(id) {
                Some(leaf) => part.push(leaf, ty.clone(), &[]),
                None => {
                    let operands: Vec<NodeId> = self.operands(id).iter().map(position).collect();
                    part.push(op.clone(), ty.clone(), &operands)
                }
            };
        }
        part
    }

    /// The number of nodes.
    pub fn n_nodes(&self) -> usize {
        self.nodes.node_count()
    }

    /// All ids in topological order.
    pub fn ids(&self) -> impl DoubleEndedIterator<Item = NodeId> + use<> {
        (0..self.n_nodes() as u32).map(NodeId)
    }

    /// The node of this id.
    ///
    /// # Panics
    /// If the id is of another graph and beyond this one.
    pub fn node(&self, id: NodeId) -> &Node {
        &self.nodes[NodeIndex::new(id.index())]
    }

    /// The op of a node.
    pub fn op(&self, id: NodeId) -> &Op {
        &self.node(id).op
    }

    /// Where a node comes from, if that was recorded.
    pub fn origin(&self, id: NodeId) -> Option<&Arc<Origin>> {
        self.origins[id.index()].as_ref()
    }

    /// Notes where a node comes from.
    pub(crate) fn set_origin(&mut self, id: NodeId, origin: Option<Arc<Origin>>) {
        self.origins[id.index()] = origin;
    }

    /// The type of a node with one result.
    ///
    /// # Panics
    /// If the node is a tuple.
    pub fn tensor(&self, id: NodeId) -> &TensorType {
        self.node(id).ty.as_tensor().expect("a node with one result")
    }

    /// The operands of a node in order.
    pub fn operands(&self, id: NodeId) -> &[NodeId] {
        let begin = id.index().checked_sub(1).map_or(0, |before| self.ends[before]);
        &self.operands[begin..self.ends[id.index()]]
    }

    /// Which nodes a change of `roots` can reach, by id: they and all that depends on them.
    pub fn reached_from(&self, roots: &[NodeId]) -> Vec<bool> {
        let mut reached = vec![false; self.n_nodes()];
        roots.iter().for_each(|root| reached[root.index()] = true);
        for id in self.ids() {
            reached[id.index()] |= self.operands(id).iter().any(|operand| reached[operand.index()]);
        }
        reached
    }

    /// Which nodes `roots` need, by id: they and all that they depend on.
    pub fn needed_by(&self, roots: impl IntoIterator<Item = NodeId>) -> Vec<bool> {
        let mut needed = vec![false; self.n_nodes()];
        roots.into_iter().for_each(|root| needed[root.index()] = true);
        for id in self.ids().rev() {
            if needed[id.index()] {
                self.operands(id).iter().for_each(|operand| needed[operand.index()] = true);
            }
        }
        needed
    }

    /// The users of a node, each once, in topological order.
    pub fn users(&self, id: NodeId) -> Vec<NodeId> {
        let users = self.nodes.neighbors_directed(NodeIndex::new(id.index()), Direction::Outgoing);
        let mut users: Vec<NodeId> = users.map(|user| NodeId(user.index() as u32)).collect();
        users.sort_unstable();
        users.dedup();
        users
    }
}

impl PartialEq for Graph {
    fn eq(&self, other: &Self) -> bool {
        let same = |id| self.node(id) == other.node(id) && self.operands(id) == other.operands(id);
        self.n_nodes() == other.n_nodes() && self.ids().all(same)
    }
}

impl Eq for Graph {}

impl Hash for Graph {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.n_nodes().hash(state);
        for id in self.ids() {
            self.node(id).hash(state);
            self.operands(id).hash(state);
        }
    }
}
