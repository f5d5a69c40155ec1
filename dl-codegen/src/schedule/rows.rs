//! Kernels over rows: elementwise work with values of rows and columns, and reductions along rows.
//!
//! A row is walked once for each level of reductions (the maximum, then the sum of exponentials) and once more for what is
//! written. Short rows stay in registers; of long ones each walk is a loop that computes again what it needs.

use std::collections::BTreeMap;

use dl_ir::graph::{Graph, NodeId};
use dl_ir::ops::{Op, Structure};

use super::evaluate::{Along, Evaluator, Place, Tile};
use super::nest::Operand;
use super::operands::{Binding, extent};
use super::{KernelBuilder, is_reduction, nest_of, scatter};
use crate::fuse::{Class, Group};
use crate::kernel::{Arg, Index, Kernel, Stmt};
use crate::target::Target;
use crate::vector::reduce::VIRTUAL_LANES;
use crate::vector::{CmpOp, Count, Program, ProgramBuilder, Value};

/// The longest row that is kept in registers.
const SHORT_ROW: usize = 64;

/// The kernel of a group over rows of `cols` elements. A task is a row, or an index of the outermost loop over rows.
pub fn schedule(graph: &Graph, group: &Group, cols: usize, bindings: &[Binding], target: Target) -> Kernel {
    let mut kernel = KernelBuilder::new(graph, bindings, target);
    let mut nest = nest_of(graph, group, bindings, cols, target);
    scatter::separate_tasks(graph, bindings, &mut nest);
    let is_short = cols <= SHORT_ROW;
    let program = kernel.program(program(graph, group, bindings, &nest.operands, target, cols));
    let mut args: Vec<Arg> =
        (0..bindings.len()).map(|buffer| Arg::Pointer { buffer, offset: nest.offset(buffer, 0) }).collect();
    let mut n_loops = nest.axes.len();
    if is_short {
        // All rows of the innermost loop in one call.
        n_loops -= 1;
        let (begin, end) = nest.task_bounds(n_loops);
        let first = |index: Index| index.with_var(n_loops, &begin);
        args = args.into_iter().map(|arg| arg.map_offset(first)).collect();
        args.push(Arg::Count(vec![end.minus(&begin)]));
    }
    let run = Stmt::Run { program, args };
    let zeros = scatter::zeros(graph, bindings, &nest, 0, &mut kernel, target);
    kernel.kernel.body = if zeros.is_empty() {
        nest.loops(&mut kernel, 0, n_loops, vec![run])
    } else {
        nest.loops_after(&mut kernel, 0, n_loops, zeros, vec![run])
    };
    kernel.finish(extent(nest.axes[0].size))
}

fn program(
    graph: &Graph,
    group: &Group,
    bindings: &[Binding],
    operands: &[Operand],
    target: Target,
    cols: usize,
) -> Program {
    let tile = Tile::new(operands.to_vec(), cols);
    let e = Evaluator::new(graph, group, bindings, ProgramBuilder::new(target.lanes), tile);
    let mut walk = Walk { graph, group, e, is_short: cols <= SHORT_ROW };
    if walk.is_short {
        walk.short_rows(bindings);
    } else {
        walk.row();
    }
    walk.e.b.finish()
}

struct Walk<'g> {
    graph: &'g Graph,
    group: &'g Group,
    e: Evaluator<'g>,
    is_short: bool,
}

