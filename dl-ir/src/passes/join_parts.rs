//! `join-parts`: a sum of parts, each among zeros where the others are, is their concatenation. Such sums are the cotangents of what is
//! cut into slices, as recurrent layers cut their gates.

use super::Pass;
use crate::builder::Builder;
use crate::graph::NodeId;
use crate::ops::{Concatenate, Op, Pad};
use crate::rewrite::rewrite;
use crate::types::{Dim, Shape};

pub(super) const PASS: Pass = Pass {
    name: "join-parts",
    description: "makes a sum of parts, each among zeros where the others are, their concatenation",
    run: |function| rewrite(PASS.name, function, &mut join),
};

fn join(builder: &mut Builder, op: &Op, operands: &[NodeId]) -> Option<NodeId> {
    let Op::Add(_) = op else { return None };
    let mut parts = Vec::new();
    operands.iter().try_for_each(|&operand| add_parts(builder, operand, &mut parts))?;
    let axis = axis_of(&parts[0].0)?;
    parts.sort_by_key(|(pad, _)| pad.low[axis]);
    let shape = builder.shape(parts[0].1);
    if !lie_together(shape, axis) || parts.iter().any(|(_, part)| builder.shape(*part) != shape) {
        return None;
    }
    let Dim::Static(size) = shape.dims()[axis] else { return None };
    let is_next = |(index, (pad, _)): (usize, &(Pad, NodeId))| {
        axis_of(pad) == Some(axis)
            && pad.low[axis] == index * size
            && pad.high[axis] == (parts.len() - 1 - index) * size
    };
    let is_complete = parts.iter().enumerate().all(is_next);
    let parts: Vec<NodeId> = parts.iter().map(|&(_, part)| part).collect();
    is_complete.then(|| builder.push(Concatenate { axis }, &parts))
}

/// The most parts that are looked for.
const MAX_PARTS: usize = 16;

/// Adds the terms of a sum, all of which are padded, with their pads; `None` if one is not.
fn add_parts(builder: &Builder, node: NodeId, parts: &mut Vec<(Pad, NodeId)>) -> Option<()> {
    let graph = builder.graph();
    let operands = graph.operands(node);
    match graph.op(node) {
        Op::Add(_) if parts.len() < MAX_PARTS => {
            operands.iter().try_for_each(|&operand| add_parts(builder, operand, parts))
        }
        Op::Pad(pad) => {
            parts.push((pad.clone(), operands[0]));
            Some(())
        }
        _ => None,
    }
}

/// The axis that a pad is along, if it is one, and no zeros are between elements.
fn axis_of(pad: &Pad) -> Option<usize> {
    let is_padded = |&axis: &usize| pad.low[axis] + pad.high[axis] > 0;
    let mut axes = (0..pad.low.len()).filter(is_padded);
    let axis = axes.next()?;
    (axes.next().is_none() && pad.interior.iter().all(|&zeros| zeros == 0)).then_some(axis)
}

/// Whether what is behind an axis is of fixed size, and what is before it is not: kernels write each part as they compute it.
fn lie_together(shape: &Shape, axis: usize) -> bool {
    let depends_on_batch = |dim: &Dim| dim.as_static().is_none();
    let (before, behind) = shape.dims().split_at(axis);
    before.iter().any(depends_on_batch) && !behind.iter().any(depends_on_batch)
}
