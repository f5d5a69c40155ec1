//! `map-windows`: what is computed from each element of windows put back side by side is computed before they are put back. So the
//! gradient of pooling, of the activation before it and of padding are one kernel, which writes each element once.

use super::Pass;
use crate::builder::Builder;
use crate::graph::NodeId;
use crate::ops::{Constant, Op, OverlapAdd, Structure, Windows};
use crate::rewrite::rewrite;
use crate::types::{DType, TensorType};

pub(super) const PASS: Pass = Pass {
    name: "map-windows",
    description: "moves elementwise ops before overlap_add where windows lie side by side",
    run: |function| rewrite(PASS.name, function, &mut map_windows),
};

fn map_windows(builder: &mut Builder, op: &Op, operands: &[NodeId]) -> Option<NodeId> {
    if op.structure() != Structure::Map {
        return None;
    }
    let (put_back, windows) = operands.iter().find_map(|&operand| side_by_side(builder, operand))?;
    let inside: Vec<NodeId> =
        operands.iter().map(|&operand| taken_apart(builder, operand, &put_back, &windows)).collect();
    let mapped = builder.try_push(op.clone(), &inside).ok()?;
    let is_f32 = builder.graph().tensor(mapped).dtype == DType::F32;
    is_f32.then(|| builder.push(put_back, &[mapped]))
}

/// The op that put windows back, and the windows that it undoes, if each element of the result is one of the operand.
fn side_by_side(builder: &Builder, node: NodeId) -> Option<(OverlapAdd, Windows)> {
    let Op::OverlapAdd(add) = builder.graph().op(node) else { return None };
    let dims = builder.shape(builder.graph().operands(node)[0]).dims();
    let size = |&axis: &usize| dims[axis + add.axes.len()].as_static();
    let sizes = add.axes.iter().map(size).collect::<Option<Vec<usize>>>()?;
    let covers =
        |(i, &axis): (usize, &usize)| dims[axis].as_static().map(|n| n * sizes[i]) == Some(add.sizes[i]);
    let fits = add.strides == sizes && add.axes.iter().enumerate().all(covers);
    fits.then(|| (add.clone(), Windows { axes: add.axes.clone(), strides: sizes.clone(), sizes }))
}

/// The elements of a node as the windows have them.
fn taken_apart(builder: &mut Builder, node: NodeId, put_back: &OverlapAdd, windows: &Windows) -> NodeId {
    let graph = builder.graph();
    let operands = graph.operands(node).to_vec();
    match graph.op(node).clone() {
        Op::OverlapAdd(add) if add == *put_back => operands[0],
        Op::Constant(constant) => {
            let like = builder.push(windows.clone(), &[node]);
            let ty = TensorType::new(constant.ty.dtype, builder.shape(like).clone());
            builder.push(Constant::new(constant.value(), ty), &[])
        }
        // Truth values are never in memory: they are compared again.
        op if op.structure() == Structure::Map && graph.tensor(node).dtype == DType::Bool => {
            let inside: Vec<NodeId> =
                operands.iter().map(|&operand| taken_apart(builder, operand, put_back, windows)).collect();
            builder.push(op, &inside)
        }
        _ => builder.push(windows.clone(), &[node]),
    }
}
