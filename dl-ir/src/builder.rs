//! Builds graphs. Equal nodes are one node, so common subexpressions vanish as they arise.
//!
//! A builder notes where its nodes come from: each new one is of the origin that [`within`](Builder::within) has set.

use std::hash::{Hash, Hasher};
use std::sync::Arc;

use rustc_hash::{FxHashMap, FxHasher};

use crate::graph::{Graph, NodeId};
use crate::ops::compare::Direction;
use crate::ops::{self, InferError, Op};
use crate::origin::Origin;
use crate::types::{DType, Dim, Shape, TensorType, Type};

/// A graph under construction.
#[derive(Clone, Debug, Default)]
pub struct Builder {
    graph: Graph,
    /// The nodes by the hash of their op and operands, or the next number that was free.
    known: FxHashMap<u64, NodeId>,
    /// Where new nodes come from.
    origin: Option<Arc<Origin>>,
    /// The pass that adds new nodes, if one does.
    pass: Option<&'static str>,
}

impl Builder {
    /// An empty graph.
    pub fn new() -> Self {
        Self::default()
    }

    /// An empty graph with room for so many nodes.
    pub(crate) fn with_room(n_nodes: usize) -> Self {
        Self::over(Graph::with_room(n_nodes), n_nodes)
    }

    /// A builder that goes on behind a graph.
    pub fn resume(graph: Graph) -> Self {
        let n_nodes = graph.n_nodes();
        let mut builder = Self::over(graph, n_nodes);
        for id in builder.graph.ids() {
            builder.know(id);
        }
        builder
    }

    /// A builder over a graph whose nodes it does not know yet, with room to know so many.
    pub(crate) fn over(graph: Graph, n_known: usize) -> Self {
        let known = FxHashMap::with_capacity_and_hasher(n_known, Default::default());
        Builder { graph, known, ..Self::default() }
    }

    /// Has this node be found by those who ask for an equal one; `false` if another one is found already.
    pub(crate) fn know(&mut self, id: NodeId) -> bool {
        let free = self.find(self.graph.op(id), self.graph.operands(id));
        free.is_err_and(|free| self.known.insert(free, id).is_none())
    }

    /// An empty graph beside this one, whose nodes come from where this one's new nodes do.
    pub(crate) fn beside(&self) -> Self {
        Builder { origin: self.origin.clone(), pass: self.pass, ..Self::default() }
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
        let op = op.into();
        let free = match self.find(&op, operands) {
            Ok(known) => return Ok(known),
            Err(free) => free,
        };
        let types: Vec<&Type> = operands.iter().map(|&operand| &self.graph.node(operand).ty).collect();
        let ty = op.infer(&types)?;
        let id = self.graph.push(op, ty, operands);
        let origin = self.origin_of_new();
        self.graph.set_origin(id, origin);
        self.known.insert(free, id);
        Ok(id)
    }

