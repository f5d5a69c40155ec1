//! `place-views`: copies the views that cannot be read where they lie, and nothing else. Behind it, every kernel finds the elements of
//! its operands at a constant plus a multiple of each index.
//!
//! Kernels that work element by element read any view whose rows are whole, and products read their left operand however it lies.
//! Whatever leaves the function, or is read by something that goes through memory in order, must lie in order.

use std::sync::Arc;

use super::Pass;
use crate::access::{Access, is_view};
use crate::builder::Builder;
use crate::graph::NodeId;
use crate::module::Function;
use crate::ops::{Broadcast, Copy, Iota, Op, Scan, Structure};
use crate::product::{Axis, MAX_OUTER_TERMS, Product};
use crate::rewrite::rewrite;
use crate::types::Shape;

pub(super) const PASS: Pass = Pass {
    name: "place-views",
    description: "copies the views that kernels cannot read where they lie",
    run: |function| copy_results(rewrite(PASS.name, function, &mut place)),
};

fn place(builder: &mut Builder, op: &Op, operands: &[NodeId]) -> Option<NodeId> {
    match op {
        Op::Iota(iota) => count_once(builder, iota),
        Op::Einsum(_) => place_product(builder, op, operands),
        Op::Scan(scan) => {
            let body = Arc::new(copy_results(Function::clone(&scan.body)));
            let operands = place_operands(builder, op, operands);
            Some(builder.push(Scan { body, ..scan.clone() }, &operands))
        }
        _ => {
            let placed = place_operands(builder, op, operands);
            let node = builder.push(op.clone(), &placed);
            // A part that begins at a multiple of the batch size, in a view: of a copy it may begin at a number.
            if is_view(builder.graph(), node) && Access::of(builder.graph(), node).is_none() {
                let copy = builder.push(Copy, &placed);
                return Some(builder.push(op.clone(), &[copy]));
            }
            Some(node)
        }
    }
}

fn place_operands(builder: &mut Builder, op: &Op, operands: &[NodeId]) -> Vec<NodeId> {
    let place = |&operand: &NodeId| {
        if can_read(builder, op, operand) { operand } else { builder.push(Copy, &[operand]) }
    };
    operands.iter().map(place).collect()
}

/// Indices along another axis than the last are a view of those along a single one.
fn count_once(builder: &mut Builder, iota: &Iota) -> Option<NodeId> {
    if iota.axis + 1 == iota.shape.rank() {
        return None;
    }
    let along = Iota { axis: 0, shape: std::iter::once(iota.shape.dims()[iota.axis]).collect() };
    let once = builder.push(along, &[]);
    Some(builder.push(Broadcast { axes: vec![iota.axis], shape: iota.shape.clone() }, &[once]))
}

fn place_product(builder: &mut Builder, op: &Op, operands: &[NodeId]) -> Option<NodeId> {
    let product = builder.push(op.clone(), operands);
    let right_lies = is_in_order(builder, operands[1]) || builder.shape(operands[1]).as_fixed().is_none();
    let fits = |product: &Product| {
        let depends_on_batch = |axis: &Axis| axis.size.as_static().is_none();
        let inner = product.terms.len() - 1;
        product.n_outer_terms() <= MAX_OUTER_TERMS
            && !product.terms[..inner].iter().skip(1).any(depends_on_batch)
    };
    if right_lies && Product::of(builder.graph(), product).as_ref().is_some_and(fits) {
        return Some(product);
    }
    let in_order = |&operand: &NodeId| {
        if is_in_order(builder, operand) { operand } else { builder.push(Copy, &[operand]) }
    };
    let placed: Vec<NodeId> = operands.iter().map(in_order).collect();
    Some(builder.push(op.clone(), &placed))
}

/// Whether an op's kernel finds the elements of this operand.
fn can_read(builder: &Builder, op: &Op, operand: NodeId) -> bool {
    let graph = builder.graph();
    if !is_view(graph, operand) {
        return true;
    }
    let Some(access) = Access::of(graph, operand) else { return false };
    let shape = builder.shape(operand);
    match (op, op.structure()) {
        (Op::Reshape(reshape), _) => access.viewed_as(shape, &reshape.shape).is_some(),
        (Op::Copy(_), _)
        | (_, Structure::Broadcast | Structure::Slice | Structure::Window | Structure::Reverse) => true,
        (_, Structure::Permute | Structure::Map) => access.has_whole_rows(shape),
        (_, Structure::Pad | Structure::Concatenate | Structure::OverlapAdd) => access.has_whole_rows(shape),
        (_, Structure::Reduce) => {
            // Programs go along the axes that are reduced by distances that they have as numbers.
            let mut reduced = op.reduced_axes().unwrap_or_default().iter();
            let are_numbers = reduced.all(|&axis| access.strides[axis].as_fixed().is_some());
            !is_column_sum(op, shape) && access.has_whole_rows(shape) && are_numbers
        }
        _ => access.is_whole(shape),
    }
}

/// Whether an op adds up rows: these lie one after the other.
fn is_column_sum(op: &Op, shape: &Shape) -> bool {
    let rank = shape.rank();
    matches!(op, Op::ReduceSum(sum) if rank == 1 || sum.axes.iter().copied().eq(0..rank - 1))
}

fn is_in_order(builder: &Builder, node: NodeId) -> bool {
    Access::of(builder.graph(), node).is_some_and(|access| access.is_whole(builder.shape(node)))
}

/// Results and new states lie in order.
fn copy_results(function: Function) -> Function {
    let needs_copy: Vec<NodeId> = function
        .roots()
        .filter(|&root| {
            let lies = Access::of(&function.graph, root);
            let shape = function.graph.node(root).ty.as_tensor().map(|tensor| &tensor.shape);
            shape.is_some_and(|shape| !lies.is_some_and(|access| access.is_whole(shape)))
        })
        .collect();
    if needs_copy.is_empty() {
        return function;
    }
    let mut builder = Builder::resume(function.graph);
    let mut copied = |(name, node): (String, NodeId)| {
        if !needs_copy.contains(&node) {
            return (name, node);
        }
        let origin = builder.graph().origin(node).cloned();
        let copy = |builder: &mut Builder| builder.by_pass(PASS.name, |builder| builder.push(Copy, &[node]));
        (name, builder.within(origin, copy))
    };
    let results = function.results.into_iter().map(&mut copied).collect();
    let updates = function.updates.into_iter().map(&mut copied).collect();
    Function { name: function.name, graph: builder.finish(), results, updates }
}
