//! Builds functions anew: the walk that passes and gradients of scans share.

use std::sync::Arc;

use crate::builder::Builder;
use crate::graph::NodeId;
use crate::module::Function;
use crate::ops::{Op, Scan};

/// What stands for an op with its rewritten operands; `None` keeps the op.
pub(crate) type Rule<'r> = &'r mut dyn FnMut(&mut Builder, &Op, &[NodeId]) -> Option<NodeId>;

/// Builds a function anew by a pass's rule for each op, operands first; the bodies of scans as well. Only what the function's results
/// and updates need is in the new graph, and its inputs, which are its signature. Where the rule finds nothing,
/// and there is no scan, that is the graph as it was.
pub(crate) fn rewrite(pass: &'static str, function: Function, rule: Rule<'_>) -> Function {
    let mut function = sweep(function);
    if is_left_alone(&mut function, rule) {
        return function;
    }
    let graph = &function.graph;
    let rewritten = rebuild(&function, &live(&function), &mut |builder, id, new| {
        let op = match graph.op(id) {
            Op::Scan(scan) => {
                let body = Arc::new(rewrite(pass, Function::clone(&scan.body), rule));
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

/// Whether a rule would build a function as it is: a look over the nodes costs a small part of a rebuild, and most passes find nothing
/// in most networks. Nodes that the rule adds stay behind the function's own, where nothing needs them. A scan is always built
/// anew, for its body.
fn is_left_alone(function: &mut Function, rule: Rule<'_>) -> bool {
    let (mut ids, n_nodes) = (function.graph.ids(), function.graph.n_nodes());
    let mut builder = Builder::over(std::mem::take(&mut function.graph), n_nodes);
    let is_left_alone = ids.all(|id| {
        // Known are, as in a rebuild, the nodes up to this one: asked for one that comes later, the builder adds it.
        let is_first = builder.know(id);
        let (op, operands) = (builder.graph().op(id).clone(), builder.graph().operands(id).to_vec());
        let is_same =
            !matches!(op, Op::Scan(_)) && rule(&mut builder, &op, &operands).is_none_or(|new| new == id);
        is_first && is_same && builder.graph().n_nodes() == n_nodes
    });
    function.graph = builder.finish();
    is_left_alone
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

/// Whether a function has a loop.
pub(crate) fn has_scan(function: &Function) -> bool {
    function.graph.ids().any(|id| matches!(function.graph.op(id), Op::Scan(_)))
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
    let mut builder = Builder::with_room(graph.n_nodes());
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::{Dim, TensorType};

    /// neg(x) + abs(x).
    fn function() -> Function {
        let mut b = Builder::new();
        let x = b.input("x", TensorType::f32([Dim::Static(2)].into_iter().collect()));
        let (negative, positive) = (b.neg(x), b.abs(x));
        let sum = b.add(negative, positive);
        let results = vec![("sum".to_owned(), sum)];
        Function { name: "f".to_owned(), graph: b.finish(), results, updates: Vec::new() }
    }

    fn names(function: &Function) -> Vec<&str> {
        function.graph.ids().map(|id| function.graph.op(id).name()).collect()
    }

    #[test]
    fn a_rule_that_finds_nothing_is_asked_once_for_each_node() {
        let mut n_asked = 0;
        let rewritten = rewrite("nothing", function(), &mut |_, _, _| {
            n_asked += 1;
            None
        });
        assert_eq!(rewritten, function());
        assert_eq!(n_asked, function().graph.n_nodes());
    }

    #[test]
    fn nodes_that_nothing_needs_go_where_a_rule_finds_nothing() {
        let mut function = function();
        function.results[0].1 = function.graph.operands(function.results[0].1)[1];
        let rewritten = rewrite("nothing", function, &mut |_, _, _| None);
        assert_eq!(names(&rewritten), ["input", "abs"]);
    }

    #[test]
    fn what_a_rule_asks_for_early_comes_early() {
        let rewritten = rewrite("early", function(), &mut |builder, op, operands| {
            if let Op::Neg(_) = op {
                builder.abs(operands[0]);
            }
            None
        });
        assert_eq!(names(&rewritten), ["input", "abs", "neg", "add"]);
    }
}
