//! Which nodes a group's kernel can compute along with what it has.

use dl_ir::access::{Access, is_view};
use dl_ir::graph::{Graph, NodeId};
use dl_ir::ops::Structure;
use dl_ir::product::Product;
use dl_ir::types::Dim;

use super::{
    Anchor, Class, Fuser, Group, Reduction, Space, operand_class, reduction, roles, scatters, table,
};

impl Fuser<'_> {
    /// The class at which the members of a group read a node; `None` if they disagree, or read it otherwise.
    pub(super) fn class_in(&self, group: &Group, node: NodeId) -> Option<Class> {
        let mut classes = self.users[node.index()].iter().filter_map(|user| {
            let class = *group.members.get(user)?;
            Some(operand_class(self.graph, *user, class))
        });
        let first = classes.next()??;
        classes.all(|class| class == Some(first)).then_some(first)
    }

    /// Whether what members of a group read of each other is there when they do: the anchor of one of two groups may need all of
    /// what the other computes.
    pub(super) fn is_elementwise(&self, group: &Group) -> bool {
        group.members.keys().all(|&member| {
            let mut users = self.users[member.index()].iter();
            let is_read = users.any(|user| group.members.contains_key(user));
            !is_read || matches!(self.class_in(group, member), Some(Class::Full | Class::PerRow))
        })
    }

    /// Adds a node to a group's members and arranges its space, if the group can compute it.
    pub(super) fn fits(&self, node: NodeId, group: &mut Group) -> bool {
        let graph = self.graph;
        let Some(class) = self.class_in(group, node) else { return false };
        let fits = match (graph.op(node).structure(), class) {
            (Structure::Map, Class::Full | Class::PerRow) => {
                !group.goes_in_order() || reads_in_order(graph, node)
            }
            (Structure::Get, Class::Full | Class::PerRow) => {
                // A tuple is never in memory: it is computed with each of its parts.
                group.members.insert(node, class);
                return self.fits(graph.operands(node)[0], group);
            }
            (Structure::Broadcast | Structure::Leaf, Class::Full) => match roles::rows_asked(graph, node) {
                Ok(rows) => rows.is_none_or(|rows| group.arrange(rows)),
                Err(()) => false,
            },
            (Structure::Broadcast, Class::PerRow) => operand_class(graph, node, class) == Some(Class::Scalar),
            (Structure::Reduce, Class::Full | Class::PerRow)
                if reduction(graph, node) == Some(Reduction::Row) =>
            {
                // A value for each point becomes a value for each row.
                let rows = roles::rows_reduced(graph, node);
                (class == Class::PerRow || !group.has_rows()) && rows.is_some_and(|rows| group.widen(rows))
            }
            (Structure::Contract | Structure::Reduce, Class::Full) => self.anchor_fits(node, group),
            _ => false,
        };
        if fits {
            let class = if reduction(graph, node) == Some(Reduction::Row) { Class::PerRow } else { class };
            group.members.insert(node, class);
        }
        fits
    }

    pub(super) fn anchor_fits(&self, node: NodeId, group: &mut Group) -> bool {
        let anchor = roles::anchor(self.graph, node).map(|anchor| match anchor {
            Anchor::ScatterAdd(node) if table::is_update(self.function, node) => Anchor::ScatterInto(node),
            other => other,
        });
        let space_fits = match anchor {
            Some(Anchor::Contract(_)) => {
                let product = Product::of(self.graph, node).expect("an anchor");
                !group.has_rows() && group.arrange(Space::Grid { rows: product.m, cols: product.n })
            }
            Some(Anchor::ColumnSum(_)) => {
                let mut members = group.members.keys();
                matches!(group.space, Space::Flat(Dim::Static(_)))
                    && members.all(|&member| reads_in_order(self.graph, member))
            }
            Some(Anchor::Fold(_)) => {
                let grid = Space::rows_of(roles::shape(self.graph, node));
                !group.has_rows() && grid.is_some_and(|grid| group.arrange(grid))
            }
            Some(Anchor::Transpose(_) | Anchor::Random(_)) => group.members.keys().eq([&node]),
            Some(Anchor::Gather(_) | Anchor::ScatterAdd(_) | Anchor::ScatterInto(_)) => {
                group.members.keys().eq([&node]) && table::lies_in_rows(self.graph, node)
            }
            Some(Anchor::Chunks(_) | Anchor::Total(_)) | None => false,
        };
        let fits = group.anchor.is_none() && !self.scatters(group) && space_fits;
        if fits {
            group.anchor = anchor;
        }
        fits
    }

    /// Whether a group writes among zeros, which kernels around anchors do not fill in.
    pub(super) fn scatters(&self, group: &Group) -> bool {
        group.members.keys().any(|&member| scatters(self.graph.op(member)))
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
