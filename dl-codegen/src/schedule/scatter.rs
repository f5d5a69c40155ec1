//! Nodes that put their operands' elements in places of their own: padding, parts one behind the other, and windows added back to where they
//! came from.
//!
//! Their kernels go through the operand's elements, and write each where it belongs. Each task first fills the part of the result that
//! it writes to with zeros, if there is anything else.

use dl_ir::access::{Stride, natural};
use dl_ir::graph::{Graph, NodeId};
use dl_ir::ops::{Op, OverlapAdd};
use dl_ir::types::{Dim, Shape};

use super::KernelBuilder;
use super::nest::{Nest, Rows, place};
use super::operands::{Binding, shape_elements};
use super::run::{Fill, run};
use crate::fuse::{space_shape, tiles};
use crate::kernel::{Arg, Index, Stmt, Term};
use crate::target::Target;

/// Where a node that scatters puts the elements of each row of its operand; `n_axes` are the axes of rows.
pub fn rows(graph: &Graph, node: NodeId, n_axes: usize) -> Rows {
    let (offset, strides) = places(graph, node);
    Rows { offset, strides: strides[..n_axes].to_vec(), repeats: false }
}

/// The element that the operand's first becomes, and how far apart neighbours along each axis are.
fn places(graph: &Graph, node: NodeId) -> (i64, Vec<Stride>) {
    let result = natural(&graph.tensor(node).shape).expect("checked by fusion");
    if let Op::Concatenate(_) = graph.op(node) {
        return (0, result);
    }
    let (offset, strides) = operand_places(graph, node, &result);
    let operand = graph.operands(node)[0];
    match graph.op(operand) {
        Op::OverlapAdd(add) if tiles(graph, operand) => (offset, windows_of(add, &strides)),
        _ => (offset, strides),
    }
}

/// The same for a node's operand, where the result has these strides.
fn operand_places(graph: &Graph, node: NodeId, result: &[Stride]) -> (i64, Vec<Stride>) {
    match graph.op(node) {
        Op::Pad(pad) => {
            let low = result.iter().zip(&pad.low).map(|(stride, &low)| stride.fixed * low as i64);
            let apart = result.iter().zip(&pad.interior);
            let apart = apart.map(|(&stride, &interior)| {
                stride.times(Dim::Static(interior + 1)).expect("within the result")
            });
            (low.sum(), apart.collect())
        }
        Op::OverlapAdd(add) => (0, windows_of(add, result)),
        _ => unreachable!("asked for nodes that scatter only"),
    }
}

fn windows_of(add: &OverlapAdd, result: &[Stride]) -> Vec<Stride> {
    let mut strides = result.to_vec();
    let inside: Vec<Stride> = add.axes.iter().map(|&axis| result[axis]).collect();
    for (&axis, &step) in add.axes.iter().zip(&add.strides) {
        strides[axis] = result[axis].times(Dim::Static(step)).expect("within the result");
    }
    let behind = add.axes[0] + add.axes.len();
    strides.splice(behind..behind, inside);
    strides
}

/// The length of rows that a node scatters: 1 where neighbours in a row come apart.
pub fn columns(graph: &Graph, node: NodeId) -> usize {
    let (_, strides) = places(graph, node);
    let last = space_shape(graph, node).dims().last().and_then(|last| last.as_static());
    last.filter(|_| strides.last() == Some(&Stride::fixed(1))).unwrap_or(1)
}

/// What a node is written as, with how many elements lie before each: the parts of a concatenation, or the node itself.
pub fn parts(graph: &Graph, node: NodeId) -> Vec<(NodeId, i64)> {
    let Op::Concatenate(concatenate) = graph.op(node) else { return vec![(node, 0)] };
    let strides = natural(&graph.tensor(node).shape).expect("checked by fusion");
    let size = space_shape(graph, node).dims()[concatenate.axis];
    let each = strides[concatenate.axis].times(size).and_then(Stride::as_fixed).expect("checked by fusion");
    graph.operands(node).iter().copied().zip((0..).map(|part| part * each)).collect()
}

/// Whether two elements of the operand may go to one place: they are added up in memory.
pub fn adds_up(graph: &Graph, node: NodeId) -> bool {
    let Op::OverlapAdd(add) = graph.op(node) else { return false };
    let windows = inner_sizes(graph, node, add);
    add.strides.iter().zip(windows).any(|(&stride, size)| stride < size)
}

