//! Matrix products: tiles whose accumulators stay in registers through the whole sum and the epilogue.
//!
//! out[m, n] = Σₖ left[m, k] · right[k, n]. The right operand and the result lie row by row; the left operand either way.
//! Vectors run along n and sums along k in order, so results have the same bits at every width.

use dl_ir::graph::{Graph, NodeId};
use dl_ir::types::Dim;
use dl_runtime::program::{Blocks, Extent};

use super::evaluate::{Evaluator, Place, Steps, Tile};
use super::operands::{Binding, chunks, extent};
use super::{KernelBuilder, matrices, offset};
use crate::fuse::chunks::CHUNK;
use crate::fuse::{Anchor, Class, Group};
use crate::kernel::{Arg, Index, Kernel, Stmt, Term};
use crate::layout::Matrix;
use crate::matrix::Product;
use crate::target::Target;
use crate::vector::{Address, Count, Program, ProgramBuilder, Value};

/// Loop variables: the tile's first column and row, and its chunk of terms.
const COL: usize = 0;
const ROW: usize = 1;
const CHUNK_OF_TERMS: usize = 2;

/// What a task of a product is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Task {
    /// A block of columns.
    Columns,
    /// A row.
    Row,
    /// A chunk of the sum's terms.
    Chunk,
}

/// The kernel of a group around the product `node`. Tasks are blocks of columns, or rows where there are few columns; or
/// chunks, if partial sums are asked for.
pub fn schedule(graph: &Graph, group: &Group, node: NodeId, bindings: &[Binding], target: Target) -> Kernel {
    let product = Product::of(graph, node).expect("fusion takes in such products only");
    let (height, width) = (target.matmul_tile().0, target.tile_width());
    let mut kernel = KernelBuilder::new(graph, bindings, target);
    let whole = product.n / width * width;
    let matrices = matrices(graph, bindings, target);
    let task = match group.anchor {
        Some(Anchor::Chunks(_)) => Task::Chunk,
        _ if product.n >= 4 * width => Task::Columns,
        _ => Task::Row,
    };
    let args = args(bindings, &matrices, product, task);
    let mut nest = Vec::new();
    for (first, block) in [(0, width), (whole, product.n - whole)] {
        if block == 0 || (block == width && whole == 0) {
            continue;
        }
        let rows: Vec<(usize, Vec<Stmt>)> = heights(height, product.m, task != Task::Row)
            .into_iter()
            .map(|height| {
                let program = program(graph, group, (node, product), bindings, target, (height, block));
                (height, vec![Stmt::Run { program: kernel.program(program), args: args.clone() }])
            })
            .collect();
        let (begin, end) = match task {
            Task::Row => (Index::term(Term::Begin, 1), Index::term(Term::End, 1)),
            _ => (Index::constant(0), Index::extent(extent(product.m))),
        };
        let body = kernel.nested(ROW, begin, vec![end], rows);
        let limit = if block == width { whole } else { product.n };
        let mut ends = vec![Index::constant(limit as i64)];
        let mut begin = Index::constant(first as i64);
        if task == Task::Columns {
            ends.push(Index::term(Term::End, width as i64));
            if block == width {
                begin = Index::term(Term::Begin, width as i64);
            }
        }
        nest.push(kernel.nested(COL, begin, ends, [(block, vec![body])]));
    }
    if task == Task::Chunk {
        let (begin, ends) = (Index::term(Term::Begin, 1), vec![Index::term(Term::End, 1)]);
        nest = vec![kernel.nested(CHUNK_OF_TERMS, begin, ends, [(1, nest)])];
    }
    kernel.kernel.body = nest;
    kernel.finish(match task {
        Task::Columns => Blocks { of: Extent::fixed(product.n), size: width },
        Task::Row => extent(product.m).into(),
        Task::Chunk => chunks(graph, node),
    })
}

/// The tile heights for `m` rows, the tallest first; where rows are cut into tasks, any number may be left for the small ones.
fn heights(tallest: usize, m: Dim, all_rows: bool) -> Vec<usize> {
    let mut heights = vec![tallest];
    let mut height = tallest.next_power_of_two() / 2;
    while height > 0 {
        heights.push(height);
        height /= 2;
    }
    heights.dedup();
    let Dim::Static(mut left) = m else { return heights };
    if !all_rows {
        return heights;
    }
    heights.retain(|&height| {
        let fits = left >= height;
        left %= height;
        fits
    });
    heights
}

