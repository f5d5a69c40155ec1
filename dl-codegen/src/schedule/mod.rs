//! Schedules: from a fusion group to a kernel, one file for each kind of loop nest.

mod column_sum;
mod contract;
mod cost;
mod evaluate;
mod flat;
mod map;
pub mod operands;
mod random;
mod rows;
mod transpose;
pub mod work;

use dl_ir::graph::Graph;
use dl_ir::ops::Op;
use dl_runtime::program::{Blocks, Cost, Extent};

use crate::fuse::{Anchor, Group, Space};
use crate::kernel::{Index, Kernel, Stmt, Term, Tile};
use crate::layout::Matrix;
use crate::target::Target;
use crate::vector::Program;
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
        (Some(Anchor::Transpose(node)), _) => transpose::schedule(graph, node, &bindings, target),
        (None, Space::Grid { rows, cols }) => rows::schedule(graph, group, (rows, cols), &bindings, target),
        (None, Space::Flat(_)) => flat::schedule(graph, group, &bindings, target),
    };
    Scheduled { kernel, bindings, cost: cost::cost(graph, group, target) }
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

/// How the matrices of all bindings lie.
fn matrices(graph: &Graph, bindings: &[Binding], target: Target) -> Vec<Matrix> {
    bindings.iter().map(|binding| operands::matrix(graph, binding.node(), target)).collect()
}

/// Whether a node is a tuple-valued or plain row reduction.
fn is_reduction(op: &Op) -> bool {
    matches!(op, Op::ReduceSum(_) | Op::ReduceMax(_) | Op::MaxWithIndex(_))
}
