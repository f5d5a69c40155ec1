//! What kernels cost, roughly: enough to know which are worth several threads, and how to share phases among them.

use dl_ir::graph::{Graph, NodeId};
use dl_ir::ops::Op;
use dl_ir::types::{Dim, multiply};
use dl_runtime::program::Cost;

use super::operands::{
    Binding, bindings, chunks, packed_transpose, rows_moved, shape_elements, stored_elements,
};
use crate::fuse::chunks::CHUNK;
use crate::fuse::{Anchor, Class, Group, Reduction, Space, reduction};
use crate::target::Target;
use dl_ir::product::Product;

/// Nanoseconds for the lanes of one 512-bit vector; narrower vectors take as many more.
const FMA: f32 = 0.15;
const ACCESS: f32 = 0.5;
const SIMPLE: f32 = 0.15;
const DIVISION: f32 = 4.0;
const FUNCTION: f32 = 5.0;
const TRANSPOSE: f32 = 4.0;
/// Rows that are named by indices are far apart, and each piece of one takes a run of a program.
const ROW_ACCESS: f32 = 4.0;
/// A term of a sum waits for the one before, however little there is to add.
const CHAIN: f32 = 1.3;
/// To combine the lanes of a vector, each step waiting for the one before.
const ROW_REDUCTION: f32 = 4.0;
/// What any launch costs.
const LAUNCH: f32 = 20.0;

/// The cost of a group's kernel.
pub fn cost(graph: &Graph, group: &Group, target: Target) -> Cost {
    let vectors_per_element = 1.0 / target.lanes.count() as f32;
    let mut cost = Cost { fixed: LAUNCH, per_example: 0.0 };
    let mut add = |elements: Option<Dim>, each: f32| {
        let each = each * vectors_per_element;
        match elements {
            Some(Dim::Static(n)) => cost.fixed += n as f32 * each,
            Some(Dim::Batch(n)) => cost.per_example += n as f32 * each,
            None => {}
        }
    };
    if let Some(rows) = rows_moved(graph, group) {
        add(Some(shape_elements(graph, rows)), ROW_ACCESS);
        if let Some(Anchor::ScatterAdd(_)) = group.anchor {
            add(group.space.elements(), ACCESS);
        }
        return cost;
    }
    let at_points = |node| whole_vectors(group.elements(graph, node), group.space, target);
    for (&member, &class) in &group.members {
        let elements = if class == Class::Full { at_points(member) } else { shape_of(graph, member) };
        add(elements, op_cost(graph.op(member)));
        if reduction(graph, member) == Some(Reduction::Row) {
            add(shape_of(graph, member), ROW_REDUCTION * target.lanes.count() as f32);
        }
    }
    for binding in bindings(graph, group) {
        match binding {
            Binding::Read(node, Class::Full) | Binding::Write(node, Class::Full) | Binding::Scatter(node) => {
                add(at_points(node), ACCESS)
            }
            Binding::Left(node) if matches!(group.anchor, Some(Anchor::Transpose(_))) => {
                add(Some(shape_elements(graph, node)), TRANSPOSE);
            }
            Binding::Packed(node) if packed_transpose(graph, group) == Some(node) => {
                add(Some(shape_elements(graph, node)), TRANSPOSE);
            }
            Binding::Partials(node) | Binding::WritePartials(node) => {
                let terms = Dim::Batch(chunks(graph, node).of.per_example);
                let all = multiply(terms, stored_elements(graph, node, target));
                add(all, (ACCESS + SIMPLE) / CHUNK as f32);
            }
            Binding::Left(node) if !matches!(group.anchor, Some(Anchor::Contract(_) | Anchor::Chunks(_))) => {
                add(Some(shape_elements(graph, node)), ACCESS + SIMPLE);
            }
            _ => {}
        }
    }
    if let Some(Anchor::Contract(node) | Anchor::Chunks(node)) = group.anchor
        && let Some(product) = Product::of(graph, node)
    {
        let (height, vectors) = target.matmul_tile();
        let n_vectors = product.n.div_ceil(target.lanes.count());
        let in_tile = product.m.as_static().map_or(height, |m| m.min(height)) * n_vectors.min(vectors);
        // Of the three sizes one at most depends on the batch.
        let sizes = [product.m, Dim::Static(n_vectors * target.lanes.count()), product.k];
        let all = sizes.into_iter().try_fold(Dim::Static(1), multiply);
        add(all, FMA.max(CHAIN / in_tile as f32));
        // For one example there is little else to do.
        add(multiply(product.k, Dim::Static(product.n)), ACCESS);
    }
    cost
}

/// So many elements in rows, where each row is computed in whole vectors.
fn whole_vectors(elements: Option<Dim>, space: Space, target: Target) -> Option<Dim> {
    let Space::Grid { cols, .. } = space else { return elements };
    let of_row = |n: usize| n / cols.max(1) * cols.next_multiple_of(target.lanes.count());
    elements.map(|elements| match elements {
        Dim::Static(n) => Dim::Static(of_row(n)),
        Dim::Batch(n) => Dim::Batch(of_row(n)),
    })
}

fn shape_of(graph: &Graph, node: NodeId) -> Option<Dim> {
    graph.node(node).ty.as_tensor()?.shape.elements()
}

fn op_cost(op: &Op) -> f32 {
    match op {
        Op::Div(_) | Op::Sqrt(_) => DIVISION,
        Op::Exp(_)
        | Op::Expm1(_)
        | Op::Log(_)
        | Op::Log1p(_)
        | Op::Tanh(_)
        | Op::Erf(_)
        | Op::Logistic(_) => FUNCTION,
        Op::Softplus(_) | Op::RandomUniform(_) => 2.0 * FUNCTION,
        Op::Broadcast(_)
        | Op::Iota(_)
        | Op::Get(_)
        | Op::Einsum(_)
        | Op::StopGradient(_)
        | Op::Slice(_)
        | Op::Transpose(_) => 0.0,
        _ => SIMPLE,
    }
}
