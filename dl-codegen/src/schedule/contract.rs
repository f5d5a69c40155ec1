//! Matrix products: tiles whose accumulators stay in registers through the whole sum and the epilogue.
//!
//! out[m, n] = Σₖ left[m, k] · right[k, n]. The right operand and the result lie row by row; the left operand either way.
//! Vectors run along n and sums along k in order, so results have the same bits at every width.

use dl_ir::graph::{Graph, NodeId};
use dl_ir::types::Dim;
use dl_runtime::program::Extent;

use super::evaluate::{Evaluator, Place, Steps, Tile};
use super::operands::{Binding, extent};
use super::{KernelBuilder, matrices, offset};
use crate::fuse::{Class, Group};
use crate::kernel::{Arg, Index, Kernel, Stmt, Term};
use crate::layout::Matrix;
use crate::matrix::Product;
use crate::target::Target;
use crate::vector::{Address, Count, Program, ProgramBuilder, Value};

/// The kernel of a group around the product `node`. Tasks are blocks of columns, or rows where there are few columns.
pub fn schedule(graph: &Graph, group: &Group, node: NodeId, bindings: &[Binding], target: Target) -> Kernel {
    let product = Product::of(graph, node).expect("fusion takes in such products only");
    let (height, vectors) = target.matmul_tile();
    let width = vectors * target.lanes.count();
    let mut kernel = KernelBuilder::new(graph, bindings, target);
    let whole = product.n / width * width;
    let matrices = matrices(graph, bindings, target);
    let by_columns = product.n >= 4 * width;
    let (row, col) = (1, 0);
    let rows = |kernel: &mut KernelBuilder, block: usize| {
        let tiles: Vec<(usize, Vec<Stmt>)> = heights(height, product.m, by_columns)
            .into_iter()
            .map(|height| {
                let program =
                    kernel.program(program(graph, group, (node, product), bindings, target, (height, block)));
                (height, vec![Stmt::Run { program, args: args(bindings, &matrices, product, row, col) }])
            })
            .collect();
        let (begin, mut ends) = (Index::constant(0), vec![Index::extent(extent(product.m))]);
        if by_columns {
            return kernel.nested(row, begin, ends, tiles);
        }
        ends = vec![Index::term(Term::End, 1)];
        kernel.nested(row, Index::term(Term::Begin, 1), ends, tiles)
    };
    for (first, block) in [(0, width), (whole, product.n - whole)] {
        if block == 0 || (block == width && whole == 0) {
            continue;
        }
        let limit = if block == width { whole } else { product.n };
        let body = rows(&mut kernel, block);
        let mut ends = vec![Index::constant(limit as i64)];
        let mut begin = Index::constant(first as i64);
        if by_columns {
            ends.push(Index::term(Term::End, width as i64));
            if block == width {
                begin = Index::term(Term::Begin, width as i64);
            }
        }
        kernel.for_each(col, begin, ends, [(block, vec![body])]);
    }
    let tasks = if by_columns { Extent::fixed(product.n.div_ceil(width)) } else { extent(product.m) };
    kernel.finish(tasks)
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

fn args(bindings: &[Binding], matrices: &[Matrix], product: Product, row: usize, col: usize) -> Vec<Arg> {
    let pointers = bindings.iter().zip(matrices).enumerate().map(|(buffer, (binding, matrix))| {
        let (by_row, by_col) = (4 * matrix.row_stride() as i64, 4 * matrix.col_stride() as i64);
        let factors = match binding {
            Binding::Left(_) => [(row, 4 * product.row_stride as i64), (col, 0)],
            Binding::Right(_) => [(row, 0), (col, by_col)],
            Binding::Read(_, Class::PerCol) => [(row, 0), (col, 4)],
            Binding::Read(_, Class::Full) | Binding::Write(..) => [(row, by_row), (col, by_col)],
            Binding::Read(_, Class::PerRow) => [(row, 4), (col, 0)],
            Binding::Read(_, Class::Scalar) => [(row, 0), (col, 0)],
        };
        Arg::Pointer { buffer, offset: offset(0, &factors) }
    });
    let count = match product.k {
        Dim::Static(_) => None,
        Dim::Batch(_) => Some(Arg::Count(Index::extent(extent(product.k)))),
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
