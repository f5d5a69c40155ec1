//! What fusion asks of rows named by indices.

use dl_ir::graph::{Graph, NodeId};
use dl_ir::module::Function;
use dl_ir::ops::Op;
use dl_ir::types::DType;

use crate::schedule::operands::{is_number, storage};

/// Whether a node adds rows to a state whose new value it is, and nothing else needs it: then the sums may take the state's
/// place, and rows that no index names need not be touched. No kernel waits for such a one, which reads no other state either, so
/// that it can always come last.
pub(super) fn is_update(function: &Function, node: NodeId) -> bool {
    let graph = &function.graph;
    let operands = graph.operands(node);
    let Op::State(table) = graph.op(operands[0]) else { return false };
    let reads_state = |&operand: &NodeId| matches!(graph.op(storage(graph, operand)), Op::State(_));
    let mut updates = function.updates.iter().filter(|(_, new)| *new == node);
    updates.next().is_some_and(|(name, _)| *name == table.name)
        && updates.next().is_none()
        && function.results.iter().all(|&(_, result)| storage(graph, result) != node)
        && graph.users(node).is_empty()
        && !operands[1..].iter().any(reads_state)
}

/// Whether all that a node's kernel reads and writes lies in rows as long as those of its table, however it is seen. What depends on
/// the batch lies row by row.
pub(super) fn lies_in_rows(graph: &Graph, node: NodeId) -> bool {
    let last = |node: NodeId| graph.tensor(node).shape.dims().last();
    graph.operands(node).iter().all(|&operand| {
        let tensor = graph.tensor(operand);
        let lies_anyhow = tensor.dtype != DType::F32 || tensor.shape.as_fixed().is_none();
        lies_anyhow || is_number(graph, operand) || last(storage(graph, operand)) == last(operand)
    })
}