impl Walk<'_> {
    /// All rows, one an iteration.
    fn short_rows(&mut self, bindings: &[Binding]) {
        self.e.read_ahead(bindings);
        let count = Count::Arg(self.e.b.arg());
        self.e.b.begin_loop(count, &[]);
        self.e.enter_loop(Along::Rows, None);
        self.row();
        self.e.leave_loop();
        self.e.b.end_loop(&[]);
    }

    /// One row.
    fn row(&mut self) {
        for level in levels(self.graph, self.group) {
            self.reduce(&level);
        }
        let (full, per_row): (Vec<NodeId>, Vec<NodeId>) =
            self.group.outputs.iter().partition(|output| self.group.members[output] == Class::Full);
        self.columns(Vec::new(), |walk, vector, state| {
            full.iter()
                .for_each(|&output| walk.e.write(output, Class::Full, Place { vector, ..Place::default() }));
            state
        });
        per_row.iter().for_each(|&output| self.e.write(output, Class::PerRow, Place::default()));
    }

    /// Runs `body` for each vector of a row, handing a state on; in long rows, in a loop over whole blocks of 16 columns.
    fn columns(
        &mut self,
        state: Vec<Value>,
        mut body: impl FnMut(&mut Self, usize, Vec<Value>) -> Vec<Value>,
    ) -> Vec<Value> {
        let n_vectors = self.e.n_vectors();
        if self.is_short {
            return (0..n_vectors).fold(state, |state, vector| body(self, vector, state));
        }
        let per_block = VIRTUAL_LANES / self.e.b.lanes().count();
        let blocks = self.e.tile.cols / VIRTUAL_LANES;
        let zero = self.e.b.u32(0);
        let carried: Vec<Value> = state.iter().copied().chain([zero]).collect();
        let mut inside = self.e.b.begin_loop(Count::Static(blocks as u32), &carried);
        let base = inside.pop().expect("the column index was put there");
        self.e.enter_loop(Along::Columns(VIRTUAL_LANES), Some(base));
        let mut next = (0..per_block).fold(inside, |state, vector| body(self, vector, state));
        self.e.leave_loop();
        let sixteen = self.e.b.u32(VIRTUAL_LANES as u32);
        next.push(self.e.b.iadd(base, sixteen));
        let mut after = self.e.b.end_loop(&next);
        after.pop();
        (blocks * per_block..n_vectors).fold(after, |state, vector| body(self, vector, state))
    }

    /// Computes reductions that do not need each other, in one walk.
    fn reduce(&mut self, level: &[NodeId]) {
        let n = self.e.b.n_accumulators();
        let mut inits = Vec::new();
        for &node in level {
            let identity = if is_sum(self.graph.op(node)) { 0.0 } else { f32::NEG_INFINITY };
            inits.extend(vec![self.e.b.f32(identity); n]);
        }
        let sums = self.columns(inits, |walk, vector, mut state| {
            for (i, &node) in level.iter().enumerate() {
                let slot = i * n + vector % n;
                state[slot] = walk.accumulate(node, vector, state[slot]);
            }
            state
        });
        for (&node, lanes) in level.iter().zip(sums.chunks(n)) {
            self.finish_reduction(node, lanes);
        }
    }

    /// The accumulator with one more vector of a reduction's operand.
    fn accumulate(&mut self, node: NodeId, vector: usize, accumulator: Value) -> Value {
        let operand = self.graph.operands(node)[0];
        let is_sum = is_sum(self.graph.op(node));
        let identity = if is_sum { 0.0 } else { f32::NEG_INFINITY };
        let outer = self.e.begin(node);
        let value = self.e.value(operand, Class::Full, Place { vector, ..Place::default() });
        let value = self.only_columns(vector, value, identity);
        let next =
            if is_sum { self.e.b.add(accumulator, value) } else { self.e.b.max_nan(accumulator, value) };
        self.e.b.set_mark(outer);
        next
    }

    /// `value` in lanes within the row, `otherwise` beyond it.
    fn only_columns(&mut self, vector: usize, value: Value, otherwise: f32) -> Value {
        let count = self.e.count(vector);
        if usize::from(count) == self.e.b.lanes().count() {
            return value;
        }
        let (lane, count, otherwise) =
            (self.e.b.lane_index(), self.e.b.u32(u32::from(count)), self.e.b.f32(otherwise));
        let is_inside = self.e.b.icmp_gt(count, lane);
        self.e.b.select(is_inside, value, otherwise)
    }

    fn finish_reduction(&mut self, node: NodeId, lanes: &[Value]) {
        let op = self.graph.op(node);
        let outer = self.e.begin(node);
        let total = if is_sum(op) { self.e.b.reduce_add(lanes) } else { self.e.b.reduce_max(lanes) };
        self.e.set(node, Class::PerRow, Place::default(), total);
        if matches!(op, Op::MaxWithIndex(_)) {
            self.take_apart(node, total);
        }
        self.e.b.set_mark(outer);
    }

    /// Sets the results of a maximum with its index.
    fn take_apart(&mut self, node: NodeId, max: Value) {
        for (&member, _) in self.group.members.iter() {
            let Op::Get(get) = self.graph.op(member) else { continue };
            if self.graph.operands(member)[0] != node {
                continue;
            }
            let value = if get.index == 0 { max } else { self.first_index(node, max) };
            self.e.set(member, Class::PerRow, Place::default(), value);
        }
    }

    /// The least column whose element is the maximum, or is NaN: indices are exact in f32, and their negatives' maximum is
    /// a reduction that there is.
    fn first_index(&mut self, node: NodeId, max: Value) -> Value {
        let operand = self.graph.operands(node)[0];
        let n = self.e.b.n_accumulators();
        let inits = vec![self.e.b.f32(f32::NEG_INFINITY); n];
        let lanes = self.columns(inits, |walk, vector, mut state| {
            let x = walk.e.value(operand, Class::Full, Place { vector, ..Place::default() });
            let is_max = walk.e.b.cmp(CmpOp::Eq, x, max);
            let is_nan = walk.e.b.cmp(CmpOp::Ne, x, x);
            let is_first = walk.e.b.or(is_max, is_nan);
            let index = walk.e.column_index(Place { vector, ..Place::default() });
            let index = walk.e.b.to_float(index);
            let index = walk.e.b.neg(index);
            let none = walk.e.b.f32(f32::NEG_INFINITY);
            let candidate = walk.e.b.select(is_first, index, none);
            let candidate = walk.only_columns(vector, candidate, f32::NEG_INFINITY);
            let slot = vector % n;
            state[slot] = walk.e.b.max(state[slot], candidate);
            state
        });
        let largest = self.e.b.reduce_max(&lanes);
        let index = self.e.b.neg(largest);
        self.e.b.to_int(index)
    }
}

fn is_sum(op: &Op) -> bool {
    matches!(op, Op::ReduceSum(_))
}

/// The reductions of a group by level: each needs only those of lower ones.
fn levels(graph: &Graph, group: &Group) -> Vec<Vec<NodeId>> {
    let mut level_of: BTreeMap<NodeId, usize> = BTreeMap::new();
    let mut levels: Vec<Vec<NodeId>> = Vec::new();
    for &member in group.members.keys() {
        let operands = graph.operands(member);
        let level = operands.iter().filter_map(|operand| level_of.get(operand)).max().copied().unwrap_or(0);
        let is_row_reduction =
            is_reduction(graph.op(member)) && graph.op(member).structure() == Structure::Reduce;
        if is_row_reduction {
            if levels.len() == level {
                levels.push(Vec::new());
            }
            levels[level].push(member);
        }
        level_of.insert(member, level + usize::from(is_row_reduction));
    }
    levels
}
