//! Gates: a product whose result is cut into equal parts of its columns, all of them read by one kernel.
//!
//! In an LSTM one product gives the sums of four gates side by side. A tile of it then holds the same columns of each part, and what reads the
//! parts is its epilogue: the sums never reach memory. Only vectors of 512 bits come with registers enough for such tiles.

use std::collections::BTreeSet;

use dl_ir::graph::NodeId;
use dl_ir::ops::{Op, Structure};
use dl_ir::product::Product;

use super::group::{Anchor, Class, Group, Space};
use super::{Fuser, MAX_ROW, roles};
use crate::target::MAX_TILE_WIDTH;

/// The most parts: of more, a tile has too few rows.
const MAX_PARTS: usize = 4;

/// How a node is cut, and by whom it is read.
struct Cut {
    /// The rows and columns of each part.
    part: Space,
    parts: usize,
    /// The group that reads all parts, and alone.
    reader: usize,
}

impl Fuser<'_> {
    /// Takes a node that is cut into parts into the group that reads them, along with the product that it is made of. `false`, and nothing
    /// changed, where it is not cut so, or not made of a product.
    pub(super) fn join_gates(&mut self, node: NodeId) -> bool {
        if !self.target.holds_parts() {
            return false;
        }
        let Some(cut) = self.cut(node) else { return false };
        let Some(group) = self.with_gates(node, &cut) else { return false };
        let before = self.groups[cut.reader].replace(group).expect("absorbed groups are not referred to");
        let joined =
            self.group(cut.reader).members.keys().filter(|member| !before.members.contains_key(member));
        for member in joined.copied().collect::<Vec<_>>() {
            self.groups_of[member.index()] = vec![cut.reader];
            self.in_place[member.index()] = false;
        }
        true
    }

    /// How the users of a node cut it, if all of them take equal parts of its columns, and one group alone reads those.
    fn cut(&self, node: NodeId) -> Option<Cut> {
        let users = &self.users[node.index()];
        let shape = &self.graph.node(node).ty.as_tensor()?.shape;
        let (Some(Space::Grid { rows, cols: all }), [first, _, ..]) = (Space::rows_of(shape), &users[..])
        else {
            return None;
        };
        let cols = roles::shape(self.graph, *first).dims().last()?.as_static().filter(|&cols| cols > 0)?;
        let parts = all / cols;
        let is_part =
            |&user: &NodeId| self.column_of_part(node, user).is_some_and(|column| column % cols == 0);
        if all != parts * cols || parts > MAX_PARTS || cols % MAX_TILE_WIDTH > 0 || !users.iter().all(is_part)
        {
            return None;
        }
        let mut readers = users.iter().flat_map(|user| &self.users[user.index()]);
        let [reader] = self.groups_of[readers.next()?.index()][..] else { return None };
        let is_free = !self.is_root[node.index()] && users.iter().all(|user| !self.is_root[user.index()]);
        let is_alone = is_free && readers.all(|user| self.groups_of[user.index()] == [reader]);
        is_alone.then_some(Cut { part: Space::Grid { rows, cols }, parts, reader })
    }

    /// The first column of a node that a user takes, if it takes whole rows of as many columns as its own shape says.
    fn column_of_part(&self, node: NodeId, user: NodeId) -> Option<usize> {
        let Op::Slice(slice) = self.graph.op(user) else { return None };
        let (whole, part) = (roles::shape(self.graph, node).dims(), roles::shape(self.graph, user).dims());
        let is_dense = slice.stride.iter().all(|&stride| stride == 1);
        let has_all_rows = whole[..whole.len() - 1] == part[..part.len() - 1];
        slice.start.last().copied().filter(|_| is_dense && has_all_rows)
    }

    /// The reader with the parts, the node, and what only that is made of, down to a product.
    fn with_gates(&self, node: NodeId, cut: &Cut) -> Option<Group> {
        let mut group = self.group(cut.reader).clone();
        if group.anchor.is_some() || group.has_rows() || self.scattering(&group).is_some() {
            return None;
        }
        group.arrange(cut.part).ok()?;
        group.parts = cut.parts;
        group.members.extend(self.users[node.index()].iter().map(|&part| (part, Class::Full)));
        // Users come after operands.
        let mut waiting = BTreeSet::from([node]);
        while let Some(next) = waiting.pop_last() {
            let is_read_here = self.users[next.index()].iter().all(|user| group.members.contains_key(user));
            if self.is_root[next.index()] || !is_read_here {
                continue;
            }
            match self.graph.op(next).structure() {
                Structure::Map => waiting.extend(self.graph.operands(next)),
                Structure::Contract if group.anchor.is_none() && self.is_in_tiles(next, cut) => {
                    group.anchor = Some(Anchor::Contract(next));
                }
                _ => continue,
            }
            group.members.insert(next, Class::Full);
        }
        (group.anchor.is_some() && group.members.contains_key(&node)).then_some(group)
    }

    /// Whether tiles of a product can hold the same columns of each part: programs address the right operand by 32-bit offsets.
    fn is_in_tiles(&self, node: NodeId, cut: &Cut) -> bool {
        let Some(product) = Product::of(self.graph, node) else { return false };
        let all = Space::Grid { rows: product.m, cols: product.n };
        let is_short = product.k.as_static().is_some_and(|k| k.saturating_mul(product.n) <= MAX_ROW);
        let Space::Grid { rows, cols } = cut.part else { return false };
        product.rows.len() == 1 && is_short && all == Space::Grid { rows, cols: cut.parts * cols }
    }
}
