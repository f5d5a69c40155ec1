//! Long sums in chunks.
//!
//! A product with few results and a sum along the batch leaves nothing to divide among threads but the sum. It is cut into
//! chunks of so many terms, whatever the number of threads: one kernel leaves a partial sum for each chunk, the next adds
//! them up in order and goes on with the epilogue. A batch of one chunk has the bits of a sum without chunks.

use std::collections::BTreeMap;

use dl_ir::graph::{Graph, NodeId};
use dl_ir::ops::Op;
use dl_ir::types::Dim;

use super::{Anchor, Class, Group, operand_class};
use crate::matrix::Product;

/// Terms in a chunk: so many that adding up partial sums and calling a program for each are little beside making them, and so few
/// that a batch worth several threads has work for all of them.
pub const CHUNK: usize = 256;

/// The most results of a product in chunks. More of them make several tiles, for threads to share, and partial sums that are
/// slow to write and read again.
const MAX_RESULTS: usize = 256;

/// Cuts long sums into chunks: their groups add partial sums up, and new ones make these.
pub fn cut(graph: &Graph, groups: &mut Vec<Group>) {
    let mut partial = Vec::new();
    for group in groups.iter_mut() {
        let Some(Anchor::Contract(node)) = group.anchor else { continue };
        if has_long_sum(graph, node) && adds_up(graph, group, node) {
            group.anchor = Some(Anchor::Total(node));
            partial.push(Group {
                space: group.space,
                anchor: Some(Anchor::Chunks(node)),
                members: BTreeMap::from([(node, Class::Full)]),
                outputs: vec![node],
            });
        }
    }
    groups.append(&mut partial);
}

/// Whether a product's sum is as long as the batch and the only thing to be divided.
fn has_long_sum(graph: &Graph, node: NodeId) -> bool {
    let product = Product::of(graph, node).expect("an anchor");
    match (product.m, product.k) {
        (Dim::Static(m), Dim::Batch(_)) => m.saturating_mul(product.n) <= MAX_RESULTS,
        _ => false,
    }
}

/// Whether a group can go on from the partial sums of its anchor: nobody else needs the sum, and all that it reads and writes lies
/// in memory as the sum does, so that rows and columns do not matter.
fn adds_up(graph: &Graph, group: &Group, node: NodeId) -> bool {
    let lies_alike = |&other: &NodeId| graph.node(other).ty == graph.node(node).ty;
    let is_at_hand =
        |other: &NodeId| group.members.contains_key(other) || matches!(graph.op(*other), Op::Constant(_));
    let is_flat = |(&member, &class): (&NodeId, &Class)| match operand_class(graph, member, class) {
        Some(Class::Full) => graph.operands(member).iter().all(|o| is_at_hand(o) || lies_alike(o)),
        Some(Class::Scalar) => true,
        _ => member == node,
    };
    !group.outputs.contains(&node)
        && group.outputs.iter().all(lies_alike)
        && group.members.iter().all(is_flat)
}
