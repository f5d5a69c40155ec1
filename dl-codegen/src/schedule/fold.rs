//! Sums and maxima along axes other than the last: pooling, and means over positions.

use dl_ir::access::{Access, Stride};
use dl_ir::graph::{Graph, NodeId};
use dl_ir::ops::Op;
use dl_ir::product::{Axis, merged};
use dl_ir::value::indices;

use super::KernelBuilder;
use super::evaluate::{Along, Evaluator, Place, Tile};
use super::nest::{Nest, Rows, place};
use super::operands::{Binding, extent, matrix, storage};
use crate::fuse::{Class, Group, shape};
use crate::kernel::{Arg, Index, Kernel, Stmt};
use crate::target::Target;
use crate::vector::reduce::VIRTUAL_LANES;
use crate::vector::{Address, CmpOp, Count, Program, ProgramBuilder, Value};

/// Columns in a block.
const BLOCK: usize = 2 * VIRTUAL_LANES;

/// The most terms that are written out one after the other: then a program goes from row to row.
const UNROLLED: usize = 16;

/// Loop variables: the block's first column, and from the next on rows.
const COL: usize = 0;
const FIRST_ROW: usize = 1;

/// What is folded.
struct Fold {
    node: NodeId,
    /// Elements before the first.
    offset: i64,
    /// From row to row, for each axis of the result's rows.
    rows: Vec<Stride>,
    /// The axes that are folded, outermost first.
    terms: Vec<Axis>,
}

impl Fold {
    fn of(graph: &Graph, node: NodeId) -> Self {
        let axes = match graph.op(node) {
            Op::ReduceSum(reduce) => &reduce.axes,
            Op::ReduceMax(reduce) => &reduce.axes,
            Op::MaxWithIndex(reduce) => &reduce.axes,
            _ => unreachable!("fusion makes folds of reductions only"),
        };
        let operand = graph.operands(node)[0];
        let access = Access::of(graph, operand).expect("views that kernels cannot read were copied");
        let dims = graph.tensor(operand).shape.dims();
        let kept = (0..dims.len() - 1).filter(|axis| !axes.contains(axis));
        let term =
            |&axis: &usize| Axis { size: dims[axis], left: access.strides[axis], right: Stride::default() };
        Fold {
            node,
            offset: access.offset,
            rows: kept.map(|axis| access.strides[axis]).collect(),
            terms: merged(axes.iter().map(term).collect()),
        }
    }

    fn n_terms(&self) -> usize {
        self.terms.iter().map(|axis| axis.size.at(0)).product()
    }

    /// Whether a program goes from row to row, all terms of each written out.
    fn goes_by_row(&self) -> bool {
        self.n_terms() <= UNROLLED
    }
}

/// The kernel of a group around the reduction `node`. A task is an index of the outermost loop over rows.
pub fn schedule(graph: &Graph, group: &Group, node: NodeId, bindings: &[Binding], target: Target) -> Kernel {
    let fold = Fold::of(graph, node);
    let (last, dims) = shape(graph, node).dims().split_last().expect("the last axis is kept");
    let cols = last.as_static().expect("checked by fusion");
    let operands = bindings.iter().map(|&binding| {
        let rows = match binding {
            Binding::Left(_) => Rows { offset: fold.offset, strides: fold.rows.clone(), repeats: false },
            other => Rows::of(graph, other, dims, target),
        };
        (matrix(graph, storage(graph, binding.node()), target), rows)
    });
    let nest = Nest::new(dims, operands.collect());
    let mut kernel = KernelBuilder::new(graph, bindings, target);
    let n_loops = nest.axes.len() - usize::from(fold.goes_by_row());
    let (first, last) = nest.task_bounds(n_loops.min(nest.axes.len() - 1));
    let args = bindings.iter().enumerate().map(|(buffer, binding)| {
        let col = match binding {
            Binding::Read(_, Class::PerRow | Class::Scalar) => 0,
            _ if nest.operands[buffer].repeats => 0,
            _ => 1,
        };
        let offset = nest.offset(buffer, FIRST_ROW).plus(place(0, [(COL, Stride::fixed(col))]));
        let offset = if fold.goes_by_row() { offset.with_var(FIRST_ROW + n_loops, &first) } else { offset };
        Arg::Pointer { buffer, offset }
    });
    let count = fold.goes_by_row().then(|| Arg::Count(vec![last.minus(&first)]));
    let args: Vec<Arg> = args.chain(count).collect();
    let whole = cols / BLOCK * BLOCK;
    let mut body = Vec::new();
    for (begin, block) in [(0, BLOCK), (whole, cols - whole)] {
        if block == 0 || (block == BLOCK && whole == 0) {
            continue;
        }
        let program = kernel.program(program(graph, group, &fold, bindings, &nest, target, block));
        let end = if block == BLOCK { whole } else { cols };
        let (begin, end) = (Index::constant(begin as i64), vec![Index::constant(end as i64)]);
        body.push(kernel.nested(COL, begin, end, [(block, vec![Stmt::Run { program, args: args.clone() }])]));
    }
    kernel.kernel.body = nest.loops(&mut kernel, FIRST_ROW, n_loops, body);
    kernel.finish(extent(nest.axes[0].size))
}

