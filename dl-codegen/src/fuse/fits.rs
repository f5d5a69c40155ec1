//! Which nodes a group's kernel can compute along with what it has.

use dl_ir::access::{Access, is_view};
use dl_ir::graph::{Graph, NodeId};
use dl_ir::ops::Structure;
use dl_ir::product::Product;
use dl_ir::types::Dim;

use super::{
    Anchor, Class, Fuser, Group, Reason, Reduction, Space, operand_class, reduction, roles, scatters,
    space_shape, table,
};

impl Fuser<'_> {
    /// The class at which the members of a group read a node, unless they disagree, or read it otherwise.
    pub(super) fn class_in(&self, group: &Group, node: NodeId) -> Result<Class, Reason> {
        let mut classes =
            self.users_in(group, node).map(|(user, class)| (user, operand_class(self.graph, user, class)));
        let (one, first) = classes.next().ok_or(Reason::NotRead)?;
        let first = first.ok_or(Reason::ReadWhole { user: one })?;
        match classes.find(|&(_, class)| class != Some(first)) {
            None => Ok(first),
            Some((other, None)) => Err(Reason::ReadWhole { user: other }),
            Some((other, Some(_))) => Err(Reason::ReadTwoWays { one, other }),
        }
    }

    /// The members of a group that read a node, the last of them first, with their classes. A number that all updates read has users
    /// in every group, so the fewer are gone through: the users or the members.
    fn users_in(&self, group: &Group, node: NodeId) -> impl Iterator<Item = (NodeId, Class)> {
        let (users, members) = (&self.users[node.index()], &group.members);
        let by_user = users.len() <= members.len();
        let users = by_user.then(|| users.iter().filter_map(|user| members.get_key_value(user)));
        let reads = move |(member, _): &(&NodeId, &Class)| self.graph.operands(**member).contains(&node);
        let members = (!by_user).then(|| members.iter().rev().filter(reads));
        let found = users.into_iter().flatten().chain(members.into_iter().flatten());
        found.map(|(&user, &class)| (user, class))
    }

    /// Whether what members of a group read of each other is there when they do: the anchor of one of two groups may need all of
    /// what the other computes.
    pub(super) fn is_elementwise(&self, group: &Group) -> Result<(), Reason> {
        group.members.keys().try_for_each(|&member| match self.class_in(group, member) {
            Ok(Class::Full | Class::PerRow) | Err(Reason::NotRead) => Ok(()),
            Ok(class) => Err(self.read_ahead(group, member, class)),
            Err(reason) => Err(reason),
        })
    }

    /// Adds a node to a group's members and arranges its space, if the group can compute it.
    pub(super) fn fits(&self, node: NodeId, group: &mut Group) -> Result<(), Reason> {
        let graph = self.graph;
        let class = self.class_in(group, node)?;
        match (graph.op(node).structure(), class) {
            (Structure::Map, Class::Full | Class::PerRow) => {
                if group.goes_in_order() && !reads_in_order(graph, node) {
                    return Err(Reason::OutOfOrder { node });
                }
            }
            (Structure::Get, Class::Full | Class::PerRow) => {
                // A tuple is never in memory: it is computed with each of its parts.
                group.members.insert(node, class);
                return self.fits(graph.operands(node)[0], group);
            }
            (Structure::Broadcast | Structure::Leaf, Class::Full) => match roles::rows_asked(graph, node) {
                Ok(None) => {}
                Ok(Some(rows)) => group.arrange(rows)?,
                Err(()) => return Err(Reason::OtherPoints { wanted: None, found: group.space }),
            },
            (Structure::Broadcast, Class::PerRow) => {
                if operand_class(graph, node, class) != Some(Class::Scalar) {
                    return Err(Reason::RowsOfRows);
                }
            }
            (Structure::Reduce, Class::Full | Class::PerRow)
                if reduction(graph, node) == Some(Reduction::Row) =>
            {
                // A value for each point becomes a value for each row.
                if class == Class::Full && group.has_rows() {
                    return Err(Reason::RowsOfRows);
                }
                let rows = roles::rows_reduced(graph, node);
                group.widen(rows.ok_or(Reason::OtherPoints { wanted: None, found: group.space })?)?;
            }
            (Structure::Contract | Structure::Reduce, Class::Full) => self.anchor_fits(node, group)?,
            (_, Class::PerCol | Class::Scalar) => return Err(self.read_ahead(group, node, class)),
            _ => return Err(Reason::Alone { node }),
        }
        let class = if reduction(graph, node) == Some(Reduction::Row) { Class::PerRow } else { class };
        group.members.insert(node, class);
        Ok(())
    }

    fn read_ahead(&self, group: &Group, node: NodeId, class: Class) -> Reason {
        let user = self.users[node.index()].iter().find(|user| group.members.contains_key(user));
        Reason::ReadAhead { user: user.copied().unwrap_or(node), class }
    }

    pub(super) fn anchor_fits(&self, node: NodeId, group: &mut Group) -> Result<(), Reason> {
        let anchor = roles::anchor(self.graph, node).map(|anchor| match anchor {
            Anchor::ScatterAdd(node) if table::is_update(self.function, node) => Anchor::ScatterInto(node),
            other => other,
        });
        if let Some(anchor) = group.anchor {
            return Err(Reason::SecondAnchor { anchor: anchor.node() });
        }
        if let Some(node) = self.scattering(group) {
            return Err(Reason::Scatters { node });
        }
        match anchor {
            Some(Anchor::Contract(_)) => {
                let product = Product::of(self.graph, node).expect("an anchor");
                self.arrange_around(node, group, Some(Space::Grid { rows: product.m, cols: product.n }))?;
            }
            Some(Anchor::ColumnSum(_)) => {
                if !matches!(group.space, Space::Flat(Dim::Static(_))) {
                    let wanted = space_shape(self.graph, node).elements().map(Space::Flat);
                    return Err(Reason::OtherPoints { wanted, found: group.space });
                }
                let mut members = group.members.keys();
                if let Some(&node) = members.find(|&&member| !reads_in_order(self.graph, member)) {
                    return Err(Reason::OutOfOrder { node });
                }
            }
            Some(Anchor::Fold(_)) => {
                self.arrange_around(node, group, Space::rows_of(roles::shape(self.graph, node)))?;
            }
            Some(Anchor::Transpose(_) | Anchor::Random(_)) if group.members.keys().eq([&node]) => {}
            Some(Anchor::Gather(_) | Anchor::ScatterAdd(_) | Anchor::ScatterInto(_))
                if group.members.keys().eq([&node]) && table::lies_in_rows(self.graph, node) => {}
            _ => return Err(Reason::Alone { node }),
        }
        group.anchor = anchor;
        Ok(())
    }

    /// Arranges the space of a group in the rows of an anchor, which has no whole row at hand.
    fn arrange_around(&self, anchor: NodeId, group: &mut Group, rows: Option<Space>) -> Result<(), Reason> {
        if group.has_rows() {
            return Err(Reason::RowsAndAnchor { anchor });
        }
        group.arrange(rows.ok_or(Reason::OtherPoints { wanted: None, found: group.space })?)
    }

    /// The member of a group, if it has one, that writes among zeros, which kernels around anchors do not fill in.
    pub(super) fn scattering(&self, group: &Group) -> Option<NodeId> {
        group.members.keys().copied().find(|&member| scatters(self.graph.op(member)))
    }
}

/// Whether a node reads views, if any, that lie as it goes.
pub(super) fn reads_in_order(graph: &Graph, node: NodeId) -> bool {
    graph.operands(node).iter().filter(|&&operand| is_view(graph, operand)).all(|&operand| {
        let shape = &graph.tensor(operand).shape;
        Access::of(graph, operand).is_some_and(|access| access.is_whole(shape))
            || roles::is_in_program(graph.op(operand))
    })
}
