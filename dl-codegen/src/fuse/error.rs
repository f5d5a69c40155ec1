//! What no kernel computes.

use dl_ir::graph::NodeId;
use dl_ir::module::Function;
use dl_ir::types::Type;
use thiserror::Error;

/// Why a function has no kernels.
#[derive(Clone, PartialEq, Eq, Debug, Error)]
pub enum FuseError {
    /// An op that no kernel computes, or not in this arrangement.
    #[error("no kernel computes {op} of this shape (node %{node} of {function})")]
    Arrangement {
        /// The function.
        function: String,
        /// The op's name.
        op: &'static str,
        /// Its node.
        node: u32,
    },
    /// A tensor with rows too long for kernels.
    #[error(
        "{part} needs {ty} in memory, and kernels take at most {limit} elements for each index of the first axis: make the layer or the examples smaller ({op}, node %{node} of {function})"
    )]
    Rows {
        /// The part of the network: `dense0, backward`; the op, where that is not known.
        part: String,
        /// Its type.
        ty: Box<Type>,
        /// The most elements that there may be.
        limit: usize,
        /// The function.
        function: String,
        /// The op's name.
        op: &'static str,
        /// Its node.
        node: u32,
    },
}

impl FuseError {
    /// That no kernel computes a node as it is.
    pub(crate) fn arrangement(function: &Function, node: NodeId) -> Self {
        let op = function.graph.op(node).name();
        FuseError::Arrangement { function: function.name.clone(), op, node: node.0 }
    }

    /// That the rows of a node are longer than `limit`.
    pub(super) fn rows(function: &Function, node: NodeId, limit: usize) -> Self {
        let graph = &function.graph;
        let (op, ty) = (graph.op(node).name(), Box::new(graph.node(node).ty.clone()));
        let part = graph.origin(node).map_or_else(|| op.to_owned(), |origin| origin.in_words());
        FuseError::Rows { part, ty, limit, function: function.name.clone(), op, node: node.0 }
    }
}
