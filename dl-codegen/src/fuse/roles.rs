//! How a node reads its operands: element by element within its kernel, or by loops of its own.

use dl_ir::access::{Access, natural};
use dl_ir::graph::{Graph, NodeId};
use dl_ir::ops::{Broadcast, Op, Structure};
use dl_ir::product::Product;
use dl_ir::types::{DType, Shape};

use super::group::{Anchor, Class, Space};
use crate::matrix::Transposition;

/// A reduction, as code generation knows it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Reduction {
    /// Along the last axis.
    Row,
    /// A sum along all other axes, or of a vector whose length depends on the batch.
    Column,
    /// Along some of the other axes, of fixed sizes and at distances that do not depend on the batch.
    Fold,
}

/// Along what a reduction goes; `None` for other ops and for axes that no kernel reduces.
pub fn reduction(graph: &Graph, node: NodeId) -> Option<Reduction> {
    let axes = graph.op(node).reduced_axes()?;
    let operand = graph.operands(node)[0];
    let shape = &graph.tensor(operand).shape;
    let rank = shape.rank();
    let is_sum = matches!(graph.op(node), Op::ReduceSum(_));
    match axes {
        [axis] if axis + 1 == rank && shape.dims()[*axis].as_static().is_some() => Some(Reduction::Row),
        [0] if rank == 1 && is_sum => Some(Reduction::Column),
        axes if is_sum && rank > 1 && axes.iter().copied().eq(0..rank - 1) => Some(Reduction::Column),
        axes if axes.iter().all(|&axis| axis + 1 < rank && shape.dims()[axis].as_static().is_some()) => {
            let access = Access::of(graph, operand)?;
            let are_numbers = axes.iter().all(|&axis| access.strides[axis].as_fixed().is_some());
            are_numbers.then_some(Reduction::Fold)
        }
        _ => None,
    }
}

/// The anchor that a node would be.
pub fn anchor(graph: &Graph, node: NodeId) -> Option<Anchor> {
    match graph.op(node).structure() {
        Structure::Contract => Product::of(graph, node).map(|_| Anchor::Contract(node)),
        // Numbers are drawn by their place in memory: only what is never in panels can be.
        Structure::Random => graph.tensor(node).shape.as_fixed().is_none().then_some(Anchor::Random(node)),
        Structure::Gather => Some(Anchor::Gather(node)),
        Structure::ScatterAdd => Some(Anchor::ScatterAdd(node)),
        Structure::Permute => Transposition::of(graph, node).map(|_| Anchor::Transpose(node)),
        Structure::Reduce if reduction(graph, node) == Some(Reduction::Column) => {
            Some(Anchor::ColumnSum(node))
        }
        Structure::Reduce if reduction(graph, node) == Some(Reduction::Fold) => Some(Anchor::Fold(node)),
        _ => None,
    }
}

/// The class at which `user`, itself of class `class` in its group, reads operand `operand` of it; `None` if it reads it in
/// loops of its own, or as a whole under another shape.
pub fn operand_class(graph: &Graph, user: NodeId, class: Class) -> Option<Class> {
    match graph.op(user).structure() {
        // A slice is a member only where the group computes what it is of: at the same points of one of its parts.
        Structure::Map | Structure::Get | Structure::Slice => Some(class),
        // At the points of what is scattered.
        Structure::Pad | Structure::Concatenate | Structure::OverlapAdd => Some(class),
        Structure::Broadcast => {
            let Op::Broadcast(broadcast) = graph.op(user) else { return None };
            broadcast_class(broadcast, class)
        }
        Structure::Random => Some(Class::Scalar),
        Structure::Reduce if reduction(graph, user) == Some(Reduction::Row) => Some(Class::Full),
        _ => None,
    }
}

/// The class of a broadcast's operand.
fn broadcast_class(broadcast: &Broadcast, class: Class) -> Option<Class> {
    let rank = broadcast.shape.rank();
    match (broadcast.axes.as_slice(), class) {
        ([], _) => Some(Class::Scalar),
        ([axis], Class::Full) if rank > 1 && axis + 1 == rank => Some(Class::PerCol),
        (axes, Class::Full) if axes.iter().copied().eq(0..rank - 1) => Some(Class::PerRow),
        _ => None,
    }
}

/// The rows that `member`, of class `Full`, asks of its group's space: `Ok(None)` if it does not care; `Err` if it has
/// none that a kernel can walk.
pub fn rows_asked(graph: &Graph, member: NodeId) -> Result<Option<Space>, ()> {
    match graph.op(member) {
        Op::Broadcast(broadcast) => match broadcast_class(broadcast, Class::Full) {
            Some(Class::Scalar) => Ok(None),
            Some(_) => Space::rows_of(&broadcast.shape).map(Some).ok_or(()),
            None => Err(()),
        },
        Op::Iota(iota) if iota.axis + 1 == graph.tensor(member).shape.rank() => {
            Space::rows_of(&graph.tensor(member).shape).map(Some).ok_or(())
        }
        Op::Iota(_) => Err(()),
        _ => Ok(None),
    }
}

