//! Scalars that no tensor decides, and when they can be computed.

use dl_ir::graph::{Graph, NodeId};
use dl_ir::ops::{Op, Structure};

/// Scalars that no tensor decides, such as 1/B or Adam's step size. They have kernels to themselves, one for each stage: in the
/// kernel of a loss they would make others wait for it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Stage {
    /// From numbers and the batch size.
    Batch,
    /// From states too.
    State,
}

/// How early each node can be computed, if it is a scalar that no tensor decides.
pub fn stages(graph: &Graph) -> Vec<Option<Stage>> {
    let mut stages: Vec<Option<Stage>> = vec![None; graph.n_nodes()];
    for node in graph.ids() {
        let operands = graph.operands(node);
        let stage_of = |operand: &NodeId| match graph.op(*operand) {
            Op::Constant(_) | Op::BatchSize(_) => Some(Stage::Batch),
            Op::State(_) => Some(Stage::State),
            _ => stages[operand.index()],
        };
        let is_scalar = graph.node(node).ty.as_tensor().is_some_and(|tensor| tensor.shape.rank() == 0);
        if is_scalar && graph.op(node).structure() == Structure::Map {
            let latest = operands.iter().map(stage_of).collect::<Option<Vec<Stage>>>();
            stages[node.index()] = latest.and_then(|stages| stages.into_iter().max());
        }
    }
    stages
}
