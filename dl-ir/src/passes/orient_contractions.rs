//! `orient-contractions`: brings matrix products into the forms that kernels compute, `mk,kn->mn` and `km,kn->mn`, by swapping
//! operands or transposing the right one. The transposed copy is a node like any other: made once, seen in dumps.

use super::Pass;
use crate::builder::Builder;
use crate::graph::NodeId;
use crate::ops::{Einsum, Op};
use crate::rewrite::rewrite;

pub(super) const PASS: Pass = Pass {
    name: "orient-contractions",
    description: "brings matrix products into the forms that kernels compute",
    run: |function| rewrite(function, &mut orient),
};

fn orient(builder: &mut Builder, op: &Op, operands: &[NodeId]) -> Option<NodeId> {
    let Op::Einsum(einsum) = op else { return None };
    let (lhs, rhs) = (operands[0], operands[1]);
    if starts_with_free(&einsum.out, &einsum.lhs, &einsum.rhs) {
        return transpose_right(builder, einsum, lhs, rhs);
    }
    if !starts_with_free(&einsum.out, &einsum.rhs, &einsum.lhs) {
        return None;
    }
    let swapped = Einsum::new(&einsum.rhs, &einsum.lhs, &einsum.out);
    Some(transpose_right(builder, &swapped, rhs, lhs).unwrap_or_else(|| builder.push(swapped, &[rhs, lhs])))
}

/// Whether the result's axes are those of `first` alone, then those of `second` alone, each in its order.
fn starts_with_free(out: &[u8], first: &[u8], second: &[u8]) -> bool {
    let free = |term: &[u8], other: &[u8]| -> Vec<u8> {
        term.iter().copied().filter(|letter| !other.contains(letter)).collect()
    };
    out == [free(first, second), free(second, first)].concat()
}

/// The product with a right operand whose summed axes come first, in the left operand's order; `None` if it is so already,
/// or its size depends on the batch.
fn transpose_right(builder: &mut Builder, einsum: &Einsum, lhs: NodeId, rhs: NodeId) -> Option<NodeId> {
    let summed = einsum.contracted();
    let free = einsum.rhs.iter().copied().filter(|letter| !summed.contains(letter));
    let wanted: Vec<u8> = summed.iter().copied().chain(free).collect();
    if einsum.rhs == wanted || builder.shape(rhs).as_fixed().is_none() {
        return None;
    }
    let place = |letter: &u8| einsum.rhs.iter().position(|l| l == letter).expect("a letter of this term");
    let permutation: Vec<usize> = wanted.iter().map(place).collect();
    let transposed = builder.transpose(rhs, &permutation);
    Some(builder.push(Einsum::new(&einsum.lhs, &wanted, &einsum.out), &[lhs, transposed]))
}