/// The rows that a row reduction walks.
pub fn rows_reduced(graph: &Graph, node: NodeId) -> Option<Space> {
    Space::rows_of(&graph.tensor(graph.operands(node)[0]).shape)
}

/// Whether computing a node again where it is used costs less than reading it from memory.
pub fn is_cheap(op: &Op) -> bool {
    !matches!(
        op,
        Op::Exp(_)
            | Op::Expm1(_)
            | Op::Log(_)
            | Op::Log1p(_)
            | Op::Tanh(_)
            | Op::Erf(_)
            | Op::Logistic(_)
            | Op::Softplus(_)
            | Op::Sqrt(_)
            | Op::Div(_)
            | Op::Einsum(_)
            | Op::RandomUniform(_)
            | Op::ReduceSum(_)
            | Op::ReduceMax(_)
            | Op::MaxWithIndex(_)
    )
}

/// Whether to compute a node again where it is used takes no more reading than to read it: of its operands, one at most has as many
/// elements in memory. Truth values are never in memory.
pub fn is_light(graph: &Graph, node: NodeId) -> bool {
    let fills_memory =
        |&&operand: &&NodeId| !matches!(graph.op(operand), Op::Constant(_) | Op::Iota(_) | Op::Broadcast(_));
    let is_bool = graph.node(node).ty.as_tensor().is_some_and(|tensor| tensor.dtype == DType::Bool);
    is_bool || graph.operands(node).iter().filter(fills_memory).count() <= 1
}

/// Whether a broadcast is computed with in programs, rather than read as a view.
pub fn is_in_program(op: &Op) -> bool {
    matches!(op, Op::Broadcast(broadcast) if broadcast_class(broadcast, Class::Full).is_some())
}

/// Whether a node puts each element of its operand in a place of its own, among zeros or other elements.
pub fn scatters(op: &Op) -> bool {
    matches!(op.structure(), Structure::Pad | Structure::Concatenate | Structure::OverlapAdd)
}

/// Whether a node scatters its operand's elements so that each place gets exactly one.
pub fn tiles(graph: &Graph, node: NodeId) -> bool {
    let Op::OverlapAdd(add) = graph.op(node) else { return false };
    let dims = shape(graph, graph.operands(node)[0]).dims();
    let mut axes = add.axes.iter().enumerate();
    axes.all(|(i, &axis)| {
        let (count, window) = (dims[axis].at(1), dims[axis + add.axes.len()].at(1));
        add.strides[i] == window && count * window == add.sizes[i]
    })
}

/// The node whose elements are scattered in the kernel of a node that scatters: its operand, or what that scatters in turn.
pub fn scattered(graph: &Graph, node: NodeId) -> NodeId {
    let operand = graph.operands(node)[0];
    let is_one_of_several = matches!(graph.op(node), Op::Concatenate(_));
    if tiles(graph, operand) && !is_one_of_several { scattered(graph, operand) } else { operand }
}

/// Whether a pad, or each part of a concatenation, begins at a place that does not depend on the batch, as kernels write them; parts must
/// be alike.
pub fn begins_at_numbers(graph: &Graph, node: NodeId) -> bool {
    let Some(strides) = natural(shape(graph, node)) else { return false };
    match graph.op(node) {
        Op::Pad(pad) => {
            let mut axes = strides.iter().zip(&pad.low);
            axes.all(|(stride, &low)| low == 0 || stride.as_fixed().is_some())
        }
        Op::Concatenate(concatenate) => {
            let operands = graph.operands(node);
            let are_alike = operands.iter().all(|&part| shape(graph, part) == shape(graph, operands[0]));
            // Panels have their columns elsewhere.
            let is_row_major = shape(graph, node).as_fixed().is_none();
            are_alike && is_row_major && strides[concatenate.axis].as_fixed().is_some()
        }
        _ => true,
    }
}

/// The shape of the space that a node is computed in: its own, or that of the elements it scatters.
pub fn space_shape(graph: &Graph, node: NodeId) -> &Shape {
    if scatters(graph.op(node)) { shape(graph, scattered(graph, node)) } else { shape(graph, node) }
}

/// The shape of a node; of a tuple's first result.
pub fn shape(graph: &Graph, node: NodeId) -> &Shape {
    match &graph.node(node).ty {
        dl_ir::types::Type::Tensor(tensor) => &tensor.shape,
        dl_ir::types::Type::Tuple(parts) => &parts[0].shape,
    }
}

/// The number of elements from one index of the first axis to the next, for a batch of one; `None` if it is beyond a `usize`.
pub fn row_len(graph: &Graph, node: NodeId) -> Option<usize> {
    let mut sizes = shape(graph, node).dims().iter().skip(1).map(|dim| dim.at(1));
    sizes.try_fold(1usize, usize::checked_mul)
}
