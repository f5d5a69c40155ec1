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

fn prune(function: &Function) -> Function {
    let graph = &function.graph;
    let is_live = rewrite::live(function);
    // Where the results of each scan went.
    let mut moved: HashMap<NodeId, Vec<Option<usize>>> = HashMap::new();
    rewrite::rebuild(function, &is_live, &mut |builder, id, operands| match graph.op(id) {
        Op::Scan(scan) => {
            let pruned = Pruned::new(scan, &used_results(graph, id, &is_live));
            let operands: Vec<NodeId> = pruned.operands.iter().map(|&operand| operands[operand]).collect();
            moved.insert(id, pruned.moved);
            builder.push(pruned.scan, &operands)
        }
        Op::Get(get) => match moved.get(&graph.operands(id)[0]) {
            Some(moved) => builder.get(operands[0], moved[get.index].expect("a result that is read is kept")),
            None => builder.push(get.clone(), operands),
        },
        op => builder.push(op.clone(), operands),
    })
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
    operands: Vec<usize>,
    /// The new index of each result that is kept.
    moved: Vec<Option<usize>>,
}

impl Pruned {
    fn new(scan: &Scan, used: &[usize]) -> Self {
        let scan = Scan { body: Arc::new(prune(&scan.body)), ..scan.clone() };
        let (graph, inputs, results) = (&scan.body.graph, scan.inputs(), scan.results().collect::<Vec<_>>());
        let keeps = kept_results(&scan, used);
        let kept: Vec<usize> = (0..results.len()).filter(|&result| keeps[result]).collect();
        let mut is_live = graph.needed_by(kept.iter().map(|&result| results[result]));
        for carry in 0..scan.carries {
            is_live[inputs[carry].index()] = keeps[carry];
        }
        let operands: Vec<usize> =
            (0..inputs.len()).filter(|&operand| is_live[inputs[operand].index()]).collect();
        let before = |end: usize| operands.iter().filter(|&&operand| operand < end).count();
        let (carries, stacks) = (before(scan.carries), before(scan.carries + scan.sequences));
        let mut smaller = Scan {
            carries,
            sequences: stacks - carries,
            invariants: operands.len() - stacks,
            ..scan.clone()
        };
        let place = |input: NodeId| operands.iter().position(|&operand| inputs[operand] == input);
        let named = kept.iter().enumerate().map(|(new, &old)| (smaller.result_name(new), results[old]));
        let body = Function { results: named.collect(), ..(*scan.body).clone() };
        let body = rewrite::rebuild(&body, &is_live, &mut |builder, id, operands| match graph.op(id) {
            Op::Input(input) => {
                let operand = place(id).expect("live inputs are kept");
                builder.input(&smaller.input_name(operand), input.ty.clone())
            }
            op => builder.push(op.clone(), operands),
        });
        smaller.body = Arc::new(body);
        let moved = (0..results.len()).map(|old| kept.iter().position(|&kept| kept == old)).collect();
        Pruned { scan: smaller, operands, moved }
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
