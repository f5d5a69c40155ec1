//! Transposes of a product's right operand that the product's kernel does itself, panel by panel.
//!
//! Backward a layer multiplies with its weight transposed. A copy of all of it would be written once and read once, far away from where it was written if it
//! is large. A kernel whose tasks are columns transposes the rows of the weight that make a panel right before its tiles read that: the panel
//! stays near, and its memory is used again for the next.

use dl_ir::access::{Stride, is_view};
use dl_ir::graph::NodeId;
use dl_ir::ops::Structure;
use dl_ir::product::Product;

use super::{Anchor, Class, Fuser};
use crate::matrix::Transposition;
use crate::schedule::has_columns_as_tasks;

impl Fuser<'_> {
    /// Takes transposes, each of which has a kernel to itself, into the kernels of their only readers.
    pub(super) fn pack_transposes(&mut self) {
        for index in 0..self.groups.len() {
            let Some(Anchor::Transpose(node)) = self.groups[index].as_ref().and_then(|group| group.anchor)
            else {
                continue;
            };
            let Some(reader) = self.packs(node) else { continue };
            self.groups[index] = None;
            self.absorbed.insert(index, reader);
            self.groups_of[node.index()] = vec![reader];
            let group = self.groups[reader].as_mut().expect("absorbed groups are not referred to");
            group.members.insert(node, Class::Full);
        }
    }

    /// The group of the only product that reads a transpose, if it is one that can make panels of it.
    fn packs(&self, node: NodeId) -> Option<usize> {
        let [product] = self.users[node.index()][..] else { return None };
        let [reader] = self.groups_of[product.index()][..] else { return None };
        let group = self.group(reader);
        let (source, operands) = (self.graph.operands(node)[0], self.graph.operands(product));
        let is_right = self.graph.op(product).structure() == Structure::Contract
            && operands[1] == node
            && operands[0] != node;
        let is_plain = |of: Product| {
            let [rows] = of.rows[..] else { return false };
            let dims = self.graph.tensor(node).shape.as_fixed();
            rows.right == Stride::default() && dims.is_some_and(|dims| dims.len() == 2 && dims[1] == of.n)
        };
        let is_plain = !is_view(self.graph, source)
            && Transposition::of(self.graph, node).is_some()
            && Product::of(self.graph, product).is_some_and(is_plain);
        let can_pack = group.anchor == Some(Anchor::Contract(product))
            && group.parts == 1
            && has_columns_as_tasks(self.graph, product, group.parts, self.target);
        (!self.is_root[node.index()] && is_right && is_plain && can_pack).then_some(reader)
    }
}
