//! `hoist-invariants`: computes outside of scans, once, what is the same in each step. Repeating elements and showing them in
//! another shape stay inside: they cost a step nothing.

use std::collections::HashMap;
use std::sync::Arc;

use super::Pass;
use crate::builder::Builder;
use crate::graph::NodeId;
use crate::module::Function;
use crate::ops::{Op, Scan, Structure};
use crate::rewrite;
use crate::types::DType;

pub(super) const PASS: Pass = Pass {
    name: "hoist-invariants",
    description: "computes outside of scans what is the same in each step",
    run: hoist,
};

fn hoist(function: Function) -> Function {
    if !rewrite::has_scan(&function) {
        return rewrite::sweep(function);
    }
    let graph = &function.graph;
    let hoisted = rewrite::rebuild(&function, &rewrite::live(&function), &mut |builder, id, new| {
        let operands = new.all(graph.operands(id));
        match graph.op(id) {
            Op::Scan(scan) => hoist_from(builder, scan, &operands),
            op => builder.push(op.clone(), &operands),
        }
    });
    rewrite::sweep(hoisted)
}

/// Structures that cost a step nothing, or are no tensors.
const FREE: [Structure; 4] = [Structure::Leaf, Structure::Broadcast, Structure::View, Structure::Get];

/// Adds a scan without what is the same in each step, which becomes operands.
fn hoist_from(builder: &mut Builder, scan: &Scan, operands: &[NodeId]) -> NodeId {
    let body = hoist(Function::clone(&scan.body));
    let scan = Scan { body: Arc::new(body), ..scan.clone() };
    let chosen = chosen(&scan);
    let mut operands = operands.to_vec();
    operands.extend(compute(builder, &scan, &chosen, &operands));
    let hoisted = Scan { invariants: scan.invariants + chosen.len(), ..scan.clone() };
    let graph = &scan.body.graph;
    let body = rewrite::rebuild(&scan.body, &rewrite::live(&scan.body), &mut |body, id, new| match chosen
        .iter()
        .position(|&node| node == id)
    {
        Some(index) => {
            let name = hoisted.input_name(scan.n_operands() + index);
            body.by_pass(PASS.name, |body| body.input(&name, graph.tensor(id).clone()))
        }
        None => body.push(graph.op(id).clone(), &new.all(graph.operands(id))),
    });
    builder.set_pass((!chosen.is_empty()).then_some(PASS.name));
    builder.push(Scan { body: Arc::new(rewrite::sweep(body)), ..hoisted }, &operands)
}

/// Nodes of the body that are the same in each step and worth computing once, as far towards the results as that goes.
fn chosen(scan: &Scan) -> Vec<NodeId> {
    let graph = &scan.body.graph;
    let varying = graph.reached_from(&scan.inputs()[..scan.carries + scan.sequences]);
    let is_worth = |id: NodeId| {
        let is_tensor = graph.node(id).ty.as_tensor().is_some_and(|tensor| tensor.dtype != DType::Bool);
        is_tensor && !varying[id.index()] && !FREE.contains(&graph.op(id).structure())
    };
    let is_last = |&id: &NodeId| {
        let users = graph.users(id);
        scan.results().any(|result| result == id) || !users.iter().all(|&user| is_worth(user))
    };
    graph.ids().filter(|&id| is_worth(id)).filter(is_last).collect()
}

/// Computes nodes of the body outside.
fn compute(builder: &mut Builder, scan: &Scan, chosen: &[NodeId], operands: &[NodeId]) -> Vec<NodeId> {
    let graph = &scan.body.graph;
    let mut outside: HashMap<NodeId, NodeId> =
        scan.inputs().into_iter().zip(operands.iter().copied()).collect();
    let is_needed = graph.needed_by(chosen.iter().copied());
    for id in graph.ids().filter(|id| is_needed[id.index()]) {
        let operands: Vec<NodeId> = graph.operands(id).iter().map(|operand| outside[operand]).collect();
        outside.entry(id).or_insert_with(|| {
            builder.within(graph.origin(id).cloned(), |builder| {
                builder.by_pass(PASS.name, |builder| builder.push(graph.op(id).clone(), &operands))
            })
        });
    }
    chosen.iter().map(|node| outside[node]).collect()
}
