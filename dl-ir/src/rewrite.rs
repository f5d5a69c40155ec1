//! Builds functions anew: the walk that passes and gradients of scans share.

use std::sync::Arc;

use crate::builder::Builder;
use crate::graph::NodeId;
use crate::module::Function;
use crate::ops::{Op, Scan};

/// What stands for an op with its rewritten operands; `None` keeps the op.
pub(crate) type Rule<'r> = &'r mut dyn FnMut(&mut Builder, &Op, &[NodeId]) -> Option<NodeId>;

/// Builds a function anew by a pass's rule for each op, operands first; the bodies of scans as well. Only what the function's results
/// and updates need is in the new graph, and its inputs, which are its signature.
pub(crate) fn rewrite(pass: &'static str, function: &Function, rule: Rule<'_>) -> Function {
    let graph = &function.graph;
    let rewritten = rebuild(function, &live(function), &mut |builder, id, new| {
        let op = match graph.op(id) {
            Op::Scan(scan) => {
                let body = Arc::new(rewrite(pass, &scan.body, rule));
                Scan { body, ..scan.clone() }.into()
            }
            op => op.clone(),
        };
        let operands = new.all(graph.operands(id));
        let n_before = builder.graph().n_nodes();
        let Some(new) = builder.by_pass(pass, |builder| rule(builder, &op, &operands)) else {
            return builder.push(op, &operands);
        };
        let is_same = || *builder.graph().op(new) == op && builder.graph().operands(new) == operands;
        if new.index() >= n_before && is_same() {
            builder.reset_origin(new);
        }
        new
    });
    // What rules replaced is no longer needed.
    sweep(rewritten)
}

/// A function without nodes that nothing needs.
pub(crate) fn sweep(function: Function) -> Function {
    let is_live = live(&function);
    if is_live.iter().all(|&is_live| is_live) {
        return function;
    }
    let (graph, new) = function.graph.keep(&is_live);
    let new = NewIds(new);
    let (results, updates) = (new.rename(&function.results), new.rename(&function.updates));
    Function { name: function.name, graph, results, updates }
}

/// What stands for the nodes of a function in the one that is being built.
pub(crate) struct NewIds(Vec<Option<NodeId>>);

impl NewIds {
    /// What stands for a live node that came before.
    pub(crate) fn get(&self, old: NodeId) -> NodeId {
        self.0[old.index()].expect("operands come first, and are live")
    }

    /// What stands for each of these.
    pub(crate) fn all(&self, old: &[NodeId]) -> Vec<NodeId> {
        old.iter().map(|&old| self.get(old)).collect()
    }

    /// What stands for each of these, under the same names.
    fn rename(&self, named: &[(String, NodeId)]) -> Vec<(String, NodeId)> {
        named.iter().map(|(name, id)| (name.clone(), self.get(*id))).collect()
    }
}

/// Builds a function anew from those nodes that `is_live` names, operands first: `node` gives what stands for each, and what it adds
/// comes from where that node does.
pub(crate) fn rebuild(
    function: &Function,
    is_live: &[bool],
    node: &mut dyn FnMut(&mut Builder, NodeId, &NewIds) -> NodeId,
) -> Function {
    let graph = &function.graph;
    let mut builder = Builder::new();
    let mut new = NewIds(vec![None; graph.n_nodes()]);
    for id in graph.ids().filter(|id| is_live[id.index()]) {
        builder.set_origin(graph.origin(id).cloned());
        builder.set_pass(None);
        new.0[id.index()] = Some(node(&mut builder, id, &new));
    }
    let (results, updates) = (new.rename(&function.results), new.rename(&function.updates));
    Function { name: function.name.clone(), graph: builder.finish(), results, updates }
}

/// Which nodes the function's results and updates need, and its inputs.
pub(crate) fn live(function: &Function) -> Vec<bool> {
    let mut is_live = function.graph.needed_by(function.roots());
    for id in function.graph.ids() {
        is_live[id.index()] |= matches!(function.graph.op(id), Op::Input(_));
    }
    is_live
}
