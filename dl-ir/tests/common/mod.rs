//! Random modules, and properties that hold for all of them.

use arbtest::arbitrary::{Result, Unstructured};
use dl_ir::builder::Builder;
use dl_ir::graph::NodeId;
use dl_ir::module::{Function, Init, Module, StateDecl, StateRole};
use dl_ir::ops::compare::Direction;
use dl_ir::ops::scan::{Operands, Results, Steps};
use dl_ir::ops::{OverlapAdd, Pad, Slice};
use dl_ir::types::{Dim, Shape, TensorType};

/// Runs a property on a fixed number of fixed seeds.
pub fn for_all(property: impl Fn(&mut Unstructured<'_>) -> Result<()>) {
    const SEEDS: u64 = 300;
    for seed in 1..=SEEDS {
        // arbtest takes the number of random bytes from the lower half.
        let bytes = 16 * seed;
        arbtest::arbtest(&property).seed(seed << 32 | bytes).run();
    }
}

/// A valid module: a state, and a function of random ops on matrices of one shape.
pub fn random_module(u: &mut Unstructured<'_>) -> Result<Module> {
    let rows = if u.arbitrary()? { Dim::Batch(u.int_in_range(1..=3)?) } else { Dim::Static(3) };
    let shape: Shape = [rows, Dim::Static(u.int_in_range(1..=4)?)].into_iter().collect();
    let fixed = TensorType::f32(Shape::fixed(&[2, 2]));
    let mut builder = Builder::new();
    let mut nodes = vec![builder.input("x", TensorType::f32(shape.clone()))];
    let state = builder.state("dense0.weight", fixed.clone());
    let update = builder.scale(f64::from(u.arbitrary::<f32>()?), state);
    for _ in 0..u.int_in_range(0..=20)? {
        let (a, b) = (*u.choose(&nodes)?, *u.choose(&nodes)?);
        nodes.push(random_node(u, &mut builder, a, b, 2)?);
    }
    let last = nodes.iter().rev().take(4).enumerate();
    let results = last.map(|(position, &node)| (format!("y{position}"), node)).collect();
    let function = Function {
        name: "train_step".to_owned(),
        graph: builder.finish(),
        results,
        updates: vec![("dense0.weight".to_owned(), update)],
    };
    let init = Init::Constant(f64::from(u.arbitrary::<i8>()?) / 8.0);
    let state = StateDecl { name: "dense0.weight".to_owned(), ty: fixed, role: StateRole::Buffer, init };
    Ok(Module { network: u.arbitrary()?, states: vec![state], functions: vec![function] })
}

/// A node of the shape of `a` and `b`; scans nest up to `depth`.
fn random_node(
    u: &mut Unstructured<'_>,
    builder: &mut Builder,
    a: NodeId,
    b: NodeId,
    depth: usize,
) -> Result<NodeId> {
    let shape = builder.shape(a).clone();
    Ok(match u.int_in_range(0..=if depth > 0 { 18 } else { 16 })? {
        0 => builder.add(a, b),
        1 => builder.tanh(a),
        2 => {
            let any = f64::from(u.arbitrary::<i16>()?) / 4096.0;
            builder.constant(*u.choose(&[0.0, 1.0, -1.0, any])?, shape)
        }
        3 => {
            let condition = builder.compare(*u.choose(&Direction::ALL)?, a, b);
            builder.select(condition, b, a)
        }
        4 => {
            let sum = builder.reduce_sum(a, &[1]);
            builder.broadcast(sum, &[0], shape)
        }
        5 => {
            let turned = builder.transpose(a, &[1, 0]);
            builder.transpose(turned, &[1, 0])
        }
        6 => {
            let maxima = builder.max_with_index(a, &[1]);
            let (max, index) = (builder.get(maxima, 0), builder.get(maxima, 1));
            builder.place_at(max, index, 1, &shape.dims()[1..])
        }
        7 => {
            let here = builder.iota(0, shape);
            builder.convert(here)
        }
        8 => builder.mul(a, b),
        9 => builder.sub(a, b),
        10 => builder.neg(a),
        11 => {
            let sum = builder.reduce_sum(a, &[0, 1]);
            builder.broadcast(sum, &[], shape)
        }
        12 => shifted(u, builder, a)?,
        13 => overlapped(u, builder, a)?,
        14 => products_of_windows(u, builder, a, b)?,
        15 => {
            let windows = windows(u, builder, a)?;
            let maxima = builder.max_with_index(windows, &[1, 2]);
            let max = builder.get(maxima, 0);
            builder.broadcast(max, &[0], shape)
        }
        17 | 18 => random_scan(u, builder, a, b, depth - 1)?,
        _ => {
            let products = builder.einsum("ab,ac->bc", a, b);
            let bounded = builder.tanh(products);
            builder.einsum(u.choose(&["ab,bc->ac", "ab,cb->ac"])?, a, bounded)
        }
    })
}

/// A scan from `a` over two slices of `b`, with `a` as an invariant; a node of their shape from its results.
fn random_scan(
    u: &mut Unstructured<'_>,
    builder: &mut Builder,
    a: NodeId,
    b: NodeId,
    depth: usize,
) -> Result<NodeId> {
    const LENGTH: usize = 2;
    let dims = builder.shape(b).dims();
    let stacked: Shape = std::iter::once(Dim::Static(LENGTH)).chain(dims.iter().copied()).collect();
    let slices = builder.broadcast(b, &[1, 2], stacked);
    let operands = Operands { carries: vec![a, b], sequences: vec![slices], invariants: vec![a] };
    let mut failure = None;
    let results =
        builder.scan(Steps { length: LENGTH, reverse: u.arbitrary()? }, &operands, |body, inputs| {
            let mut nodes = inputs.all();
            for _ in 0..2 {
                let (a, b) = (nodes[nodes.len() - 1], nodes[nodes.len() - 4]);
                match random_node(u, body, a, b, depth) {
                    Ok(node) => nodes.push(body.tanh(node)),
                    Err(error) => failure = Some(error),
                }
            }
            let last = nodes[nodes.len() - 1];
            Results { carries: vec![last, inputs.carries[0]], outputs: vec![nodes[nodes.len() - 2], last] }
        });
    if let Some(error) = failure {
        return Err(error);
    }
    let stack = *u.choose(&results.outputs)?;
    let sum = builder.reduce_sum(stack, &[0]);
    Ok(if u.arbitrary()? { sum } else { builder.add(sum, results.carries[1]) })
}

/// The number of columns.
fn columns(builder: &Builder, a: NodeId) -> usize {
    builder.shape(a).dims()[1].as_static().expect("only rows depend on the batch")
}

/// The matrix with zeros around and between its columns, twice; of that some columns, of which as many as there were before.
fn shifted(u: &mut Unstructured<'_>, builder: &mut Builder, a: NodeId) -> Result<NodeId> {
    let n = columns(builder, a);
    let mut x = a;
    for _ in 0..2 {
        let mut zeros = || Ok(vec![0, u.int_in_range(0..=2)?]);
        x = builder.pad(x, Pad { low: zeros()?, high: zeros()?, interior: zeros()? });
        x = turned(u, builder, x)?;
    }
    for is_last in [false, true] {
        let size = columns(builder, x);
        let mut slice = Slice::whole(builder.shape(x));
        let stride = u.int_in_range(1..=if n > 1 { (size - 1) / (n - 1) } else { 2 })?;
        let needed = (n - 1) * stride + 1;
        let start = u.int_in_range(0..=size - needed)?;
        let limit = start + needed;
        let limit = if is_last { limit } else { u.int_in_range(limit..=size)? };
        (slice.start[1], slice.limit[1], slice.stride[1]) = (start, limit, stride);
        x = builder.slice(x, slice);
    }
    let x = turned(u, builder, x)?;
    turned(u, builder, x)
}

/// The matrix or its mirror image.
fn turned(u: &mut Unstructured<'_>, builder: &mut Builder, a: NodeId) -> Result<NodeId> {
    Ok(if u.arbitrary()? { builder.reverse(a, &[1]) } else { a })
}

/// Windows of columns, [rows, windows, size].
fn windows(u: &mut Unstructured<'_>, builder: &mut Builder, a: NodeId) -> Result<NodeId> {
    let (size, stride) = (u.int_in_range(1..=columns(builder, a))?, u.int_in_range(1..=3)?);
    Ok(builder.windows(a, 1, &[size], &[stride]))
}

/// Windows of columns, added up again.
fn overlapped(u: &mut Unstructured<'_>, builder: &mut Builder, a: NodeId) -> Result<NodeId> {
    let (size, stride) = (u.int_in_range(1..=columns(builder, a))?, u.int_in_range(1..=3)?);
    let windows = builder.windows(a, 1, &[size], &[stride]);
    let back = OverlapAdd { axes: vec![1], strides: vec![stride], sizes: vec![columns(builder, a)] };
    Ok(builder.push(back, &[windows]))
}

/// Each of the first columns times a window, added up: what the gradient of a convolution is.
fn products_of_windows(
    u: &mut Unstructured<'_>,
    builder: &mut Builder,
    a: NodeId,
    b: NodeId,
) -> Result<NodeId> {
    let n = columns(builder, a);
    let (size, stride) = (u.int_in_range(1..=n)?, u.int_in_range(1..=3)?);
    let first = |builder: &mut Builder, x, count| {
        let mut slice = Slice::whole(builder.shape(x));
        *slice.limit.last_mut().expect("an axis") = count;
        builder.slice(x, slice)
    };
    let counts = first(builder, a, (n - size) / stride + 1);
    let sums = builder.reduce_sum(b, &[0]);
    let window = first(builder, sums, size);
    let products = builder.einsum("ab,c->abc", counts, window);
    let back = OverlapAdd { axes: vec![1], strides: vec![stride], sizes: vec![n] };
    Ok(builder.push(back, &[products]))
}
