//! Sums over rows: one value for each column, and what is computed from it.

use dl_ir::graph::{Graph, NodeId};
use dl_runtime::program::{Blocks, Extent};

use super::evaluate::{Evaluator, Place, Tile};
use super::operands::{Binding, chunks, extent, first_element, stored_elements};
use super::{KernelBuilder, offset, operands_in_order};
use crate::fuse::{Anchor, Class, Group, Space};
use crate::kernel::{Arg, Index, Kernel, Stmt, Term};
use crate::target::Target;
use crate::vector::reduce::VIRTUAL_LANES;
use crate::vector::{Address, Count, Program, ProgramBuilder, Value};

/// Columns in a block: a task.
const BLOCK: usize = 2 * VIRTUAL_LANES;

/// What is summed.
struct Source {
    binding: Binding,
    rows: Index,
    cols: usize,
}

impl Source {
    /// The operand of a column sum, or the partial sums of a product: as rows, they need only be added.
    fn of(graph: &Graph, group: &Group, node: NodeId, target: Target) -> Self {
        if let Some(Anchor::Total(_)) = group.anchor {
            let cols = stored_elements(graph, node, target).at(0);
            let rows = Index::blocks(chunks(graph, node));
            return Source { binding: Binding::Partials(node), rows, cols };
        }
        let operand = graph.operands(node)[0];
        let shape = &graph.tensor(operand).shape;
        let (rows, cols) = match Space::rows_of(shape) {
            Some(Space::Grid { rows, cols }) => (rows, cols),
            // A vector with a batch dimension: a single column.
            _ => (shape.elements().expect("checked by the verifier"), 1),
        };
        Source { binding: Binding::Left(operand), rows: Index::extent(extent(rows)), cols }
    }
}

/// The kernel of a group around the column sum `node`, or the total of its partial sums. Rows are added in order, so that the sum
/// has the same bits at every width.
pub fn schedule(graph: &Graph, group: &Group, node: NodeId, bindings: &[Binding], target: Target) -> Kernel {
    let source = Source::of(graph, group, node, target);
    let cols = source.cols;
    let mut kernel = KernelBuilder::new(graph, bindings, target);
    let args = args(graph, bindings, &source);
    let whole = cols / BLOCK * BLOCK;
    let end = Index::term(Term::End, BLOCK as i64);
    for (begin, block) in
        [(Index::term(Term::Begin, BLOCK as i64), BLOCK), (Index::constant(whole as i64), cols - whole)]
    {
        if block == 0 || (block == BLOCK && whole == 0) {
            continue;
        }
        let program = kernel.program(program(graph, group, (node, &source), bindings, target, block));
        let limit = if block == BLOCK { whole } else { cols };
        let ends = vec![end.clone(), Index::constant(limit as i64)];
        let run = Stmt::Run { program, args: args.clone() };
        kernel.for_each(0, begin, ends, [(block, vec![run])]);
    }
    kernel.finish(Blocks { of: Extent::fixed(cols), size: BLOCK })
}

fn args(graph: &Graph, bindings: &[Binding], source: &Source) -> Vec<Arg> {
    let pointers = bindings.iter().enumerate().map(|(buffer, binding)| {
        let offset = match *binding {
            Binding::Read(node, Class::Scalar) => offset(4 * first_element(graph, node), &[]),
            _ => offset(0, &[(0, 4)]),
        };
        Arg::Pointer { buffer, offset }
    });
    pointers.chain([Arg::Count(vec![source.rows.clone()])]).collect()
}

fn program(
    graph: &Graph,
    group: &Group,
    (node, source): (NodeId, &Source),
    bindings: &[Binding],
    target: Target,
    block: usize,
) -> Program {
    let operands = operands_in_order(graph, bindings, target);
    let tile = Tile::new(operands, block);
    let mut e = Evaluator::new(graph, group, bindings, ProgramBuilder::new(target.lanes), tile);
    let arg = e.arg(source.binding);
    let count = Count::Arg(e.b.arg());
    // A sum of one row is that row, even of a negative zero.
    let zero = e.b.f32(-0.0);
    let sums = e.b.begin_loop(count, &vec![zero; e.n_vectors()]);
    let next: Vec<Value> = sums
        .iter()
        .enumerate()
        .map(|(vector, &sum)| {
            let offset = (vector * e.b.lanes().bytes()) as i32;
            let address = Address { arg, offset, step: 4 * source.cols as i32 };
            let row = e.b.load_tail(address, e.count(vector));
            e.b.add(sum, row)
        })
        .collect();
    let sums = e.b.end_loop(&next);
    for (vector, &sum) in sums.iter().enumerate() {
        e.set(node, Class::Full, Place { vector, ..Place::default() }, sum);
    }
    for vector in 0..sums.len() {
        for &output in &group.outputs {
            e.write(output, Class::Full, Place { vector, ..Place::default() });
        }
    }
    e.b.finish()
}
