//! Sums over the steps of a scan that are taken outside of it.
//!
//! The gradient of a recurrent weight is the sum over all steps of a contraction over the batch: one contraction over time and
//! batch, of stacks that are mostly there already. What is of no such form is summed in a carry.

use super::vjp::{Back, Done, Stack};
use crate::builder::Builder;
use crate::graph::NodeId;
use crate::ops::{Einsum, Op};

/// How the sum over all steps of a node of the body is computed.
pub(super) enum Sum {
    /// A contraction of stacks, over time too.
    Contract { einsum: Einsum, lhs: Stack, rhs: Stack },
    /// A stack summed along these axes of its slices, and along time.
    Reduce { stack: Stack, axes: Vec<usize> },
    /// A linear op, applied to sums.
    Linear { op: Op, operands: Vec<Sum> },
    /// A carry.
    Carried { carry: usize },
}

impl Sum {
    /// Prepares the scan for the sum of a node of its body.
    pub(super) fn plan(back: &mut Back, builder: &mut Builder, node: NodeId) -> Sum {
        let varying = back.varying();
        hoisted(back, builder, node, &varying).unwrap_or_else(|| carried(back, builder, node))
    }

    /// The sum, given the scan.
    pub(super) fn build(&self, builder: &mut Builder, done: &Done) -> NodeId {
        match self {
            Sum::Contract { einsum, lhs, rhs } => {
                let (lhs, rhs) = (done.stack(builder, lhs), done.stack(builder, rhs));
                builder.push(over_time(einsum), &[lhs, rhs])
            }
            Sum::Reduce { stack, axes } => {
                let stack = done.stack(builder, stack);
                let axes: Vec<usize> = std::iter::once(0).chain(axes.iter().map(|axis| axis + 1)).collect();
                builder.reduce_sum(stack, &axes)
            }
            Sum::Linear { op, operands } => {
                let operands: Vec<NodeId> = operands.iter().map(|sum| sum.build(builder, done)).collect();
                builder.push(op.clone(), &operands)
            }
            Sum::Carried { carry } => done.carry(builder, *carry),
        }
    }
}

/// The sum of a node that contracts or reduces what differs from step to step, or rearranges and adds such; `None` for others.
fn hoisted(back: &mut Back, builder: &mut Builder, node: NodeId, varying: &[bool]) -> Option<Sum> {
    let op = back.body.graph().op(node).clone();
    let operands = back.body.graph().operands(node).to_vec();
    let vary = operands.iter().all(|operand| varying[operand.index()]);
    match op {
        Op::Einsum(einsum) if vary => {
            let (lhs, rhs) = (back.stack(operands[0]), back.stack(operands[1]));
            Some(Sum::Contract { einsum, lhs, rhs })
        }
        Op::ReduceSum(reduce) if vary => {
            Some(Sum::Reduce { stack: back.stack(operands[0]), axes: reduce.axes })
        }
        Op::Add(_) | Op::Sub(_) | Op::Neg(_) | Op::Reshape(_) | Op::Transpose(_) => {
            let sums: Vec<Option<Sum>> =
                operands.iter().map(|&operand| hoisted(back, builder, operand, varying)).collect();
            if sums.iter().all(Option::is_none) {
                return None;
            }
            let carry = |(sum, &operand): (Option<Sum>, &NodeId)| {
                sum.unwrap_or_else(|| carried(back, builder, operand))
            };
            Some(Sum::Linear { op, operands: sums.into_iter().zip(&operands).map(carry).collect() })
        }
        _ => None,
    }
}

/// Adds up a node in a carry of its own.
fn carried(back: &mut Back, builder: &mut Builder, node: NodeId) -> Sum {
    let zero = builder.constant(0.0, back.body.shape(node).clone());
    let before = back.carry(builder, zero);
    let after = back.body.add(before, node);
    back.next.push(after);
    Sum::Carried { carry: back.next.len() - 1 }
}

/// The contraction of stacks of a contraction's operands, summed along the new first axis too.
fn over_time(einsum: &Einsum) -> Einsum {
    let is_free = |letter: &u8| !einsum.lhs.contains(letter) && !einsum.rhs.contains(letter);
    let time = (b'a'..=b'z').find(is_free).expect("16 axes each, of which half are shared, are at most 24 letters");
    let stacked = |term: &[u8]| [&[time], term].concat();
    Einsum::new(&stacked(&einsum.lhs), &stacked(&einsum.rhs), &einsum.out)
}