/// The sizes of the windows that are added back.
fn inner_sizes(graph: &Graph, node: NodeId, add: &OverlapAdd) -> Vec<usize> {
    let dims = space_shape(graph, node).dims();
    let inside = add.axes.iter().map(|axis| dims[axis + add.axes.len()]);
    inside.map(|dim| dim.as_static().expect("windows are of fixed size")).collect()
}

/// Whether there are places that get no element.
fn leaves_gaps(graph: &Graph, node: NodeId) -> bool {
    let elements = |shape: &Shape| shape.elements();
    let is_filled = matches!(graph.op(node), Op::Concatenate(_));
    adds_up(graph, node)
        || (!is_filled && elements(&graph.tensor(node).shape) != elements(space_shape(graph, node)))
}

/// The nodes that are scattered and leave gaps, with their buffers.
fn with_gaps(graph: &Graph, bindings: &[Binding]) -> Vec<(usize, NodeId)> {
    let scattered = bindings.iter().enumerate().filter_map(|(buffer, binding)| match *binding {
        Binding::Scatter(node) => Some((buffer, node)),
        _ => None,
    });
    scattered.filter(|&(_, node)| leaves_gaps(graph, node)).collect()
}

/// Makes tasks write to different parts of what is filled with zeros, by loops of one more row where needed.
pub fn separate_tasks(graph: &Graph, bindings: &[Binding], nest: &mut Nest) {
    let filled = with_gaps(graph, bindings);
    let is_apart = |&(buffer, node): &(usize, NodeId)| part(graph, node, buffer, nest).is_some();
    if !filled.iter().all(is_apart) {
        nest.in_one_task();
    }
    if !filled.is_empty() && nest.axes.len() == 1 {
        nest.row_by_row();
    }
}

/// The part of a node, in elements, that each task writes to, if those of different tasks are different.
fn part(graph: &Graph, node: NodeId, buffer: usize, nest: &Nest) -> Option<usize> {
    let tasks = &nest.axes[0];
    let each = tasks.steps[buffer].as_fixed().filter(|&each| each > 0)?;
    let all = Stride::fixed(1).times(shape_elements(graph, node))?;
    (Stride::fixed(each).times(tasks.size) == Some(all)).then_some(each as usize)
}

/// Fills what a task writes to with zeros; `task` is the variable of the loop over tasks.
pub fn zeros(
    graph: &Graph,
    bindings: &[Binding],
    nest: &Nest,
    task: usize,
    kernel: &mut KernelBuilder,
    target: Target,
) -> Vec<Stmt> {
    let fill = |(buffer, node): (usize, NodeId)| {
        let each = part(graph, node, buffer, nest);
        let step = each.map_or(Stride::default(), |each| Stride::fixed(each as i64));
        let first = place(0, [(task, step)]);
        match each {
            Some(each) => vec![run_of_zeros(kernel, buffer, first, each, target)],
            None => all_zeros(kernel, buffer, task + nest.axes.len(), shape_elements(graph, node), target),
        }
    };
    with_gaps(graph, bindings).into_iter().flat_map(fill).collect()
}

/// A run of zeros.
fn run_of_zeros(
    kernel: &mut KernelBuilder,
    buffer: usize,
    offset: Index,
    elements: usize,
    target: Target,
) -> Stmt {
    let program = kernel.program(run(target, elements, Fill::Number(0.0)));
    Stmt::Run { program, args: vec![Arg::Pointer { buffer, offset }] }
}

/// Zeros from the first element to the last.
fn all_zeros(
    kernel: &mut KernelBuilder,
    buffer: usize,
    var: usize,
    elements: Dim,
    target: Target,
) -> Vec<Stmt> {
    let (rows, each) = match elements {
        Dim::Static(each) => (Index::constant(1), each),
        Dim::Batch(each) => (Index::term(Term::Batch, 1), each),
    };
    let run = run_of_zeros(kernel, buffer, place(0, [(var, Stride::fixed(each as i64))]), each, target);
    vec![kernel.nested(var, Index::constant(0), vec![rows], [(1, vec![run])])]
}
