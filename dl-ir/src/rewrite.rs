//! Builds functions anew: the walk that passes and gradients of scans share.

use std::sync::Arc;

use crate::builder::Builder;
use crate::graph::NodeId;
use crate::module::Function;
use crate::ops::{Op, Scan};

/// What stands for an op with its rewritten operands; `None` keeps the op.
pub(crate) type Rule<'r> = &'r mut dyn FnMut(&mut Builder, &Op, &[NodeId]) -> Option<NodeId>;

/// Builds a function anew by a rule for each op, operands first; the bodies of scans as well. Only what the function's results and
/// updates need is in the new graph, and its inputs, which are its signature.
pub(crate) fn rewrite(function: &Function, rule: Rule<'_>) -> Function {
    let rewritten = rebuild(function, &live(function), &mut |builder, id, operands| {
        let op = match function.graph.op(id) {
            Op::Scan(scan) => {
                let body = Arc::new(rewrite(&scan.body, rule));
                Scan { body, ..scan.clone() }.into()
            }
            op => op.clone(),
        };
        rule(builder, &op, operands).unwrap_or_else(|| builder.push(op, operands))
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
    rebuild(&function, &is_live, &mut |builder, id, operands| {
        builder.push(function.graph.op(id).clone(), operands)
    })
}

/// Builds a function anew from those nodes that `is_live` names, operands first: `node` is given each with its new operands, and
/// returns what stands for it.
pub(crate) fn rebuild(
    function: &Function,
    is_live: &[bool],
    node: &mut dyn FnMut(&mut Builder, NodeId, &[NodeId]) -> NodeId,
) -> Function {
    let graph = &function.graph;
    let mut builder = Builder::new();
    let mut ids: Vec<Option<NodeId>> = vec![None; graph.n_nodes()];
    for id in graph.ids().filter(|id| is_live[id.index()]) {
        let operands = graph.operands(id).into_iter().map(|operand| ids[operand.index()]);
        let operands: Vec<NodeId> = operands.map(|operand| operand.expect("operands come first")).collect();
        ids[id.index()] = Some(node(&mut builder, id, &operands));
    }
    let rename = |named: &[(String, NodeId)]| {
        let new = |id: NodeId| ids[id.index()].expect("roots are live");
        named.iter().map(|(name, id)| (name.clone(), new(*id))).collect()
    };
    let (results, updates) = (rename(&function.results), rename(&function.updates));
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
