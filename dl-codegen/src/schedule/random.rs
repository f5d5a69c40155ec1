//! Random numbers: blocks of four from a counter, a block in each lane, put in order by transposing fours.

use dl_ir::graph::{Graph, NodeId};
use dl_ir::ops::Op;
use dl_runtime::program::Blocks;

use super::evaluate::{Along, Evaluator, Place, Tile};
use super::operands::{Binding, extent, shape_elements};
use super::{KernelBuilder, offset, operands_in_order};
use crate::fuse::{Class, Group};
use crate::kernel::{Arg, Index, Kernel, Stmt, Term};
use crate::target::Target;
use crate::vector::reduce::VIRTUAL_LANES;
use crate::vector::{Count, Program, ProgramBuilder, Value};

/// Numbers in a block.
const FOUR: usize = 4;
/// Blocks in a task: one vector of the widest kind, for which every buffer has room.
const TASK: usize = VIRTUAL_LANES / FOUR;
/// Blocks in a run, which one program call draws.
const RUN: usize = 64;

/// The kernel of the random numbers `node`. The loop variable counts blocks.
pub fn schedule(graph: &Graph, group: &Group, node: NodeId, bindings: &[Binding], target: Target) -> Kernel {
    let mut kernel = KernelBuilder::new(graph, bindings, target);
    let pointers = bindings.iter().enumerate().map(|(buffer, binding)| {
        let factor = if binding.is_write() { 4 * FOUR as i64 } else { 0 };
        Arg::Pointer { buffer, offset: offset(0, &[(0, factor)]) }
    });
    let first_block = Arg::Count(vec![Index::term(Term::Var(0), 1)]);
    let args: Vec<Arg> = pointers.chain([first_block]).collect();
    let tiles = [RUN, TASK].map(|blocks| {
        let program = kernel.program(program(graph, group, node, bindings, target, blocks));
        (blocks, vec![Stmt::Run { program, args: args.clone() }])
    });
    let ends = vec![Index::term(Term::End, TASK as i64)];
    kernel.for_each(0, Index::term(Term::Begin, TASK as i64), ends, tiles);
    kernel.finish(Blocks { of: extent(shape_elements(graph, node)), size: FOUR * TASK })
}

/// Draws so many blocks: as many at a time as there are lanes, or fewer.
fn program(
    graph: &Graph,
    group: &Group,
    node: NodeId,
    bindings: &[Binding],
    target: Target,
    blocks: usize,
) -> Program {
    let lanes = target.lanes.count();
    let at_a_time = blocks.min(lanes);
    let cols = FOUR * at_a_time;
    let tile = Tile::new(operands_in_order(graph, bindings, target), cols);
    let mut e = Evaluator::new(graph, group, bindings, ProgramBuilder::new(target.lanes), tile);
    let first = e.b.arg();
    let first = e.b.splat_arg(first);
    let of_lane = block_of_lane(&mut e.b);
    let first = e.b.iadd(first, of_lane);
    let operands = graph.operands(node);
    let words = operands.iter().map(|&word| e.value(word, Class::Scalar, Place::default())).collect();

    let rounds = (blocks / at_a_time) as u32;
    let block = e.b.begin_loop(Count::Static(rounds), &[first])[0];
    e.enter_loop(Along::Columns(cols), None);
    draw(&mut e, graph, node, block, words);
    for vector in 0..e.n_vectors() {
        e.write(node, Class::Full, Place { vector, ..Place::default() });
    }
    e.leave_loop();
    let many = e.b.u32(at_a_time as u32);
    let next = e.b.iadd(block, many);
    e.b.end_loop(&[next]);
    e.b.finish()
}

/// The block that each lane draws, counted from the first: lane 4g + k draws number g of every lanes/4, so that the fours of the
/// transposed vectors lie in the order of blocks.
fn block_of_lane(b: &mut ProgramBuilder) -> Value {
    let fours = b.lanes().count() / FOUR;
    let (lane, mask) = (b.lane_index(), b.u32(FOUR as u32 - 1));
    let within = b.and(lane, mask);
    let within = b.shl(within, fours.ilog2() as u8);
    let four = b.shr_u(lane, FOUR.ilog2() as u8);
    b.iadd(within, four)
}

/// Sets the numbers of a block in each lane.
fn draw(e: &mut Evaluator<'_>, graph: &Graph, node: NodeId, block: Value, words: Vec<Value>) {
    const UNIT: f32 = 1.0 / (1 << 24) as f32;
    let Op::RandomUniform(random) = graph.op(node) else { unreachable!("the anchor is such a node") };
    let &[key_low, key_high, step_low, step_high] = &words[..] else {
        unreachable!("its type rule admits four operands")
    };
    let stream = e.b.u32(random.stream as u32);
    let drawn = e.b.philox([block, stream, step_low, step_high], [key_low, key_high]);
    let unit = e.b.f32(UNIT);
    for (vector, bits) in e.b.transpose_fours(drawn).into_iter().enumerate() {
        let bits = e.b.shr_u(bits, 8);
        let integer = e.b.to_float(bits);
        let uniform = e.b.mul(integer, unit);
        e.set(node, Class::Full, Place { vector, ..Place::default() }, uniform);
    }
}
