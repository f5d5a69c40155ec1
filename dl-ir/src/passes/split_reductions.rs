//! `split-reductions`: a sum along the last axis and others becomes one along the last, then one along the rest. Kernels
//! reduce rows or columns.

use super::Pass;
use crate::builder::Builder;
use crate::graph::NodeId;
use crate::ops::Op;
use crate::rewrite::rewrite;

pub(super) const PASS: Pass = Pass {
    name: "split-reductions",
    description: "splits sums along all axes into sums of rows and of columns",
    run: |function| rewrite(PASS.name, function, &mut split),
};

fn split(builder: &mut Builder, op: &Op, operands: &[NodeId]) -> Option<NodeId> {
    let Op::ReduceSum(reduce) = op else { return None };
    let (&innermost, outer) = reduce.axes.split_last()?;
    let last = builder.shape(operands[0]).rank() - 1;
    if innermost != last || outer.is_empty() {
        return None;
    }
    let rows = builder.reduce_sum(operands[0], &[last]);
    // Several axes left would be rows and columns again: they are one run of elements.
    let whole = outer.len() == last;
    if whole && last > 1 {
        let elements = builder.shape(rows).elements()?;
        let flat = builder.reshape(rows, std::iter::once(elements).collect());
        return Some(builder.reduce_sum(flat, &[0]));
    }
    Some(builder.reduce_sum(rows, outer))
}
