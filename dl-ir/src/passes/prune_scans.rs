//! `prune-scans`: drops what scans stack and nobody reads, and then the carries, sequences and invariants that no step needs.

use std::collections::HashMap;
use std::sync::Arc;

use super::Pass;
use crate::graph::{Graph, NodeId};
use crate::module::Function;
use crate::ops::{Op, Scan};
use crate::rewrite;

pub(super) const PASS: Pass = Pass {
    name: "prune-scans",
    description: "drops carries, operands and outputs of scans that nothing needs",
    run: prune,
};

fn prune(function: Function) -> Function {
    if !rewrite::has_scan(&function) {
        return rewrite::sweep(function);
    }
    let graph = &function.graph;
    let (is_live, scans) = live(&function);
    rewrite::rebuild(&function, &is_live, &mut |builder, id, new| {
        let operands = graph.operands(id);
        match graph.op(id) {
            Op::Scan(_) => {
                let Pruned { scan, kept, moved } = &scans[&id];
                let is_smaller = kept.len() < operands.len() || moved.contains(&None);
                let operands: Vec<NodeId> = kept.iter().map(|&operand| new.get(operands[operand])).collect();
                builder.set_pass(is_smaller.then_some(PASS.name));
                builder.push(scan.clone(), &operands)
            }
            Op::Get(get) => {
                let moved = scans.get(&operands[0]).map(|scan| scan.moved[get.index]);
                let index = moved.map_or(get.index, |moved| moved.expect("a result that is read is kept"));
                builder.get(new.get(operands[0]), index)
            }
            op => builder.push(op.clone(), &new.all(operands)),
        }
    })
}

/// Which nodes the function needs, users first: a scan needs some of its operands only. And what is left of each scan.
fn live(function: &Function) -> (Vec<bool>, HashMap<NodeId, Pruned>) {
    let graph = &function.graph;
    let mut scans = HashMap::new();
    let mut is_live = vec![false; graph.n_nodes()];
    function.roots().for_each(|root| is_live[root.index()] = true);
    for id in graph.ids().rev() {
        // Inputs are the signature.
        is_live[id.index()] |= matches!(graph.op(id), Op::Input(_));
        if !is_live[id.index()] {
            continue;
        }
        let mut operands = graph.operands(id).to_vec();
        if let Op::Scan(scan) = graph.op(id) {
            let pruned = Pruned::new(scan, &used_results(graph, id, &is_live));
            operands = pruned.kept.iter().map(|&operand| operands[operand]).collect();
            scans.insert(id, pruned);
        }
        operands.iter().for_each(|operand| is_live[operand.index()] = true);
    }
    (is_live, scans)
}

/// Which results of a scan are read.
fn used_results(graph: &Graph, scan: NodeId, is_live: &[bool]) -> Vec<usize> {
    let users = graph.users(scan).into_iter().filter(|user| is_live[user.index()]);
    let index = |user: NodeId| match graph.op(user) {
        Op::Get(get) => Some(get.index),
        _ => None,
    };
    users.filter_map(index).collect()
}

/// A scan of what is needed.
struct Pruned {
    scan: Scan,
    /// The operands that are kept.
    kept: Vec<usize>,
    /// The new index of each result that is kept.
    moved: Vec<Option<usize>>,
}

impl Pruned {
    fn new(scan: &Scan, used: &[usize]) -> Self {
        let scan = Scan { body: Arc::new(prune(Function::clone(&scan.body))), ..scan.clone() };
        let (inputs, results) = (scan.inputs(), scan.results().collect::<Vec<_>>());
        let keeps = kept_results(&scan, used);
        let kept_results: Vec<usize> = (0..results.len()).filter(|&result| keeps[result]).collect();
        let mut is_live = scan.body.graph.needed_by(kept_results.iter().map(|&result| results[result]));
        // A carry is handed on, whether the step reads it or not.
        for carry in 0..scan.carries {
            is_live[inputs[carry].index()] = keeps[carry];
        }
        let kept: Vec<usize> =
            (0..inputs.len()).filter(|&operand| is_live[inputs[operand].index()]).collect();
        let before = |end: usize| kept.iter().filter(|&&operand| operand < end).count();
        let (carries, stacked) = (before(scan.carries), before(scan.carries + scan.sequences));
        let (sequences, invariants) = (stacked - carries, kept.len() - stacked);
        let smaller = Scan { carries, sequences, invariants, ..scan.clone() };

        let names: HashMap<NodeId, String> = kept
            .iter()
            .enumerate()
            .map(|(operand, &old)| (inputs[old], smaller.input_name(operand)))
            .collect();
        let named = kept_results.iter().enumerate();
        let named = named.map(|(result, &old)| (smaller.result_name(result), results[old])).collect();
        let body = Function { results: named, ..(*scan.body).clone() };
        let body = rewrite::rebuild(&body, &is_live, &mut |builder, id, new| match scan.body.graph.op(id) {
            Op::Input(input) => builder.input(&names[&id], input.ty.clone()),
            op => builder.push(op.clone(), &new.all(scan.body.graph.operands(id))),
        });
        let moved = |old| kept_results.iter().position(|&kept| kept == old);
        Pruned {
            scan: Scan { body: Arc::new(body), ..smaller },
            kept,
            moved: (0..results.len()).map(moved).collect(),
        }
    }
}

/// Which results are kept: those that are read, and carries that later steps need for these.
fn kept_results(scan: &Scan, used: &[usize]) -> Vec<bool> {
    let (inputs, results) = (scan.inputs(), scan.results().collect::<Vec<_>>());
    let mut keeps: Vec<bool> = (0..results.len()).map(|result| used.contains(&result)).collect();
    loop {
        let kept = results.iter().zip(&keeps).filter(|(_, keep)| **keep).map(|(&node, _)| node);
        let is_needed = scan.body.graph.needed_by(kept);
        let is_new = |&carry: &usize| is_needed[inputs[carry].index()] && !keeps[carry];
        let new: Vec<usize> = (0..scan.carries).filter(is_new).collect();
        if new.is_empty() {
            return keeps;
        }
        new.into_iter().for_each(|carry| keeps[carry] = true);
    }
}
