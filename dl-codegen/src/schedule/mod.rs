//! Schedules: from a fusion group to a kernel, one file for each kind of loop nest.

mod alone;
mod column_sum;
mod contract;
mod cost;
mod evaluate;
mod flat;
mod fold;
mod map;
mod nest;
pub mod operands;
mod packed;
mod pipelined;
mod random;
mod rows;
mod run;
mod scatter;
mod table;
mod tile;
mod transpose;
pub mod work;

use dl_ir::access::Access;
use dl_ir::graph::Graph;
use dl_ir::ops::Op;
use dl_ir::types::Dim;
use dl_runtime::program::{Blocks, Cost, Extent};

use crate::fuse::{self, Anchor, Class, Group, Space};
use crate::kernel::{Index, Kernel, Stmt, Term, Tile};
use crate::target::Target;
use crate::vector::Program;
pub use alone::Alone;
pub use contract::has_columns_as_tasks;
use nest::{Nest, Operand, Rows};
pub use operands::Binding;
use operands::{bindings, buffer_use};

/// A group's kernel, and the nodes that its buffers hold, in the kernel's order.
#[derive(Clone, Debug)]
pub struct Scheduled {
    /// The loop nest.
    pub kernel: Kernel,
    /// One binding for each of its buffers.
    pub bindings: Vec<Binding>,
    /// A rough cost of the whole kernel.
    pub cost: Cost,
}

/// The kernel of a group.
pub fn schedule(graph: &Graph, group: &Group, target: Target) -> Scheduled {
    let bindings = bindings(graph, group);
    let kernel = match (group.anchor, group.space) {
        (Some(Anchor::Contract(node) | Anchor::Chunks(node)), _) => {
            contract::schedule(graph, group, node, &bindings, target)
        }
        (Some(Anchor::ColumnSum(node) | Anchor::Total(node)), _) => {
            column_sum::schedule(graph, group, node, &bindings, target)
        }
        (Some(Anchor::Random(node)), _) => random::schedule(graph, group, node, &bindings, target),
        (Some(Anchor::Fold(node)), _) => fold::schedule(graph, group, node, &bindings, target),
        (Some(Anchor::Transpose(node)), _) => transpose::schedule(graph, node, &bindings, target),
        (Some(Anchor::Gather(node)), _) => table::gather(graph, node, &bindings, target),
        (Some(Anchor::ScatterAdd(node) | Anchor::ScatterInto(node)), _) => {
            table::scatter(graph, node, &bindings, target)
        }
        (None, Space::Grid { cols, .. }) => rows::schedule(graph, group, cols, &bindings, target),
        (None, Space::Flat(_)) => match columns_of_views(graph, &bindings) {
            Some(cols) => rows::schedule(graph, group, cols, &bindings, target),
            None => flat::schedule(graph, group, &bindings, target),
        },
    };
    Scheduled { kernel, bindings, cost: cost::cost(graph, group, target) }
}

/// Whether a group's kernel goes through memory in whole blocks, and may so write behind the last element.
pub fn fills_blocks(graph: &Graph, group: &Group) -> bool {
    let is_flat = group.anchor.is_none() && matches!(group.space, Space::Flat(_));
    is_flat && columns_of_views(graph, &bindings(graph, group)).is_none()
}

/// The length of rows, if a view among the elements that a kernel reads makes it go row by row.
fn columns_of_views(graph: &Graph, bindings: &[Binding]) -> Option<usize> {
    bindings.iter().find_map(|binding| {
        let node = match *binding {
            Binding::Scatter(node) => return Some(scatter::columns(graph, node)),
            Binding::Read(node, Class::Full) => node,
            _ => return None,
        };
        let shape = &graph.tensor(node).shape;
        let access = Access::of(graph, node).expect("views that kernels cannot read were copied");
        let last = shape.dims().last().and_then(|last| last.as_static());
        let last = last.filter(|_| access.has_whole_rows(shape));
        // Where neighbours in a row are apart, each element is a row of its own.
        (!access.is_whole(shape)).then(|| last.unwrap_or(1))
    })
}

/// Puts a kernel together.
struct KernelBuilder {
    kernel: Kernel,
}

impl KernelBuilder {
    fn new(graph: &Graph, bindings: &[Binding], target: Target) -> Self {
        let buffers = bindings.iter().map(|&binding| buffer_use(graph, binding, target)).collect();
        let (programs, body) = (Vec::new(), Vec::new());
        KernelBuilder {
            kernel: Kernel { buffers, programs, n_vars: 0, body, tasks: Extent::fixed(0).into() },
        }
    }

