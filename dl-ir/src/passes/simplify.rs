//! `simplify`: identities of arithmetic that hold for every value, NaN and infinities included (the sign of a zero aside), and
//! chains of views.

use super::Pass;
use crate::builder::Builder;
use crate::graph::NodeId;
use crate::ops::{Broadcast, Op, Transpose};
use crate::rewrite::rewrite;
use crate::types::Dim;

pub(super) const PASS: Pass = Pass {
    name: "simplify",
    description: "applies identities of arithmetic and joins chains of views",
    run: |function| rewrite(function, &mut simplify),
};

fn simplify(builder: &mut Builder, op: &Op, operands: &[NodeId]) -> Option<NodeId> {
    match (op, operands) {
        (Op::Add(_), &[a, b]) => sum(builder, a, b),
        (Op::Sub(_), &[a, b]) => difference(builder, a, b),
        (Op::Mul(_), &[a, b]) => product(builder, a, b),
        (Op::Div(_), &[a, b]) => is_number(builder, b, 1.0).then_some(a),
        (Op::Neg(_), &[a]) => negated(builder, a),
        (Op::Select(_), &[_, a, b]) => (a == b).then_some(a),
        (Op::StopGradient(_), &[x]) => Some(x),
        (Op::Reshape(reshape), &[x]) => view(builder, x, &reshape.shape),
        (Op::Transpose(transpose), &[x]) => permuted(builder, transpose, x),
        (Op::Broadcast(broadcast), &[x]) => repeated(builder, broadcast, x),
        (Op::ReduceSum(reduce), &[x]) => reduced(builder, &reduce.axes, x),
        (Op::ReduceMax(reduce), &[x]) => reduced(builder, &reduce.axes, x),
        _ => None,
    }
}

/// a + 0 = a; a + (−b) = a − b; numbers stand on the right.
fn sum(builder: &mut Builder, a: NodeId, b: NodeId) -> Option<NodeId> {
    if is_number(builder, b, 0.0) {
        return Some(a);
    }
    if is_number(builder, a, 0.0) {
        return Some(b);
    }
    if let Some(b) = negated(builder, b) {
        return Some(builder.sub(a, b));
    }
    let swap = number(builder, a).is_some() && number(builder, b).is_none();
    swap.then(|| builder.add(b, a))
}

/// a − 0 = a; a − (−b) = a + b.
fn difference(builder: &mut Builder, a: NodeId, b: NodeId) -> Option<NodeId> {
    if is_number(builder, b, 0.0) {
        return Some(a);
    }
    let b = negated(builder, b)?;
    Some(builder.add(a, b))
}

/// 1·a = a; −1·a = −a; numbers stand on the right.
fn product(builder: &mut Builder, a: NodeId, b: NodeId) -> Option<NodeId> {
    let (a, b) = if number(builder, a).is_some() { (b, a) } else { (a, b) };
    match number(builder, b) {
        Some(1.0) => Some(a),
        Some(-1.0) => Some(builder.neg(a)),
        Some(_) => Some(builder.mul(a, b)),
        None => None,
    }
}

/// What `node` is the negative of.
fn negated(builder: &Builder, node: NodeId) -> Option<NodeId> {
    match builder.graph().op(node) {
        Op::Neg(_) => Some(builder.graph().operands(node)[0]),
        _ => None,
    }
}

/// A view of a view is one; a view in its own shape is none.
fn view(builder: &mut Builder, x: NodeId, shape: &crate::types::Shape) -> Option<NodeId> {
    if builder.shape(x) == shape {
        return Some(x);
    }
    let Op::Reshape(_) = builder.graph().op(x) else { return None };
    let source = builder.graph().operands(x)[0];
    Some(if builder.shape(source) == shape { source } else { builder.reshape(source, shape.clone()) })
}

/// Two permutations are one; one that moves nothing is none.
fn permuted(builder: &mut Builder, transpose: &Transpose, x: NodeId) -> Option<NodeId> {
    if transpose.permutation.iter().copied().eq(0..transpose.permutation.len()) {
        return Some(x);
    }
    let Op::Transpose(inner) = builder.graph().op(x) else { return None };
    let both: Vec<usize> = transpose.permutation.iter().map(|&axis| inner.permutation[axis]).collect();
    let source = builder.graph().operands(x)[0];
    Some(if both.iter().copied().eq(0..both.len()) { source } else { builder.transpose(source, &both) })
}

/// A broadcast of a broadcast is one.
fn repeated(builder: &mut Builder, broadcast: &Broadcast, x: NodeId) -> Option<NodeId> {
    if *builder.shape(x) == broadcast.shape {
        return Some(x);
    }
    let Op::Broadcast(inner) = builder.graph().op(x) else { return None };
    let axes: Vec<usize> = inner.axes.iter().map(|&axis| broadcast.axes[axis]).collect();
    let source = builder.graph().operands(x)[0];
    Some(builder.broadcast(source, &axes, broadcast.shape.clone()))
}

/// A reduction along axes of one element is a view.
fn reduced(builder: &mut Builder, axes: &[usize], x: NodeId) -> Option<NodeId> {
    let shape = builder.shape(x).clone();
    let is_trivial = axes.iter().all(|&axis| shape.dims()[axis] == Dim::Static(1));
    is_trivial.then(|| builder.reshape(x, shape.without(axes)))
}

fn is_number(builder: &Builder, node: NodeId, value: f64) -> bool {
    number(builder, node) == Some(value)
}

fn number(builder: &Builder, node: NodeId) -> Option<f64> {
    match builder.graph().op(node) {
        Op::Constant(constant) => Some(constant.value()),
        _ => None,
    }
}