fn args(bindings: &[Binding], matrices: &[Matrix], product: Product, task: Task) -> Vec<Arg> {
    let pointers = bindings.iter().zip(matrices).enumerate().map(|(buffer, (binding, matrix))| {
        let (row, col) = (matrix.row_stride(), matrix.col_stride());
        // From one row, column and chunk to the next.
        let (by_row, by_col, by_chunk) = match binding {
            Binding::Left(_) => (product.row_stride, 0, CHUNK * product.term_stride),
            Binding::Right(_) => (0, col, CHUNK * row),
            Binding::Read(_, Class::PerCol) => (0, 1, 0),
            Binding::Read(_, Class::Full) | Binding::Write(..) => (row, col, 0),
            Binding::Read(_, Class::PerRow) => (1, 0, 0),
            Binding::Read(_, Class::Scalar) => (0, 0, 0),
            Binding::Partials(_) | Binding::WritePartials(_) => (row, col, matrix.n_elements()),
        };
        let by_chunk = if task == Task::Chunk { by_chunk } else { 0 };
        let factors = [(ROW, by_row), (COL, by_col), (CHUNK_OF_TERMS, by_chunk)];
        Arg::Pointer { buffer, offset: offset(0, &factors.map(|(var, elements)| (var, 4 * elements as i64))) }
    });
    let all = Index::extent(extent(product.k));
    let count = match (product.k, task) {
        (Dim::Static(_), _) => None,
        (Dim::Batch(_), Task::Columns | Task::Row) => Some(Arg::Count(vec![all])),
        (Dim::Batch(_), Task::Chunk) => {
            let left = all.plus(Index::term(Term::Var(CHUNK_OF_TERMS), -(CHUNK as i64)));
            Some(Arg::Count(vec![Index::constant(CHUNK as i64), left]))
        }
    };
    pointers.chain(count).collect()
}

/// The program of one tile: the sum in a loop, then the epilogue.
fn program(
    graph: &Graph,
    group: &Group,
    (node, product): (NodeId, Product),
    bindings: &[Binding],
    target: Target,
    (height, cols): (usize, usize),
) -> Program {
    let tile = Tile { matrices: matrices(graph, bindings, target), cols, steps: Steps::default() };
    let mut e = Evaluator::new(graph, group, bindings, ProgramBuilder::new(target.lanes), tile);
    let operands = graph.operands(node);
    let (left, right) = (e.arg(Binding::Left(operands[0])), e.arg(Binding::Right(operands[1])));
    let count = match product.k {
        Dim::Static(k) => Count::Static(k as u32),
        Dim::Batch(_) => Count::Arg(e.b.arg()),
    };
    let n_vectors = e.n_vectors();
    let zero = e.b.f32(0.0);
    let sums = e.b.begin_loop(count, &vec![zero; height * n_vectors]);
    let row_of_right: Vec<Value> = (0..n_vectors)
        .map(|vector| {
            let offset = (vector * e.b.lanes().bytes()) as i32;
            let step = 4 * e.tile.matrices[usize::from(right)].row_stride() as i32;
            let count = e.stored(right, vector);
            e.b.load_tail(Address { arg: right, offset, step }, count)
        })
        .collect();
    let mut next = Vec::with_capacity(sums.len());
    for (row, sums) in sums.chunks(n_vectors).enumerate() {
        let offset = 4 * (row * product.row_stride) as i32;
        let term = e.b.broadcast(Address { arg: left, offset, step: 4 * product.term_stride as i32 });
        next.extend(sums.iter().zip(&row_of_right).map(|(&sum, &right)| e.b.fma(term, right, sum)));
    }
    let sums = e.b.end_loop(&next);
    for (i, &sum) in sums.iter().enumerate() {
        e.set(node, Class::Full, Place { row: i / n_vectors, vector: i % n_vectors }, sum);
    }
    for i in 0..sums.len() {
        for &output in &group.outputs {
            e.write(output, Class::Full, Place { row: i / n_vectors, vector: i % n_vectors });
        }
    }
    e.b.finish()
}
