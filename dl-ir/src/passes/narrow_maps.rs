//! `narrow-maps`: computes on the few elements before they are repeated. f(broadcast(a), broadcast(b), number) becomes
//! broadcast(f(a, b, number)) where all are repeated along the same axes.

use super::Pass;
use crate::builder::Builder;
use crate::graph::NodeId;
use crate::ops::{Broadcast, Constant, Op, Structure};
use crate::rewrite::rewrite;
use crate::types::TensorType;

pub(super) const PASS: Pass = Pass {
    name: "narrow-maps",
    description: "computes elementwise ops before their operands are repeated",
    run: |function| rewrite(PASS.name, function, &mut narrow),
};

fn narrow(builder: &mut Builder, op: &Op, operands: &[NodeId]) -> Option<NodeId> {
    if op.structure() != Structure::Map {
        return None;
    }
    let mut broadcast: Option<(Broadcast, NodeId)> = None;
    for &operand in operands {
        match builder.graph().op(operand) {
            Op::Constant(_) => {}
            Op::Broadcast(this) if broadcast.as_ref().is_none_or(|(first, _)| first == this) => {
                broadcast = Some((this.clone(), builder.graph().operands(operand)[0]));
            }
            _ => return None,
        }
    }
    let (broadcast, narrow) = broadcast?;
    let shape = builder.shape(narrow).clone();
    let sources: Vec<NodeId> = operands
        .iter()
        .map(|&operand| match builder.graph().op(operand).clone() {
            Op::Constant(number) => {
                let ty = TensorType::new(number.ty.dtype, shape.clone());
                builder.push(Constant::new(number.value(), ty), &[])
            }
            _ => builder.graph().operands(operand)[0],
        })
        .collect();
    let narrow = builder.push(op.clone(), &sources);
    Some(builder.broadcast(narrow, &broadcast.axes, broadcast.shape))
}
