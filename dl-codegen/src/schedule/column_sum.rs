//! Sums over rows: one value for each column, and what is computed from it.

use dl_ir::graph::{Graph, NodeId};
use dl_ir::types::Dim;
use dl_runtime::program::Extent;

use super::evaluate::{Evaluator, Place, Steps, Tile};
use super::operands::{Binding, extent};
use super::{KernelBuilder, matrices, offset};
use crate::fuse::{Class, Group, Space};
use crate::kernel::{Arg, Index, Kernel, Stmt, Term};
use crate::target::Target;
use crate::vector::reduce::VIRTUAL_LANES;
use crate::vector::{Address, Count, Program, ProgramBuilder, Value};

/// Columns in a block: a task.
const BLOCK: usize = 2 * VIRTUAL_LANES;

/// The kernel of a group around the column sum `node`. Rows are added in order, so that the sum has the same bits at every
/// width.
pub fn schedule(graph: &Graph, group: &Group, node: NodeId, bindings: &[Binding], target: Target) -> Kernel {
    let operand = &graph.tensor(graph.operands(node)[0]).shape;
    let (rows, cols) = match Space::rows_of(operand) {
        Some(Space::Grid { rows, cols }) => (rows, cols),
        // A vector with a batch dimension: a single column.
        _ => (operand.elements().expect("checked by the verifier"), 1),
    };
    let mut kernel = KernelBuilder::new(graph, bindings, target);
    let args = args(bindings, rows);
    let whole = cols / BLOCK * BLOCK;
    let end = Index::term(Term::End, BLOCK as i64);
    for (begin, block) in
        [(Index::term(Term::Begin, BLOCK as i64), BLOCK), (Index::constant(whole as i64), cols - whole)]
    {
        if block == 0 || (block == BLOCK && whole == 0) {
            continue;
        }
        let program = kernel.program(program(graph, group, node, bindings, target, cols, block));
        let limit = if block == BLOCK { whole } else { cols };
        let ends = vec![end.clone(), Index::constant(limit as i64)];
        let run = Stmt::Run { program, args: args.clone() };
        kernel.for_each(0, begin, ends, [(block, vec![run])]);
    }
    kernel.finish(Extent::fixed(cols.div_ceil(BLOCK)))
}

fn args(bindings: &[Binding], rows: Dim) -> Vec<Arg> {
    let pointers = bindings.iter().enumerate().map(|(buffer, binding)| {
        let factor = if matches!(binding, Binding::Read(_, Class::Scalar)) { 0 } else { 4 };
        Arg::Pointer { buffer, offset: offset(0, &[(0, factor)]) }
    });
    pointers.chain([Arg::Count(Index::extent(extent(rows)))]).collect()
}

fn program(
    graph: &Graph,
    group: &Group,
    node: NodeId,
    bindings: &[Binding],
    target: Target,
    cols: usize,
    block: usize,
) -> Program {
    let tile = Tile { matrices: matrices(graph, bindings, target), cols: block, steps: Steps::default() };
    let mut e = Evaluator::new(graph, group, bindings, ProgramBuilder::new(target.lanes), tile);
    let source = e.arg(Binding::Left(graph.operands(node)[0]));
    let count = Count::Arg(e.b.arg());
    let zero = e.b.f32(0.0);
    let sums = e.b.begin_loop(count, &vec![zero; e.n_vectors()]);
    let next: Vec<Value> = sums
        .iter()
        .enumerate()
        .map(|(vector, &sum)| {
            let offset = (vector * e.b.lanes().bytes()) as i32;
            let address = Address { arg: source, offset, step: 4 * cols as i32 };
            let row = e.b.load_tail(address, e.count(vector));
            e.b.add(sum, row)
        })
        .collect();
    let sums = e.b.end_loop(&next);
    for (vector, &sum) in sums.iter().enumerate() {
        e.set(node, Class::Full, Place { row: 0, vector }, sum);
    }
    for vector in 0..sums.len() {
        for &output in &group.outputs {
            e.write(output, Class::Full, Place { row: 0, vector });
        }
    }
    e.b.finish()
}
