//! Matrix products: tiles whose accumulators stay in registers through the whole sum and the epilogue.
//!
//! out[m, n] = Σₖ left[m, k] · right[k, n]. Columns of the right operand and of the result lie one after the other; rows and terms lie
//! as they like: a convolution is a product whose left operand is a view of windows. Vectors run along n and sums along k in
//! order, so results have the same bits at every width.

use dl_ir::access::Stride;
use dl_ir::graph::{Graph, NodeId};
use dl_ir::ops::Op;
use dl_ir::product::Product;
use dl_ir::types::Dim;
use dl_runtime::program::{Blocks, Extent};

use super::KernelBuilder;
use super::nest::{Nest, Rows, in_layout, place};
use super::operands::{
    Binding, TERMS_OF_BLOCK, chunks, extent, in_panels, matrix, may_be_one_block, packed_transpose, storage,
};
use super::tile::{Sum, TileOf};
use crate::fuse::chunks::{adds_up_in_memory, chunk_len};
use crate::fuse::{Anchor, Class, Group};
use crate::kernel::{Arg, Index, Kernel, Stmt, Term};
use crate::layout::Matrix;
use crate::target::Target;
use crate::vector::Program;

/// Loop variables: the tile's first column, and from the next on its rows.
pub const COL: usize = 0;
pub const FIRST_ROW: usize = 1;

/// Panels that are packed at once: rows of memory are then read in stretches that processors fetch ahead of time.
const PANELS_AT_ONCE: usize = 8;

/// What a task of a product is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Task {
    /// A block of columns.
    Columns,
    /// An index of the outermost loop over rows.
    Rows,
    /// A chunk of the sum's terms.
    Chunk,
}

/// The kernel of a group around the product `node`. Tasks are blocks of columns, or rows where there are few columns; or
/// chunks, if partial sums are asked for.
pub fn schedule(graph: &Graph, group: &Group, node: NodeId, bindings: &[Binding], target: Target) -> Kernel {
    let product = Product::of(graph, node).expect("fusion takes in such products only");
    let nest = nest(graph, &product, bindings, target);
    let task = match group.anchor {
        Some(Anchor::Chunks(_)) => Task::Chunk,
        // Fusion has seen to it that there is one, or a second that runs once.
        _ if packed_transpose(graph, group).is_some() => Task::Columns,
        _ if nest.axes.len() == 1 && has_columns_as_tasks(graph, node, group.parts, target) => Task::Columns,
        _ => Task::Rows,
    };
    let tile = TileOf { graph, group, node, product: &product, bindings, operands: &nest.operands, target };
    let mut kernel = KernelBuilder::new(graph, bindings, target);
    let contract = Contract { tile: &tile, nest: &nest, task };
    kernel.kernel.body = match task {
        Task::Chunk => contract.chunk(&mut kernel),
        Task::Columns | Task::Rows => contract.tiles(&mut kernel, Sum::Whole),
    };
    kernel.finish(match task {
        Task::Columns => Blocks { of: Extent::fixed(tile.part()), size: target.tile_width() },
        Task::Rows => extent(nest.axes[0].size).into(),
        Task::Chunk => chunks(graph, node),
    })
}

/// Whether the tasks of a product, cut into so many parts, are columns of the result: those of a weight that a thread multiplies with are then
/// those that it updates. Over sequences and images examples stay with their thread instead: their rows are many, and more than the weight.
pub fn has_columns_as_tasks(graph: &Graph, node: NodeId, parts: usize, target: Target) -> bool {
    let is_wide = |product: Product| product.rows.len() == 1 && product.n / parts >= 4 * target.tile_width();
    Product::of(graph, node).is_some_and(is_wide) && !is_in_loop(graph, node)
}

/// Whether a product is one of a loop's steps, with a right operand that is the same in each. Then what is left and what comes out are
/// examples in rows, which stay with their thread from kernel to kernel and from step to step; the right operand is soon near all threads.
fn is_in_loop(graph: &Graph, node: NodeId) -> bool {
    let right = storage(graph, graph.operands(node)[1]);
    matches!(graph.op(right), Op::Input(_)) && graph.tensor(right).shape.as_fixed().is_some()
}