fn program(
    graph: &Graph,
    group: &Group,
    fold: &Fold,
    bindings: &[Binding],
    nest: &Nest,
    target: Target,
    cols: usize,
) -> Program {
    let tile = Tile::new(nest.operands.clone(), cols);
    let mut e = Evaluator::new(graph, group, bindings, ProgramBuilder::new(target.lanes), tile);
    let arg = e.arg(Binding::Left(graph.operands(fold.node)[0]));
    let mut folding = Folding {
        fold,
        arg,
        kind: Kind::of(graph.op(fold.node)),
        row: 4 * nest.operands[usize::from(arg)].row,
    };
    let by_row = fold.goes_by_row();
    if by_row {
        e.read_ahead(bindings);
        let count = Count::Arg(e.b.arg());
        e.b.begin_loop(count, &[]);
        e.enter_loop(Along::Rows, None);
    }
    let folded = folding.all_terms(&mut e, by_row);
    folding.set(graph, group, &mut e, &folded);
    for vector in 0..e.n_vectors() {
        for &output in &group.outputs {
            e.write(output, Class::Full, Place { vector, ..Place::default() });
        }
    }
    if by_row {
        e.leave_loop();
        e.b.end_loop(&[]);
    }
    e.b.finish()
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Sum,
    Max,
    MaxWithIndex,
}

impl Kind {
    fn of(op: &Op) -> Self {
        match op {
            Op::ReduceSum(_) => Kind::Sum,
            Op::MaxWithIndex(_) => Kind::MaxWithIndex,
            _ => Kind::Max,
        }
    }

    /// How many values are kept for each vector of columns.
    fn n_values(self) -> usize {
        if self == Kind::MaxWithIndex { 2 } else { 1 }
    }
}

/// The terms of one block of columns being folded.
struct Folding<'a> {
    fold: &'a Fold,
    arg: u16,
    kind: Kind,
    /// Bytes from row to row.
    row: i64,
}

impl Folding<'_> {
    /// Folds all terms; gives the values for each vector of columns.
    fn all_terms(&mut self, e: &mut Evaluator<'_>, by_row: bool) -> Vec<Value> {
        let first = match self.kind {
            // A sum of one term is that term, even a negative zero.
            Kind::Sum => e.b.f32(-0.0),
            Kind::Max | Kind::MaxWithIndex => e.b.f32(f32::NEG_INFINITY),
        };
        let none = e.b.u32(0);
        let one = [first, none];
        let mut state: Vec<Value> =
            (0..e.n_vectors()).flat_map(|_| one[..self.kind.n_values()].iter().copied()).collect();
        let (inner, outer) = self.fold.terms.split_last().expect("at least one loop");
        let inner_size = inner.size.at(0);
        let sizes: Vec<usize> = outer.iter().map(|axis| axis.size.at(0)).collect();
        for (run, index) in indices(&sizes).enumerate() {
            let at: i64 = outer.iter().zip(&index).map(|(axis, &i)| axis.left.fixed * i as i64).sum();
            if by_row {
                for i in 0..inner_size {
                    let term = e.b.u32((run * inner_size + i) as u32);
                    let offset = 4 * (at + i as i64 * inner.left.fixed) as i32;
                    state =
                        self.term(e, Address { arg: self.arg, offset, step: self.row as i32 }, term, &state);
                }
                continue;
            }
            let number = e.b.u32((run * inner_size) as u32);
            state.push(number);
            let mut carried = e.b.begin_loop(Count::Static(inner_size as u32), &state);
            let term = carried.pop().expect("the term's number was put there");
            let address = Address { arg: self.arg, offset: 4 * at as i32, step: 4 * inner.left.fixed as i32 };
            let mut next = self.term(e, address, term, &carried);
            let one = e.b.u32(1);
            next.push(e.b.iadd(term, one));
            state = e.b.end_loop(&next);
            state.pop();
        }
        state
    }

    /// The state with one more term, which begins at `address` and has this number.
    fn term(&self, e: &mut Evaluator<'_>, address: Address, number: Value, state: &[Value]) -> Vec<Value> {
        let n = self.kind.n_values();
        let mut next = Vec::with_capacity(state.len());
        for (vector, state) in state.chunks(n).enumerate() {
            let offset = address.offset + (vector * e.b.lanes().bytes()) as i32;
            let count = e.count(vector);
            let x = e.b.load_tail(Address { offset, ..address }, count);
            match self.kind {
                Kind::Sum => next.push(e.b.add(state[0], x)),
                Kind::Max => next.push(e.b.max_nan(state[0], x)),
                Kind::MaxWithIndex => {
                    // The first maximum, or the first NaN.
                    let (max, at) = (state[0], state[1]);
                    let is_larger = e.b.cmp(CmpOp::Gt, x, max);
                    let (is_nan, was_number) = (e.b.cmp(CmpOp::Ne, x, x), e.b.cmp(CmpOp::Eq, max, max));
                    let is_first_nan = e.b.and(is_nan, was_number);
                    let is_better = e.b.or(is_larger, is_first_nan);
                    next.push(e.b.select(is_better, x, max));
                    next.push(e.b.select(is_better, number, at));
                }
            }
        }
        next
    }

    /// Hands the results on.
    fn set(&self, graph: &Graph, group: &Group, e: &mut Evaluator<'_>, folded: &[Value]) {
        for (vector, values) in folded.chunks(self.kind.n_values()).enumerate() {
            let place = Place { vector, ..Place::default() };
            e.set(self.fold.node, Class::Full, place, values[0]);
            for &member in group.members.keys() {
                if let Op::Get(get) = graph.op(member)
                    && graph.operands(member)[0] == self.fold.node
                {
                    e.set(member, Class::Full, place, values[get.index]);
                }
            }
        }
    }
}