    /// Adds a program and gives its index; equal programs are one.
    fn program(&mut self, program: Program) -> usize {
        let programs = &mut self.kernel.programs;
        programs.iter().position(|known| *known == program).unwrap_or_else(|| {
            programs.push(program);
            programs.len() - 1
        })
    }

    /// A loop at the outermost level.
    fn for_each(
        &mut self,
        var: usize,
        begin: Index,
        end: Vec<Index>,
        tiles: impl IntoIterator<Item = (usize, Vec<Stmt>)>,
    ) {
        let stmt = self.nested(var, begin, end, tiles);
        self.kernel.body.push(stmt);
    }

    /// A loop, to be put into another.
    fn nested(
        &mut self,
        var: usize,
        begin: Index,
        end: Vec<Index>,
        tiles: impl IntoIterator<Item = (usize, Vec<Stmt>)>,
    ) -> Stmt {
        self.kernel.n_vars = self.kernel.n_vars.max(var + 1);
        let tiles = tiles.into_iter().map(|(step, body)| Tile { step, body }).collect();
        Stmt::For { var, begin, end, tiles }
    }

    /// An index from memory, below a limit.
    fn load(&mut self, var: usize, buffer: usize, offset: Index, limit: usize) -> Stmt {
        self.kernel.n_vars = self.kernel.n_vars.max(var + 1);
        Stmt::Load { var, buffer, offset, limit }
    }

    fn finish(mut self, tasks: impl Into<Blocks>) -> Kernel {
        self.kernel.tasks = tasks.into();
        self.kernel
    }
}

/// A byte offset: a constant plus multiples of loop variables.
fn offset(constant: i64, vars: &[(usize, i64)]) -> Index {
    let terms = vars.iter().filter(|(_, factor)| *factor != 0);
    Index { constant, terms: terms.map(|&(var, factor)| (Term::Var(var), factor)).collect() }
}

/// Whole steps, then what is left.
fn steps(size: usize, step: usize) -> impl Iterator<Item = usize> {
    let whole = (size >= step).then_some(step);
    whole.into_iter().chain(Some(size % step).filter(|&left| left > 0))
}

/// Up to a number.
fn fixed(end: usize) -> Vec<Index> {
    vec![Index::constant(end as i64)]
}

/// How operands lie that are gone through in the order of their elements, without regard to rows.
fn operands_in_order(graph: &Graph, bindings: &[Binding], target: Target) -> Vec<Operand> {
    let operand = |binding: &Binding| {
        let matrix = operands::matrix(graph, binding.node(), target);
        Operand { matrix, offset: 0, row: 0, repeats: false }
    };
    bindings.iter().map(operand).collect()
}

/// The loops over the rows of a group whose rows have `cols` elements.
fn nest_of(graph: &Graph, group: &Group, bindings: &[Binding], cols: usize, target: Target) -> Nest {
    let dims = row_dims(graph, group, bindings, cols);
    let operands = bindings.iter().map(|&binding| {
        let matrix = operands::matrix(graph, operands::storage(graph, binding.node()), target);
        (matrix, Rows::of(graph, binding, &dims, target))
    });
    Nest::new(&dims, operands.collect())
}

/// The axes of a group's space without those that make the columns.
fn row_dims(graph: &Graph, group: &Group, bindings: &[Binding], cols: usize) -> Vec<Dim> {
    let member = group.members.iter().find(|(_, class)| **class == Class::Full).map(|(&node, _)| node);
    // Without a member at each point there is an operand that has an element at each, to be reduced or copied.
    let read = bindings.iter().find_map(|binding| match *binding {
        Binding::Read(node, Class::Full) => Some(node),
        _ => None,
    });
    let shape = match (member, read) {
        (Some(member), _) => fuse::space_shape(graph, member),
        (None, read) => fuse::shape(graph, read.expect("a kernel over rows has elements at each point")),
    };
    let mut dims = shape.dims().to_vec();
    let mut columns = 1;
    while columns < cols {
        let dim = dims.pop().and_then(Dim::as_static);
        columns *= dim.expect("columns are the last axes of the space, and static");
    }
    dims
}

/// Whether a node is a tuple-valued or plain row reduction.
fn is_reduction(op: &Op) -> bool {
    matches!(op, Op::ReduceSum(_) | Op::ReduceMax(_) | Op::MaxWithIndex(_))
}