/// The loops over the rows of the result.
fn nest(graph: &Graph, product: &Product, bindings: &[Binding], target: Target) -> Nest {
    let dims: Vec<Dim> = product.rows.iter().map(|axis| axis.size).collect();
    let in_memory = |strides: &mut dyn Iterator<Item = Stride>, offset: i64, matrix: Matrix| Rows {
        offset: in_layout(Stride::fixed(offset), matrix).fixed,
        strides: strides.map(|stride| in_layout(stride, matrix)).collect(),
        repeats: false,
    };
    let operands = bindings.iter().map(|&binding| {
        let matrix = match binding {
            beside if beside.is_beside() => in_panels(graph, binding, target),
            _ => matrix(graph, storage(graph, binding.node()), target),
        };
        let axes = product.rows.iter();
        let rows = match binding {
            // Its elements are read one by one: it has no columns that a layout could put elsewhere.
            Binding::Left(_) => Rows {
                offset: product.left_offset,
                strides: axes.map(|axis| axis.left).collect(),
                repeats: false,
            },
            Binding::Right(_) => in_memory(&mut axes.map(|axis| axis.right), product.right_offset, matrix),
            other => Rows::of(graph, other, &dims, target),
        };
        (matrix, rows)
    });
    // The rows of a tile share a row of the right operand: axes along which it changes are outer loops.
    let is_shared = |axis: usize| product.rows[axis].right == Stride::default();
    let mut order: Vec<usize> = (0..dims.len()).collect();
    order.sort_by_key(|&axis| is_shared(axis));
    let operands: Vec<(Matrix, Rows)> = operands.collect();
    let in_order = |order: &[usize]| {
        let reordered = operands.iter().map(|(matrix, rows)| (*matrix, rows.reordered(order)));
        let sizes: Vec<Dim> = order.iter().map(|&axis| dims[axis]).collect();
        Nest::new(&sizes, reordered.collect())
    };
    let mut nest = in_order(&order);
    // Small images make low tiles: then a tile goes through the same place of several examples.
    let n_vectors = product.n.div_ceil(target.lanes.count()).min(target.matmul_tile().1);
    let is_low = nest.inner().size.as_static().is_some_and(|size| size * n_vectors < target.busy());
    let of_batch = order.iter().position(|&axis| dims[axis].as_static().is_none() && is_shared(axis));
    if let Some(place) = of_batch.filter(|_| is_low) {
        let axis = order.remove(place);
        order.push(axis);
        nest = in_order(&order);
    }
    if order.last().is_some_and(|&inner| !is_shared(inner)) {
        nest.row_by_row();
    }
    nest
}

/// A product's loops.
pub struct Contract<'a> {
    pub tile: &'a TileOf<'a>,
    nest: &'a Nest,
    task: Task,
}

