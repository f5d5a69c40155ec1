//! `fold-constants`: computes what depends on numbers only.

use std::collections::BTreeMap;

use super::Pass;
use crate::builder::Builder;
use crate::graph::NodeId;
use crate::ops::{Constant, EvalContext, Op, Structure};
use crate::rewrite::rewrite;
use crate::types::{TensorType, Type};
use crate::value::Value;

pub(super) const PASS: Pass = Pass {
    name: "fold-constants",
    description: "computes what depends on numbers only",
    run: |function| rewrite(PASS.name, function, &mut fold),
};

fn fold(builder: &mut Builder, op: &Op, operands: &[NodeId]) -> Option<NodeId> {
    let numbers: Vec<Constant> =
        operands.iter().map(|&operand| number(builder, operand)).collect::<Option<_>>()?;
    let types: Vec<&Type> = operands.iter().map(|&operand| &builder.graph().node(operand).ty).collect();
    let first = numbers.first()?;
    let result = op.infer(&types).ok()?.as_tensor()?.clone();
    let value = match (op, op.structure()) {
        (_, Structure::Map) => evaluate(op, &numbers, &result),
        (_, Structure::Broadcast | Structure::View | Structure::Permute) => first.value(),
        (_, Structure::Slice | Structure::Window | Structure::Reverse) => first.value(),
        (Op::Pad(_), _) if first.value() == 0.0 => 0.0,
        (Op::ReduceMax(_), _) => first.value(),
        (Op::ReduceSum(reduce), _) => {
            let dims = first.ty.shape.dims();
            let sizes = reduce.axes.iter().map(|&axis| dims[axis].as_static());
            first.value() * sizes.product::<Option<usize>>()? as f64
        }
        _ => return None,
    };
    Some(builder.push(Constant::new(value, result), &[]))
}

fn number(builder: &Builder, node: NodeId) -> Option<Constant> {
    match builder.graph().op(node) {
        Op::Constant(constant) => Some(constant.clone()),
        _ => None,
    }
}

/// An elementwise op on numbers: all elements are alike, so one of them tells.
fn evaluate(op: &Op, numbers: &[Constant], result: &TensorType) -> f64 {
    let one = |number: &Constant| Value::new(number.ty.dtype, Vec::new(), vec![number.value()]);
    let operands: Vec<Value> = numbers.iter().map(one).collect();
    let ty = TensorType::new(result.dtype, Default::default()).into();
    let context = EvalContext { batch: 1, ty: &ty, environment: &BTreeMap::new() };
    op.eval(&operands.iter().collect::<Vec<_>>(), &context)[0].data[0]
}
