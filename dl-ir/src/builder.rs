//! Builds graphs. Equal nodes are one node, so common subexpressions vanish as they arise.

use std::collections::HashMap;

use crate::graph::{Graph, NodeId};
use crate::ops::{self, InferError, Op};
use crate::types::{DType, Shape, TensorType, Type};

/// A graph under construction.
#[derive(Clone, Debug, Default)]
pub struct Builder {
    graph: Graph,
    known: HashMap<(Op, Vec<NodeId>), NodeId>,
}

impl Builder {
    /// An empty graph.
    pub fn new() -> Self {
        Self::default()
    }

    /// The graph so far.
    pub fn graph(&self) -> &Graph {
        &self.graph
    }

    /// The finished graph.
    pub fn finish(self) -> Graph {
        self.graph
    }

    /// The node of this op on these operands, a new one unless it is there already.
    ///
    /// # Errors
    /// If the operands do not fit the op.
    pub fn try_push(&mut self, op: impl Into<Op>, operands: &[NodeId]) -> Result<NodeId, InferError> {
        let key = (op.into(), operands.to_vec());
        if let Some(&known) = self.known.get(&key) {
            return Ok(known);
        }
        let types: Vec<&Type> = operands.iter().map(|&operand| &self.graph.node(operand).ty).collect();
        let ty = key.0.infer(&types)?;
        let id = self.graph.push(key.0.clone(), ty, operands);
        self.known.insert(key, id);
        Ok(id)
    }

    /// Like [`try_push`](Self::try_push), for operands that fit.
    ///
    /// # Panics
    /// If they do not: a bug in the layer, rule or pass that calls.
    pub fn push(&mut self, op: impl Into<Op>, operands: &[NodeId]) -> NodeId {
        let op = op.into();
        let name = op.name();
        self.try_push(op, operands).unwrap_or_else(|error| panic!("{name} of {operands:?}: {error}"))
    }

    /// The type of a node with one result.
    pub fn tensor(&self, id: NodeId) -> &TensorType {
        self.graph.tensor(id)
    }

    /// The shape of a node with one result.
    pub fn shape(&self, id: NodeId) -> &Shape {
        &self.graph.tensor(id).shape
    }

    /// Copies all nodes of `graph` and returns their ids here, by their ids there.
    pub fn copy(&mut self, graph: &Graph) -> Vec<NodeId> {
        let mut ids: Vec<NodeId> = Vec::with_capacity(graph.n_nodes());
        for id in graph.ids() {
            let operands: Vec<NodeId> = graph.operands(id).iter().map(|o| ids[o.index()]).collect();
            ids.push(self.push(graph.op(id).clone(), &operands));
        }
        ids
    }
}

/// Shorthands: one for each op that rules, layers, losses and optimizers use.
impl Builder {
    /// The input of this name and type.
    pub fn input(&mut self, name: &str, ty: TensorType) -> NodeId {
        self.push(ops::Input { name: name.to_owned(), ty }, &[])
    }

    /// The state of this name and type, before any update.
    pub fn state(&mut self, name: &str, ty: TensorType) -> NodeId {
        self.push(ops::State { name: name.to_owned(), ty }, &[])
    }

    /// An f32 tensor of this shape filled with `value`.
    pub fn constant(&mut self, value: f64, shape: Shape) -> NodeId {
        self.push(ops::Constant::new(value, TensorType::f32(shape)), &[])
    }

    /// An f32 tensor of the shape of `like` filled with `value`.
    pub fn constant_like(&mut self, value: f64, like: NodeId) -> NodeId {
        let shape = self.shape(like).clone();
        self.constant(value, shape)
    }

    /// a + b.
    pub fn add(&mut self, a: NodeId, b: NodeId) -> NodeId {
        self.push(ops::Add, &[a, b])
    }

    /// a · b.
    pub fn mul(&mut self, a: NodeId, b: NodeId) -> NodeId {
        self.push(ops::Mul, &[a, b])
    }

    /// value · a.
    pub fn scale(&mut self, value: f64, a: NodeId) -> NodeId {
        let value = self.constant_like(value, a);
        self.mul(value, a)
    }

    /// eˣ.
    pub fn exp(&mut self, x: NodeId) -> NodeId {
        self.push(ops::Exp, &[x])
    }

    /// The sum along `axes`; `x` itself if there are none.
    pub fn reduce_sum(&mut self, x: NodeId, axes: &[usize]) -> NodeId {
        if axes.is_empty() { x } else { self.push(ops::ReduceSum { axes: axes.to_vec() }, &[x]) }
    }

    /// `x` with its axes at `axes` of `shape`, repeated along the others; `x` itself if it has that shape.
    pub fn broadcast(&mut self, x: NodeId, axes: &[usize], shape: Shape) -> NodeId {
        if *self.shape(x) == shape {
            return x;
        }
        self.push(ops::Broadcast { axes: axes.to_vec(), shape }, &[x])
    }

    /// A scalar repeated in the shape of `like`.
    pub fn broadcast_like(&mut self, scalar: NodeId, like: NodeId) -> NodeId {
        let shape = self.shape(like).clone();
        self.broadcast(scalar, &[], shape)
    }

    /// A contraction, in letters: `einsum("ab,bc->ac", x, w)`.
    pub fn einsum(&mut self, subscripts: &str, lhs: NodeId, rhs: NodeId) -> NodeId {
        let (terms, out) = subscripts.split_once("->").expect("subscripts are written here, not by users");
        let (a, b) = terms.split_once(',').expect("two operands");
        self.push(ops::Einsum::new(a.as_bytes(), b.as_bytes(), out.as_bytes()), &[lhs, rhs])
    }

    /// Whether a node holds integers or truth values, through which no gradient passes.
    pub fn is_discrete(&self, id: NodeId) -> bool {
        self.tensor(id).dtype != DType::F32
    }
}
