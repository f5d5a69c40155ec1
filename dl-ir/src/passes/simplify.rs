//! `simplify`: identities of arithmetic that hold for every value, NaN and infinities included (the sign of a zero aside), and
//! chains of views.

use super::Pass;
use crate::builder::Builder;
use crate::graph::NodeId;
use crate::ops::{Broadcast, Op, OverlapAdd, Pad, Slice, Transpose, Windows};
use crate::rewrite::rewrite;
use crate::types::{Dim, Shape};

pub(super) const PASS: Pass = Pass {
    name: "simplify",
    description: "applies identities of arithmetic and joins chains of views",
    run: |function| rewrite(PASS.name, function, &mut simplify),
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
        (Op::Slice(slice), &[x]) => sliced(builder, slice, x),
        (Op::Pad(pad), &[x]) => padded(builder, pad, x),
        (Op::Reverse(reverse), &[x]) => reversed(builder, &reverse.axes, x),
        (Op::Windows(windows), &[x]) => one_by_one(builder, windows, x),
        (Op::OverlapAdd(overlap), &[x]) => scattered(builder, overlap, x),
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
fn view(builder: &mut Builder, x: NodeId, shape: &Shape) -> Option<NodeId> {
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

/// A slice of a slice is one; a slice of everything is none.
fn sliced(builder: &mut Builder, slice: &Slice, x: NodeId) -> Option<NodeId> {
    if *slice == Slice::whole(builder.shape(x)) {
        return Some(x);
    }
    let Op::Slice(inner) = builder.graph().op(x) else { return None };
    let at = |axis: usize, index: usize| inner.start[axis] + index * inner.stride[axis];
    let axes = 0..slice.start.len();
    let joined = Slice {
        start: axes.clone().map(|axis| at(axis, slice.start[axis])).collect(),
        limit: axes.clone().map(|axis| at(axis, slice.limit[axis] - 1) + 1).collect(),
        stride: axes.map(|axis| inner.stride[axis] * slice.stride[axis]).collect(),
    };
    let source = builder.graph().operands(x)[0];
    Some(builder.slice(source, joined))
}

/// A pad around a pad is one; a pad of no zeros is none.
fn padded(builder: &mut Builder, pad: &Pad, x: NodeId) -> Option<NodeId> {
    let all_zero = |list: &[usize]| list.iter().all(|&zeros| zeros == 0);
    let is_plain = all_zero(&pad.interior);
    if is_plain && all_zero(&pad.low) && all_zero(&pad.high) {
        return Some(x);
    }
    let Op::Pad(inner) = builder.graph().op(x) else { return None };
    if !is_plain {
        return None;
    }
    let sum = |a: &[usize], b: &[usize]| a.iter().zip(b).map(|(a, b)| a + b).collect();
    let (low, high) = (sum(&inner.low, &pad.low), sum(&inner.high, &pad.high));
    let joined = Pad { low, high, interior: inner.interior.clone() };
    let source = builder.graph().operands(x)[0];
    Some(builder.pad(source, joined))
}

/// What is turned round twice is as it was; so are axes of one element.
fn reversed(builder: &mut Builder, axes: &[usize], x: NodeId) -> Option<NodeId> {
    let (source, before) = match builder.graph().op(x) {
        Op::Reverse(inner) => (builder.graph().operands(x)[0], inner.axes.clone()),
        _ => (x, Vec::new()),
    };
    let shape = builder.shape(x).clone();
    let turns =
        |axis: &usize| shape.dims()[*axis] != Dim::Static(1) && axes.contains(axis) != before.contains(axis);
    let joined: Vec<usize> = (0..shape.rank()).filter(turns).collect();
    (source != x || joined != axes).then(|| builder.reverse(source, &joined))
}

/// Windows of one element, or one window of all elements, are a view.
fn one_by_one(builder: &mut Builder, windows: &Windows, x: NodeId) -> Option<NodeId> {
    let shape = builder.shape(x).clone();
    let are_single = windows.sizes.iter().chain(&windows.strides).all(|&size| size == 1);
    let extents = windows.axes.iter().map(|&axis| shape.dims()[axis]);
    let is_whole = extents.eq(windows.sizes.iter().map(|&size| Dim::Static(size)));
    if !are_single && !is_whole {
        return None;
    }
    let mut dims = shape.dims().to_vec();
    let place = windows.axes[0] + if is_whole { 0 } else { windows.axes.len() };
    dims.splice(place..place, windows.axes.iter().map(|_| Dim::Static(1)));
    Some(builder.reshape(x, dims.into_iter().collect()))
}

/// Adding up windows of one element puts zeros between and behind them.
fn scattered(builder: &mut Builder, overlap: &OverlapAdd, x: NodeId) -> Option<NodeId> {
    let mut dims = builder.shape(x).dims().to_vec();
    let (first, n) = (overlap.axes[0], overlap.axes.len());
    if dims.drain(first + n..first + 2 * n).any(|dim| dim != Dim::Static(1)) {
        return None;
    }
    let shape: Shape = dims.into_iter().collect();
    let mut pad =
        Pad { low: vec![0; shape.rank()], high: vec![0; shape.rank()], interior: vec![0; shape.rank()] };
    for (i, &axis) in overlap.axes.iter().enumerate() {
        pad.interior[axis] = overlap.strides[i] - 1;
        let count = shape.dims()[axis].as_static()?;
        pad.high[axis] = overlap.sizes[i] - pad.spread(axis, count);
    }
    let elements = view(builder, x, &shape).unwrap_or_else(|| builder.reshape(x, shape));
    Some(builder.pad(elements, pad))
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
