//! The walk that passes share.

use crate::builder::Builder;
use crate::graph::{Graph, NodeId};
use crate::module::Function;
use crate::ops::Op;

/// Builds a function anew, node by node, operands first. `rule` is given each op with its rewritten operands, and returns what stands
/// for it; `None` keeps the op. Only what the function's results and updates need is in the new graph.
pub(super) fn rewrite(
    function: &Function,
    mut rule: impl FnMut(&mut Builder, &Op, &[NodeId]) -> Option<NodeId>,
) -> Function {
    let rewritten = rebuild(function, &mut rule);
    if live(&rewritten).iter().all(|&is_live| is_live) {
        return rewritten;
    }
    // What rules replaced is no longer needed.
    rebuild(&rewritten, &mut |_, _, _| None)
}

fn rebuild(
    function: &Function,
    rule: &mut impl FnMut(&mut Builder, &Op, &[NodeId]) -> Option<NodeId>,
) -> Function {
    let graph = &function.graph;
    let is_live = live(function);
    let mut builder = Builder::new();
    let mut ids: Vec<Option<NodeId>> = vec![None; graph.n_nodes()];
    for id in graph.ids().filter(|id| is_live[id.index()]) {
        let operands = graph.operands(id).into_iter().map(|operand| ids[operand.index()]);
        let operands: Vec<NodeId> = operands.map(|operand| operand.expect("operands come first")).collect();
        let op = graph.op(id);
        let new = rule(&mut builder, op, &operands).unwrap_or_else(|| builder.push(op.clone(), &operands));
        ids[id.index()] = Some(new);
    }
    let rename = |named: &[(String, NodeId)]| {
        let new = |id: NodeId| ids[id.index()].expect("roots are live");
        named.iter().map(|(name, id)| (name.clone(), new(*id))).collect()
    };
    let (results, updates) = (rename(&function.results), rename(&function.updates));
    Function { name: function.name.clone(), graph: builder.finish(), results, updates }
}

/// Which nodes the function's results and updates need. Inputs stay: they are its signature.
fn live(function: &Function) -> Vec<bool> {
    let graph: &Graph = &function.graph;
    let mut is_live = vec![false; graph.n_nodes()];
    function.roots().for_each(|root| is_live[root.index()] = true);
    for id in graph.ids().rev() {
        is_live[id.index()] |= matches!(graph.op(id), Op::Input(_));
        if is_live[id.index()] {
            graph.operands(id).iter().for_each(|operand| is_live[operand.index()] = true);
        }
    }
    is_live
}