    /// The node of this op on these operands, or the number by which it is to be known.
    fn find(&self, op: &Op, operands: &[NodeId]) -> Result<NodeId, u64> {
        let mut hasher = FxHasher::default();
        (op, operands).hash(&mut hasher);
        let mut number = hasher.finish();
        while let Some(&known) = self.known.get(&number) {
            if self.graph.op(known) == op && self.graph.operands(known) == operands {
                return Ok(known);
            }
            number = number.wrapping_add(1);
        }
        Err(number)
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

    /// Has new nodes come from `origin`.
    pub(crate) fn set_origin(&mut self, origin: Option<Arc<Origin>>) {
        self.origin = origin;
    }

    /// Has new nodes be a pass's work, besides.
    pub(crate) fn set_pass(&mut self, pass: Option<&'static str>) {
        self.pass = pass;
    }

    /// Has a node that is there come from where new ones do: what a rule has left as it was is no pass's work.
    pub(crate) fn reset_origin(&mut self, node: NodeId) {
        self.graph.set_origin(node, self.origin.clone());
    }

    /// What `build` gives; the nodes that it adds come from `origin`.
    pub fn within<T>(&mut self, origin: Option<Arc<Origin>>, build: impl FnOnce(&mut Self) -> T) -> T {
        let outer = std::mem::replace(&mut self.origin, origin);
        let built = build(self);
        self.origin = outer;
        built
    }

    /// What `build` gives; the nodes that it adds are also a pass's work.
    pub(crate) fn by_pass<T>(&mut self, pass: &'static str, build: impl FnOnce(&mut Self) -> T) -> T {
        let outer = (self.origin.clone(), self.pass.replace(pass));
        let built = build(self);
        (self.origin, self.pass) = outer;
        built
    }

    /// Most rules of passes add nothing: an origin that names the pass is made when the first node needs it.
    fn origin_of_new(&mut self) -> Option<Arc<Origin>> {
        let (origin, pass) = (self.origin.as_ref()?, self.pass);
        if let Some(pass) = pass.filter(|pass| !origin.passes.contains(pass)) {
            self.origin = Some(Arc::new(origin.rewritten(pass)));
        }
        self.origin.clone()
    }

    /// Copies all nodes of `graph` with their origins and returns their ids here, by their ids there.
    pub fn copy(&mut self, graph: &Graph) -> Vec<NodeId> {
        let mut ids: Vec<NodeId> = Vec::with_capacity(graph.n_nodes());
        for id in graph.ids() {
            let operands: Vec<NodeId> = graph.operands(id).iter().map(|o| ids[o.index()]).collect();
            let origin = graph.origin(id).cloned();
            ids.push(self.within(origin, |builder| builder.push(graph.op(id).clone(), &operands)));
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

    /// a − b.
    pub fn sub(&mut self, a: NodeId, b: NodeId) -> NodeId {
        self.push(ops::Sub, &[a, b])
    }

    /// a · b.
    pub fn mul(&mut self, a: NodeId, b: NodeId) -> NodeId {
        self.push(ops::Mul, &[a, b])
    }

    /// a / b.
    pub fn div(&mut self, a: NodeId, b: NodeId) -> NodeId {
        self.push(ops::Div, &[a, b])
    }

    /// The larger of a and b; NaN if either is.
    pub fn max(&mut self, a: NodeId, b: NodeId) -> NodeId {
        self.push(ops::Max, &[a, b])
    }

    /// The smaller of a and b; NaN if either is.
    pub fn min(&mut self, a: NodeId, b: NodeId) -> NodeId {
        self.push(ops::Min, &[a, b])
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

    /// eˣ − 1, exact for small x.
    pub fn expm1(&mut self, x: NodeId) -> NodeId {
        self.push(ops::Expm1, &[x])
    }

    /// ln x.
    pub fn log(&mut self, x: NodeId) -> NodeId {
        self.push(ops::Log, &[x])
    }

    /// ln(1 + x), exact for small x.
    pub fn log1p(&mut self, x: NodeId) -> NodeId {
        self.push(ops::Log1p, &[x])
    }

    /// −x.
    pub fn neg(&mut self, x: NodeId) -> NodeId {
        self.push(ops::Neg, &[x])
    }

    /// |x|.
    pub fn abs(&mut self, x: NodeId) -> NodeId {
        self.push(ops::Abs, &[x])
    }

    /// −1, 0 or 1. No gradient passes.
    pub fn sign(&mut self, x: NodeId) -> NodeId {
        self.push(ops::Sign, &[x])
    }

    /// √x.
    pub fn sqrt(&mut self, x: NodeId) -> NodeId {
        self.push(ops::Sqrt, &[x])
    }

    /// The hyperbolic tangent.
    pub fn tanh(&mut self, x: NodeId) -> NodeId {
        self.push(ops::Tanh, &[x])
    }

    /// The error function.
    pub fn erf(&mut self, x: NodeId) -> NodeId {
        self.push(ops::Erf, &[x])
    }

    /// 1 / (1 + e⁻ˣ).
    pub fn logistic(&mut self, x: NodeId) -> NodeId {
        self.push(ops::Logistic, &[x])
    }

    /// ln(1 + eˣ), without overflow.
    pub fn softplus(&mut self, x: NodeId) -> NodeId {
        self.push(ops::Softplus, &[x])
    }

    /// x, as a constant for autodiff.
    pub fn stop_gradient(&mut self, x: NodeId) -> NodeId {
        self.push(ops::StopGradient, &[x])
    }

    /// Whether a stands in this order to b, element by element.
    pub fn compare(&mut self, direction: Direction, a: NodeId, b: NodeId) -> NodeId {
        self.push(ops::Compare { direction }, &[a, b])
    }

    /// a where `condition` holds, else b.
    pub fn select(&mut self, condition: NodeId, a: NodeId, b: NodeId) -> NodeId {
        self.push(ops::Select, &[condition, a, b])
    }

    /// Integers or truth values as f32; `x` itself if it is f32.
    pub fn convert(&mut self, x: NodeId) -> NodeId {
        if self.tensor(x).dtype == DType::F32 { x } else { self.push(ops::Convert, &[x]) }
    }

    /// The f32 scalar `multiple`·B.
    pub fn batch_size(&mut self, multiple: usize) -> NodeId {
        self.push(ops::BatchSize { multiple }, &[])
    }

    /// The i32 index along `axis` of a tensor of this shape.
    pub fn iota(&mut self, axis: usize, shape: Shape) -> NodeId {
        self.push(ops::Iota { axis, shape }, &[])
    }

    /// The same elements in this shape; `x` itself if it has that shape.
    pub fn reshape(&mut self, x: NodeId, shape: Shape) -> NodeId {
        if *self.shape(x) == shape { x } else { self.push(ops::Reshape { shape }, &[x]) }
    }

    /// `x` with its axis `permutation[i]` as axis i; `x` itself if that changes nothing.
    pub fn transpose(&mut self, x: NodeId, permutation: &[usize]) -> NodeId {
        if permutation.is_sorted() {
            return x;
        }
        self.push(ops::Transpose { permutation: permutation.to_vec() }, &[x])
    }

    /// `x` with zeros around and between its elements; `x` itself if there are none.
    pub fn pad(&mut self, x: NodeId, pad: ops::Pad) -> NodeId {
        let adds_nothing =
            [&pad.low, &pad.high, &pad.interior].into_iter().flatten().all(|&zeros| zeros == 0);
        if adds_nothing { x } else { self.push(pad, &[x]) }
    }

    /// Some elements of `x`; `x` itself if they are all.
    pub fn slice(&mut self, x: NodeId, slice: ops::Slice) -> NodeId {
        if slice == ops::Slice::whole(self.shape(x)) { x } else { self.push(slice, &[x]) }
    }

    /// Windows of `sizes`, one every `strides`, along neighbouring axes from `axis` on; see [`Windows`](ops::Windows).
    pub fn windows(&mut self, x: NodeId, axis: usize, sizes: &[usize], strides: &[usize]) -> NodeId {
        let axes = (axis..axis + sizes.len()).collect();
        self.push(ops::Windows { axes, sizes: sizes.to_vec(), strides: strides.to_vec() }, &[x])
    }

    /// `x` with `axes` running backwards; `x` itself if there are none.
    pub fn reverse(&mut self, x: NodeId, axes: &[usize]) -> NodeId {
        if axes.is_empty() { x } else { self.push(ops::Reverse { axes: axes.to_vec() }, &[x]) }
    }

    /// The rows of `table` that `indices` name.
    pub fn gather(&mut self, table: NodeId, indices: NodeId) -> NodeId {
        self.push(ops::Gather, &[table, indices])
    }

    /// The maximum along `axes`; `x` itself if there are none.
    pub fn reduce_max(&mut self, x: NodeId, axes: &[usize]) -> NodeId {
        if axes.is_empty() { x } else { self.push(ops::ReduceMax { axes: axes.to_vec() }, &[x]) }
    }

    /// A tuple: the maxima along `axes`, neighbours, and the index of the first of each.
    pub fn max_with_index(&mut self, x: NodeId, axes: &[usize]) -> NodeId {
        self.push(ops::MaxWithIndex { axes: axes.to_vec() }, &[x])
    }

    /// A result of a tuple.
    pub fn get(&mut self, tuple: NodeId, index: usize) -> NodeId {
        self.push(ops::Get { index }, &[tuple])
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

    /// `x` along new axes of these sizes, the first of them `axis`: each element at its `index` (i32, of the shape of `x`; row-major
    /// over the new axes), zeros elsewhere.
    pub fn place_at(&mut self, x: NodeId, index: NodeId, axis: usize, sizes: &[Dim]) -> NodeId {
        let mut dims = self.shape(x).dims().to_vec();
        dims.splice(axis..axis, sizes.iter().copied());
        let shape: Shape = dims.into_iter().collect();
        let (new, old): (Vec<usize>, Vec<usize>) =
            (0..shape.rank()).partition(|a| (axis..axis + sizes.len()).contains(a));
        let spread = self.broadcast(x, &old, shape.clone());
        let target = self.broadcast(index, &old, shape.clone());
        let here = self.row_major_index(&new, shape.clone());
        let chosen = self.compare(Direction::Eq, here, target);
        let zero = self.constant(0.0, shape);
        self.select(chosen, spread, zero)
    }

    /// The i32 index over `axes`, row-major, of a tensor of this shape.
    fn row_major_index(&mut self, axes: &[usize], shape: Shape) -> NodeId {
        if let &[axis] = axes {
            return self.iota(axis, shape);
        }
        let sizes: Shape = axes.iter().map(|&axis| shape.dims()[axis]).collect();
        let count = sizes.elements().expect("at most as many elements as the whole tensor");
        let flat = self.iota(0, std::iter::once(count).collect());
        let index = self.reshape(flat, sizes);
        self.broadcast(index, axes, shape)
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
