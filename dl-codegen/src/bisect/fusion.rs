//! Whether groups, one after the other, compute all that a function returns.

use std::collections::HashSet;

use dl_ir::graph::{Graph, NodeId};
use dl_ir::module::Function;
use dl_ir::ops::Op;

use super::nodes::stored;
use super::symptom::Symptom;
use crate::fuse::{Group, is_leaf};
use crate::schedule::operands::{bindings, storage};

/// The first group that reads what none computes before it, or what leaves the function without being computed.
pub fn check(function: &Function, groups: &[Group]) -> Result<(), (Option<usize>, Symptom)> {
    let graph = &function.graph;
    let mut there: HashSet<(NodeId, bool)> =
        graph.ids().filter(|&id| is_leaf(graph, id)).map(|id| (id, false)).collect();
    let mut waiting: Vec<usize> = (0..groups.len()).collect();
    let is_live = graph.needed_by(function.roots());
    let mut scans: Vec<NodeId> =
        graph.ids().filter(|id| is_live[id.index()] && matches!(graph.op(*id), Op::Scan(_))).collect();
    loop {
        let n_waiting = waiting.len() + scans.len();
        waiting.retain(|&index| !put(graph, &groups[index], &mut there));
        scans.retain(|&scan| !put_scan(graph, scan, &mut there));
        if waiting.len() + scans.len() == n_waiting {
            break;
        }
    }
    if let Some(&index) = waiting.first() {
        return Err((Some(index), Symptom::Unordered));
    }
    let missing = function.roots().find(|&root| !there.contains(&(storage(graph, root), false)));
    match missing {
        Some(node) => Err((None, Symptom::Missing { node: node.0 })),
        None => Ok(()),
    }
}

/// Adds what a group writes, if what it reads is there.
fn put(graph: &Graph, group: &Group, there: &mut HashSet<(NodeId, bool)>) -> bool {
    let bindings = bindings(graph, group);
    let mut reads = bindings.iter().filter(|binding| !binding.is_write() && !binding.is_beside());
    let is_ready = reads.all(|&binding| there.contains(&stored(graph, binding)));
    if is_ready {
        there.extend(bindings.iter().filter(|b| b.is_write()).map(|&binding| stored(graph, binding)));
    }
    is_ready
}

fn put_scan(graph: &Graph, scan: NodeId, there: &mut HashSet<(NodeId, bool)>) -> bool {
    let is_there = |&operand: &NodeId| there.contains(&(storage(graph, operand), false));
    let is_ready = graph.operands(scan).iter().all(is_there);
    if is_ready {
        there.extend(graph.users(scan).into_iter().map(|user| (user, false)));
    }
    is_ready
}
