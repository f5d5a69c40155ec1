//! Long sums in chunks.
//!
//! A product with few results and a sum along the batch leaves nothing to divide among threads but the sum. It is cut into
//! chunks of so many terms, whatever the number of threads: one kernel leaves a partial sum for each chunk, the next adds
//! them up in order and goes on with the epilogue. A batch of one chunk has the bits of a sum without chunks.

use std::collections::BTreeMap;

use dl_ir::access::Access;
use dl_ir::graph::{Graph, NodeId};
use dl_ir::ops::Op;
use dl_ir::product::Product;
use dl_ir::types::Dim;

use super::{Anchor, Class, Group, operand_class};

/// Terms in a chunk: so many that adding up partial sums and calling a program for each are little beside making them, and so few
/// that a batch worth several threads has work for all of them.
pub const CHUNK: usize = 256;

/// The most results of a product in chunks. More of them make several tiles, for threads to share, and partial sums that are
/// slow to write and read again.
const MAX_RESULTS: usize = 256;

/// The terms, about, that a chunk has where a sum has more loops than one: chunks are of whole runs of the outermost.
const TERMS: usize = 1024;

/// How many indices of the outermost loop over terms a chunk has.
pub fn chunk_len(product: &Product) -> usize {
    match &product.terms[..] {
        [_] => CHUNK,
        [_, inner @ ..] => {
            let terms: usize = inner.iter().map(|axis| axis.size.at(1)).product();
            TERMS.div_ceil(terms.max(1))
        }
        [] => unreachable!("a product has at least one loop over terms"),
    }
}

/// A group that was divided.
pub(super) struct Cut {
    /// The sum that it was built around.
    pub sum: NodeId,
    /// The group of the sum's total.
    pub total: usize,
    /// The group of what else there was.
    pub rest: usize,
}

/// Cuts long sums into chunks: their groups add partial sums up, and new ones make these. Gives those that were divided.
pub(super) fn cut(graph: &Graph, groups: &mut Vec<Group>) -> Vec<Cut> {
    let (mut added, mut cuts) = (Vec::new(), Vec::new());
    let n_groups = groups.len();
    for (index, group) in groups.iter_mut().enumerate() {
        let Some(Anchor::Contract(node)) = group.anchor else { continue };
        let product = Product::of(graph, node).expect("an anchor");
        let goes_on = goes_on_elementwise(graph, group, node);
        if adds_up_in_memory(&product) {
            if !goes_on {
                let total = alone(group, node, Anchor::Total(node));
                let rest = std::mem::replace(group, total);
                if let Some(rest) = without_anchor(rest, node) {
                    cuts.push(Cut { sum: node, total: index, rest: n_groups + added.len() });
                    added.push(rest);
                }
            }
        } else if !(goes_on && has_long_sum(&product) && !group.outputs.contains(&node)) {
            continue;
        }
        group.anchor = Some(Anchor::Total(node));
        added.push(alone(group, node, Anchor::Chunks(node)));
    }
    groups.append(&mut added);
    cuts
}

/// A kernel for an anchor alone.
fn alone(group: &Group, node: NodeId, anchor: Anchor) -> Group {
    Group {
        space: group.space,
        parts: 1,
        anchor: Some(anchor),
        members: BTreeMap::from([(node, Class::Full)]),
        outputs: vec![node],
    }
}

/// What else a group computed, reading what its anchor gives from memory.
fn without_anchor(mut group: Group, node: NodeId) -> Option<Group> {
    group.anchor = None;
    group.members.remove(&node);
    group.outputs.retain(|&output| output != node);
    (!group.outputs.is_empty()).then_some(group)
}

/// Whether a product's sum goes on from example to example by other steps than within one: no program has both loops.
pub fn adds_up_in_memory(product: &Product) -> bool {
    product.terms.len() > 1 && product.terms[0].size.as_static().is_none()
}

/// Whether a product's sum is as long as the batch and the only thing to be divided.
fn has_long_sum(product: &Product) -> bool {
    match (product.m, product.k) {
        (Dim::Static(m), Dim::Batch(_)) => {
            product.terms.len() == 1 && m.saturating_mul(product.n) <= MAX_RESULTS
        }
        _ => false,
    }
}

/// Whether a group can go on from the sums of its anchor in memory, whatever their order: all that it reads and writes lies
/// in memory as the sum does, so that rows and columns do not matter.
pub fn goes_on_elementwise(graph: &Graph, group: &Group, node: NodeId) -> bool {
    let lies_alike = |&other: &NodeId| {
        let access = Access::of(graph, other);
        graph.node(other).ty == graph.node(node).ty
            && access.is_some_and(|access| access.is_whole(&graph.tensor(other).shape))
    };
    let is_at_hand =
        |other: &NodeId| group.members.contains_key(other) || matches!(graph.op(*other), Op::Constant(_));
    let is_flat = |(&member, &class): (&NodeId, &Class)| match operand_class(graph, member, class) {
        Some(Class::Full) => graph.operands(member).iter().all(|o| is_at_hand(o) || lies_alike(o)),
        Some(Class::Scalar) => true,
        _ => member == node,
    };
    group.outputs.iter().all(lies_alike) && group.members.iter().all(is_flat)
}
