//! `transpose-windows`: the input gradient of a convolution is a convolution. Products of windows that are added up where they
//! overlap, overlap_add(dy·W), become windows of dy, surrounded by zeros, times the weight turned round (Dumoulin and Visin, 2016):
//! the table of all products is never made.
//!
//! Where windows are a stride apart, dy would need zeros between its elements too, and most of the products would be with them:
//! there the table, smaller by as much, is the better way.

use super::Pass;
use crate::builder::Builder;
use crate::graph::NodeId;
use crate::ops::{Einsum, Op, OverlapAdd, Pad, Windows};
use crate::rewrite::rewrite;
use crate::types::MAX_RANK;

pub(super) const PASS: Pass = Pass {
    name: "transpose-windows",
    description: "turns products that are added up where windows overlap into products of windows",
    run: |function| rewrite(PASS.name, function, &mut transpose),
};

/// An operand of a product, with its letters.
#[derive(Clone, Copy)]
struct Side<'a> {
    letters: &'a [u8],
    node: NodeId,
}

fn transpose(builder: &mut Builder, op: &Op, operands: &[NodeId]) -> Option<NodeId> {
    let Op::OverlapAdd(overlap) = op else { return None };
    let Op::Einsum(einsum) = builder.graph().op(operands[0]).clone() else { return None };
    if overlap.strides.iter().any(|&stride| stride > 1) {
        return None;
    }
    let sides = builder.graph().operands(operands[0]);
    let lhs = Side { letters: &einsum.lhs, node: sides[0] };
    let rhs = Side { letters: &einsum.rhs, node: sides[1] };
    transposed(builder, overlap, &einsum.out, lhs, rhs)
        .or_else(|| transposed(builder, overlap, &einsum.out, rhs, lhs))
}

/// The sum of products as a product, if `dy` alone has the axes that count windows, as neighbours, and `weight` alone those inside
/// of a window.
fn transposed(
    builder: &mut Builder,
    overlap: &OverlapAdd,
    out: &[u8],
    dy: Side<'_>,
    weight: Side<'_>,
) -> Option<NodeId> {
    let (first, n) = (overlap.axes[0], overlap.axes.len());
    let (counts, inside) = out[first..first + 2 * n].split_at(n);
    let is_alone = |letters: &[u8], with: Side<'_>, without: Side<'_>| {
        letters.iter().all(|letter| with.letters.contains(letter) && !without.letters.contains(letter))
    };
    let start = dy.letters.windows(n).position(|run| run == counts)?;
    if !is_alone(counts, dy, weight) || !is_alone(inside, weight, dy) || dy.letters.len() + n > MAX_RANK {
        return None;
    }
    let place = |letter: &u8| weight.letters.iter().position(|l| l == letter).expect("just looked for");
    let mut places: Vec<usize> = inside.iter().map(place).collect();
    let size = |&place: &usize| builder.shape(weight.node).dims()[place].as_static();
    let sizes: Vec<usize> = places.iter().map(size).collect::<Option<_>>()?;

    let mut zeros =
        Pad { low: vec![0; dy.letters.len()], high: Vec::new(), interior: vec![0; dy.letters.len()] };
    sizes.iter().enumerate().for_each(|(i, size)| zeros.low[start + i] = size - 1);
    zeros.high = zeros.low.clone();
    let surrounded = builder.try_push(zeros, &[dy.node]).ok()?;
    let windows = Windows { axes: (start..start + n).collect(), sizes, strides: overlap.strides.clone() };
    let windows = builder.try_push(windows, &[surrounded]).ok()?;
    places.sort_unstable();
    let turned = builder.reverse(weight.node, &places);

    let of_windows = [&dy.letters[..start + n], inside, &dy.letters[start + n..]].concat();
    let of_result = [&out[..first + n], &out[first + 2 * n..]].concat();
    Some(builder.push(Einsum::new(&of_windows, weight.letters, &of_result), &[windows, turned]))
}