impl Contract<'_> {
    fn chunk_var(&self) -> usize {
        FIRST_ROW + self.nest.axes.len()
    }

    /// The variable of the outermost loop over terms, where sums are added up in memory.
    fn step_var(&self) -> usize {
        self.chunk_var() + 1
    }

    /// The partial sums of each chunk of a launch.
    fn chunk(&self, kernel: &mut KernelBuilder) -> Vec<Stmt> {
        let body = if adds_up_in_memory(self.tile.product) {
            let len = chunk_len(self.tile.product) as i64;
            let first = Index::term(Term::Var(self.chunk_var()), len);
            let ends = vec![
                first.clone().plus(Index::constant(len)),
                Index::extent(extent(self.tile.product.terms[0].size)),
            ];
            let tiles = self.tiles(kernel, Sum::Step);
            let zeros = self.tiles(kernel, Sum::Nothing);
            zeros.into_iter().chain([kernel.nested(self.step_var(), first, ends, [(1, tiles)])]).collect()
        } else {
            self.tiles(kernel, Sum::Whole)
        };
        let (begin, ends) = (Index::term(Term::Begin, 1), vec![Index::term(Term::End, 1)]);
        vec![kernel.nested(self.chunk_var(), begin, ends, [(1, body)])]
    }

    /// Loops over columns and rows, around tiles.
    fn tiles(&self, kernel: &mut KernelBuilder, sum: Sum) -> Vec<Stmt> {
        match self.tile.in_blocks() {
            true => self.in_blocks(kernel),
            false => self.at_once(kernel, sum),
        }
    }

    /// All terms at once.
    fn at_once(&self, kernel: &mut KernelBuilder, sum: Sum) -> Vec<Stmt> {
        if self.tile.group.parts > 1 {
            return self.gates(kernel, sum);
        }
        // The outermost loop over rows is around that over columns where its indices are tasks: what a task reads stays near.
        let rows_outside = self.task == Task::Rows && self.nest.axes.len() > 1;
        let columns = self.columns(kernel, 1, &mut |kernel, cols| {
            let tiles = self.rows(kernel, usize::from(rows_outside), cols, &mut |kernel, height| {
                vec![self.tile(kernel, (height, cols), sum)]
            });
            self.panel(kernel, cols).into_iter().chain(tiles).collect()
        });
        if !rows_outside {
            return columns;
        }
        let (begin, end) = self.bounds(0);
        vec![kernel.nested(FIRST_ROW, begin, vec![end], [(1, columns)])]
    }

    /// The variable of the loop over the vectors of a panel, where a tile holds one of each part: terms are in no chunks then.
    fn vector_var(&self) -> usize {
        self.chunk_var()
    }

    /// Tiles that hold one vector of each part. They go along the rows: what they write is then one stretch of memory in each buffer.
    fn gates(&self, kernel: &mut KernelBuilder, sum: Sum) -> Vec<Stmt> {
        let lanes = self.tile.target.lanes.count();
        self.rows(kernel, 0, lanes, &mut |kernel, height| {
            let tile = self.tile(kernel, (height, lanes), sum);
            self.columns(kernel, 1, &mut |kernel, cols| {
                let (begin, end) = (Index::constant(0), vec![Index::constant(cols as i64)]);
                vec![kernel.nested(self.vector_var(), begin, end, [(lanes, vec![tile.clone()])])]
            })
        })
    }

    /// Loops over columns, those of the launch's tasks where tasks are columns: `body` gets so many at a time, `panels` of whole tiles
    /// while there are as many, then one, then what is left.
    fn columns(
        &self,
        kernel: &mut KernelBuilder,
        panels: usize,
        body: &mut dyn FnMut(&mut KernelBuilder, usize) -> Vec<Stmt>,
    ) -> Vec<Stmt> {
        let (n, width) = (self.tile.part(), self.tile.target.tile_width());
        let whole = n / width * width;
        let bounds = |begin: Index, limit: usize| {
            let limit = Index::constant(limit as i64);
            match self.task {
                Task::Columns => (begin, vec![limit, Index::term(Term::End, width as i64)]),
                Task::Rows | Task::Chunk => (begin, vec![limit]),
            }
        };
        let mut loops = Vec::new();
        if whole > 0 {
            let first = match self.task {
                Task::Columns => Index::term(Term::Begin, width as i64),
                Task::Rows | Task::Chunk => Index::constant(0),
            };
            let (begin, ends) = bounds(first, whole);
            let mut steps = vec![panels * width, width];
            steps.dedup();
            let steps: Vec<_> = steps.into_iter().map(|cols| (cols, body(kernel, cols))).collect();
            loops.push(kernel.nested(COL, begin, ends, steps));
        }
        if whole < n {
            let (begin, ends) = bounds(Index::constant(whole as i64), n);
            let left = body(kernel, n - whole);
            loops.push(kernel.nested(COL, begin, ends, [(n - whole, left)]));
        }
        loops
    }

    /// The variable of the loop over blocks of terms: the first of the block.
    pub fn block_var(&self) -> usize {
        self.chunk_var()
    }

    /// Terms in blocks: the only one, or one after the other, each a loop that runs once or not at all.
    fn in_blocks(&self, kernel: &mut KernelBuilder) -> Vec<Stmt> {
        let blocks = self.blocks(kernel);
        if !may_be_one_block(self.tile.product) {
            return blocks;
        }
        let only = self.only_block(kernel);
        let more = self.n_blocks().plus(Index::constant(-1));
        let (zero, one) = (Index::constant(0), Index::constant(1));
        vec![
            kernel.nested(self.block_var() + 1, more.clone(), vec![one.clone()], [(1, only)]),
            kernel.nested(self.block_var() + 1, zero, vec![more, one], [(1, blocks)]),
        ]
    }

    /// The only block.
    fn only_block(&self, kernel: &mut KernelBuilder) -> Vec<Stmt> {
        let is_pipelined = self.task == Task::Columns && self.tile.is_pipelined();
        self.columns(kernel, 1, &mut |kernel, cols| {
            let pack = self.run_once(kernel, self.tile.pack(cols), Sum::OnlyBlock);
            let tiles = match is_pipelined && cols == self.tile.target.tile_width() {
                true => self.pipeline(kernel),
                false => self.zero_based_tiles(kernel, cols),
            };
            std::iter::once(pack).chain(tiles).collect()
        })
    }

    /// The tiles of a panel, as those of the last block of several, but all begin with the same zeros, which stay near.
    pub fn zero_based_tiles(&self, kernel: &mut KernelBuilder, cols: usize) -> Vec<Stmt> {
        let height = self.tile.target.matmul_tile().0;
        let zeros = self.run_once(kernel, self.tile.zero_sums(height, cols), Sum::OnlyBlock);
        std::iter::once(zeros).chain(self.tiles_of(kernel, cols, Sum::OnlyBlock)).collect()
    }

    fn n_blocks(&self) -> Index {
        Index::blocks(Blocks { of: extent(self.tile.product.k), size: TERMS_OF_BLOCK })
    }

    /// Terms block by block: sums wait in memory until the last.
    fn blocks(&self, kernel: &mut KernelBuilder) -> Vec<Stmt> {
        let rows = self.tile.product.m.as_static().expect("checked where terms were found to be in blocks");
        let zeros = self.columns(kernel, 1, &mut |kernel, cols| {
            vec![self.run_once(kernel, self.tile.zero_sums(rows, cols), Sum::Nothing)]
        });
        // Blocks behind which something is left; then the last, whole or not.
        let last = self.n_blocks().plus(Index::constant(-1)).times(TERMS_OF_BLOCK as i64);
        let behind_last = last.clone().plus(Index::constant(1));
        let whole = self.block(kernel, Sum::Block);
        let left = self.block(kernel, Sum::LastBlock);
        let var = self.block_var();
        let blocks = [
            kernel.nested(var, Index::constant(0), vec![last.clone()], [(TERMS_OF_BLOCK, whole)]),
            kernel.nested(var, last, vec![behind_last], [(1, left)]),
        ];
        zeros.into_iter().chain(blocks).collect()
    }

    /// A block of terms: its rows of the right operand are packed, as much of each at once as lies together; then come the tiles.
    fn block(&self, kernel: &mut KernelBuilder, sum: Sum) -> Vec<Stmt> {
        let pack = self.columns(kernel, PANELS_AT_ONCE, &mut |kernel, cols| {
            vec![self.run_once(kernel, self.tile.pack(cols), sum)]
        });
        let tiles = self.columns(kernel, 1, &mut |kernel, cols| self.tiles_of(kernel, cols, sum));
        pack.into_iter().chain(tiles).collect()
    }

    /// A run of a program outside the loop over rows.
    fn run_once(&self, kernel: &mut KernelBuilder, program: Program, sum: Sum) -> Stmt {
        let program = kernel.program(program);
        let first_row = |offset: Index| offset.with_var(FIRST_ROW, &Index::constant(0));
        let args = self.args(sum).into_iter().map(|arg| arg.map_offset(first_row)).collect();
        Stmt::Run { program, args }
    }

    /// Loops over rows from axis `first` on, in steps of the heights of tiles of `cols` columns: `body` gets the height.
    fn rows(
        &self,
        kernel: &mut KernelBuilder,
        first: usize,
        cols: usize,
        body: &mut dyn FnMut(&mut KernelBuilder, usize) -> Vec<Stmt>,
    ) -> Vec<Stmt> {
        let last = self.nest.axes.len() - 1;
        let (begin, end) = self.bounds(last);
        let heights: Vec<(usize, Vec<Stmt>)> =
            self.heights(cols).into_iter().map(|height| (height, body(kernel, height))).collect();
        let mut body = vec![kernel.nested(FIRST_ROW + last, begin, vec![end], heights)];
        for axis in (first..last).rev() {
            let (begin, end) = self.bounds(axis);
            body = vec![kernel.nested(FIRST_ROW + axis, begin, vec![end], [(1, body)])];
        }
        body
    }

    /// Loops over all rows, around tiles of `cols` columns.
    fn tiles_of(&self, kernel: &mut KernelBuilder, cols: usize, sum: Sum) -> Vec<Stmt> {
        self.rows(kernel, 0, cols, &mut |kernel, height| vec![self.tile(kernel, (height, cols), sum)])
    }

    /// A tile of so many rows and columns.
    pub fn tile(&self, kernel: &mut KernelBuilder, size: (usize, usize), sum: Sum) -> Stmt {
        let program = kernel.program(self.tile.program(size, sum));
        Stmt::Run { program, args: self.args(sum) }
    }

    /// The first index of a loop over rows, and its end.
    fn bounds(&self, axis: usize) -> (Index, Index) {
        if axis == 0 && self.task == Task::Rows {
            return (Index::term(Term::Begin, 1), Index::term(Term::End, 1));
        }
        (Index::constant(0), Index::extent(extent(self.nest.axes[axis].size)))
    }

    /// The heights of tiles, the tallest first; where rows are cut into tasks, any number may be left for the small ones.
    pub fn heights(&self, cols: usize) -> Vec<usize> {
        let target = self.tile.target;
        let is_divided = self.task == Task::Rows && self.nest.axes.len() == 1;
        let size = self.nest.inner().size.as_static().filter(|_| !is_divided);
        let (rows, vectors) = target.matmul_tile();
        let tallest = if self.tile.group.parts == 1 { rows } else { rows * vectors / self.tile.group.parts };
        if let Some(size) = size.filter(|_| self.nest.axes.len() > 1) {
            // Rows of an image: as few tiles as registers allow, alike if possible.
            let most = target.tallest_tile(cols.div_ceil(target.lanes.count()));
            let height = size.div_ceil(size.div_ceil(most));
            return [height, size % height].into_iter().filter(|&height| height > 0).collect();
        }
        let mut heights = vec![tallest];
        let mut height = tallest.next_power_of_two() / 2;
        while height > 0 {
            heights.push(height);
            height /= 2;
        }
        heights.dedup();
        if let Some(mut left) = size {
            heights.retain(|&height| {
                let fits = left >= height;
                left %= height;
                fits
            });
        }
        heights
    }

    pub fn args(&self, sum: Sum) -> Vec<Arg> {
        let product = self.tile.product;
        let step = product.terms[0];
        let packs = packed_transpose(self.tile.graph, self.tile.group).is_some();
        let pointers = self.tile.bindings.iter().enumerate().map(|(buffer, binding)| {
            let matrix = self.nest.operands[buffer].matrix;
            match binding {
                // Only the panels of it are read.
                Binding::Right(_) if packs => return Arg::Pointer { buffer, offset: Index::constant(0) },
                Binding::Packed(_) if packs => {
                    return Arg::Pointer { buffer, offset: self.place_of_panel(matrix) };
                }
                _ => {}
            }
            let col = match binding {
                Binding::Left(_) | Binding::Read(_, Class::PerRow | Class::Scalar) => 0,
                Binding::Read(_, Class::PerCol) => 1,
                _ if self.nest.operands[buffer].repeats => 0,
                _ => matrix.col_stride() as i64,
            };
            let of_step = match binding {
                Binding::Left(_) => step.left,
                Binding::Right(_) => in_layout(step.right, matrix),
                _ => Stride::default(),
            };
            let len = if adds_up_in_memory(self.tile.product) { 0 } else { chunk_len(product) as i64 };
            let of_chunk = match binding {
                Binding::WritePartials(_) => Stride::fixed(matrix.n_elements() as i64),
                _ => Stride { fixed: len * of_step.fixed, per_example: len * of_step.per_example },
            };
            let mut steps = vec![(COL, Stride::fixed(col))];
            if self.tile.group.parts > 1 && col != 0 {
                steps.push((self.vector_var(), Stride::fixed(1)));
            }
            if self.task == Task::Chunk {
                steps.push((self.chunk_var(), of_chunk));
            }
            match sum {
                Sum::Step => steps.push((self.step_var(), of_step)),
                Sum::Block | Sum::LastBlock => steps.push((self.block_var(), of_step)),
                Sum::Nothing | Sum::Whole | Sum::OnlyBlock => {}
            }
            let of_row = match (binding, sum) {
                // Behind all others.
                (Binding::Sums(_), Sum::OnlyBlock) => {
                    let rows = product.m.as_static().expect("checked where terms were found to be in blocks");
                    Index::constant((4 * rows * matrix.row_stride()) as i64)
                }
                _ => self.nest.offset(buffer, FIRST_ROW),
            };
            let offset = of_row.plus(place(0, steps));
            Arg::Pointer { buffer, offset }
        });
        let inner = product.inner_term().size;
        let count = match inner {
            _ if matches!(sum, Sum::Block | Sum::LastBlock) => {
                let left = Index::extent(extent(inner)).minus(&Index::term(Term::Var(self.block_var()), 1));
                Some(Arg::Count(vec![Index::constant(TERMS_OF_BLOCK as i64), left]))
            }
            Dim::Static(_) => None,
            Dim::Batch(_) if self.task == Task::Chunk && !adds_up_in_memory(self.tile.product) => {
                let len = chunk_len(product) as i64;
                let left = Index::extent(extent(inner)).minus(&Index::term(Term::Var(self.chunk_var()), len));
                Some(Arg::Count(vec![Index::constant(len), left]))
            }
            Dim::Batch(_) => Some(Arg::Count(vec![Index::extent(extent(inner))])),
        };
        pointers.chain(count).collect()
    }
}
