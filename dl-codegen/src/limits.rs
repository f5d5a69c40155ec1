//! What a machine can do at most, measured by kernels made for it: multiply-adds, divisions and square roots
//! that wait for nothing, and loads that nothing is done with. Profiles and benchmarks set kernels against them.

use std::sync::Arc;
use std::time::{Duration, Instant};

use dl_runtime::machine::Machine;
use dl_runtime::program::{
    Buffer, BufferId, Cost, Element, Extent, Launch, Layout, Place, Program, StatePlan, Step, round_up,
};

use crate::compile::CompileError;
use crate::jit;
use crate::kernel::{Arg, BufferUse, Index, Kernel, Stmt, Term, Tile};
use crate::stages::STAGES;
use crate::target::Target;
use crate::vector::{Address, Count, Lanes, ProgramBuilder, Value};

/// Upper limits for kernels of one width on some threads.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Limits {
    /// Floating-point operations in a second.
    pub flops: f64,
    /// Bytes read in a second.
    pub bandwidth: f64,
}

/// Upper limits for what the unit for divisions and square roots computes, on some threads.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct DividerLimits {
    /// Quotients in a second.
    pub divisions: f64,
    /// Square roots in a second.
    pub roots: f64,
}

/// How long each of them is measured.
const MEASURED: Duration = Duration::from_millis(40);
/// Tasks of arithmetic, and iterations in each.
const TASKS: usize = 256;
const ITERATIONS: usize = 1 << 10;
/// The bytes that a task reads.
const CHUNK: usize = 1 << 14;
/// Small memory is read again until this many bytes were read.
const MIN_READ: usize = 1 << 24;
/// More memory than this is not read: the time that it takes to come by it is not worth it.
const MAX_READ: usize = 1 << 28;

impl Limits {
    /// Measures what the threads can do together. They read `bytes` of memory, each its own part of it again and again, so
    /// that the bandwidth is that of the cache, or of the memory, that so much lies in.
    ///
    /// # Errors
    /// If the host lacks the target's width, or memory is not to be had.
    pub fn measure(target: Target, threads: usize, bytes: usize) -> Result<Limits, CompileError> {
        let chunks = bytes.clamp(CHUNK, MAX_READ).div_ceil(CHUNK);
        let rounds = MIN_READ.div_ceil(chunks * CHUNK);
        let read_seconds = best_seconds(reads(target.lanes, chunks, rounds), target, threads)?;
        Ok(Limits {
            flops: 2.0 * per_second(multiply_adds(target.lanes), target, threads)?,
            bandwidth: (rounds * chunks * CHUNK) as f64 / read_seconds,
        })
    }
}

impl DividerLimits {
    /// Measures what the threads can do together.
    ///
    /// # Errors
    /// If the host lacks the target's width, or memory is not to be had.
    pub fn measure(target: Target, threads: usize) -> Result<DividerLimits, CompileError> {
        Ok(DividerLimits {
            divisions: per_second(divisions(target.lanes), target, threads)?,
            roots: per_second(roots(target.lanes), target, threads)?,
        })
    }
}

/// How many elements in a second a kernel of `chains` computes.
fn per_second(chains: Kernel, target: Target, threads: usize) -> Result<f64, CompileError> {
    let elements = TASKS * ITERATIONS * accumulators(target.lanes) * target.lanes.count();
    Ok(elements as f64 / best_seconds(chains, target, threads)?)
}

/// Values in registers at once: enough to hide the latency of an instruction, and few enough that none is spilled.
fn accumulators(lanes: Lanes) -> usize {
    match lanes {
        Lanes::L4 | Lanes::L8 => 12,
        Lanes::L16 => 24,
    }
}

/// Every value tends to 2.
fn multiply_adds(lanes: Lanes) -> Kernel {
    chains(lanes, |b, value| {
        let (half, one) = (b.f32(0.5), b.f32(1.0));
        b.fma(value, half, one)
    })
}

/// Every value is 1 or 2.
fn divisions(lanes: Lanes) -> Kernel {
    chains(lanes, |b, value| {
        let two = b.f32(2.0);
        b.div(two, value)
    })
}

/// Every value is 1.
fn roots(lanes: Lanes) -> Kernel {
    chains(lanes, |b, value| b.sqrt(value))
}

/// A kernel that does the same to values again and again, as many at once as keep the machine busy. They begin with 1.
fn chains(lanes: Lanes, next: impl Fn(&mut ProgramBuilder, Value) -> Value) -> Kernel {
    let mut b = ProgramBuilder::new(lanes);
    let out = b.arg();
    let one = b.f32(1.0);
    let values = b.begin_loop(Count::Static(ITERATIONS as u32), &vec![one; accumulators(lanes)]);
    let values: Vec<Value> = values.iter().map(|&value| next(&mut b, value)).collect();
    let values = b.end_loop(&values);
    finish(b, &values, out, vec![], TASKS, 1)
}

fn reads(lanes: Lanes, chunks: usize, rounds: usize) -> Kernel {
    let mut b = ProgramBuilder::new(lanes);
    let (out, input) = (b.arg(), b.arg());
    // A chunk is a whole number of iterations.
    let n = 8;
    let step = (n * lanes.bytes()) as i32;
    let zero = b.f32(0.0);
    let sums = b.begin_loop(Count::Static((CHUNK / step as usize) as u32), &vec![zero; n]);
    let next: Vec<Value> = (0..)
        .step_by(lanes.bytes())
        .zip(&sums)
        .map(|(offset, &sum)| {
            let loaded = b.load(Address { arg: input, offset, step });
            b.add(sum, loaded)
        })
        .collect();
    let sums = b.end_loop(&next);
    let memory = BufferUse {
        element: Element::F32,
        elements: Extent::fixed(chunks * CHUNK / 4),
        reads: true,
        writes: false,
    };
    finish(b, &sums, out, vec![memory], chunks, rounds)
}

/// A kernel that runs the program for each task, all of it `rounds` times. A task writes the sum of `sums`, without which they
/// would not be computed, and reads its chunk of the other buffers.
fn finish(
    mut b: ProgramBuilder,
    sums: &[Value],
    out: u16,
    read: Vec<BufferUse>,
    tasks: usize,
    rounds: usize,
) -> Kernel {
    let sum = sums.iter().copied().reduce(|a, c| b.add(a, c)).expect("there are accumulators");
    b.store(Address { arg: out, offset: 0, step: 0 }, sum);
    let (round, task) = (0, 1);
    let pointer =
        |buffer, bytes: usize| Arg::Pointer { buffer, offset: Index::term(Term::Var(task), bytes as i64) };
    let mut args = vec![pointer(0, Lanes::L16.bytes())];
    args.extend((1..=read.len()).map(|buffer| pointer(buffer, CHUNK)));
    let each = |var, begin, end, body| {
        vec![Stmt::For { var, begin, end: vec![end], tiles: vec![Tile { step: 1, body }] }]
    };
    let run = vec![Stmt::Run { program: 0, args }];
    let all_tasks = each(task, Index::term(Term::Begin, 1), Index::term(Term::End, 1), run);
    let sums = BufferUse {
        element: Element::F32,
        elements: Extent::fixed(tasks * Lanes::L16.count()),
        reads: false,
        writes: true,
    };
    Kernel {
        buffers: [vec![sums], read].concat(),
        programs: vec![b.finish()],
        n_vars: 2,
        body: each(round, Index::constant(0), Index::constant(rounds as i64), all_tasks),
        tasks: Extent::fixed(tasks).into(),
    }
}

/// The shortest time that a launch of the kernel takes.
fn best_seconds(kernel: Kernel, target: Target, threads: usize) -> Result<f64, CompileError> {
    let mut machine = Machine::new(StatePlan::default(), threads)?;
    let program = program(kernel, target)?;
    let inputs = program.inputs.clone();
    let id = jit::load(&mut machine, program)?;
    let mut call = machine.call(id, 1)?;
    // Memory is there only once it was written to.
    inputs.iter().for_each(|&(_, buffer)| call.input::<f32>(buffer).fill(1.0));
    let end = Instant::now() + MEASURED;
    let mut best = f64::INFINITY;
    while Instant::now() < end || best == f64::INFINITY {
        let start = Instant::now();
        call.run()?;
        best = best.min(start.elapsed().as_secs_f64());
    }
    Ok(best)
}

/// A program of one launch, on as many threads as there are.
fn program(kernel: Kernel, target: Target) -> Result<Program, CompileError> {
    let code = jit::compile(&STAGES, std::slice::from_ref(&kernel), target.lanes)?;
    let mut scratch = 0;
    let buffers: Vec<Buffer> = kernel
        .buffers
        .iter()
        .map(|used| {
            let place = Place::Scratch(Extent::fixed(scratch));
            scratch += round_up(4 * used.elements.fixed);
            Buffer {
                name: if used.writes { "sums".into() } else { "memory".into() },
                element: used.element,
                elements: used.elements,
                layout: Layout::RowMajor,
                packed_shape: vec![],
                place,
            }
        })
        .collect();
    let ids: Vec<BufferId> = (0..buffers.len() as u32).map(BufferId).collect();
    let launch = Launch {
        name: "limit".into(),
        kernel: 0,
        buffers: ids.clone(),
        writes: kernel.written(&ids),
        tasks: kernel.tasks,
        cost: Cost { fixed: 1e9, per_example: 0.0 },
    };
    Ok(Program {
        name: "limit".into(),
        inputs: ids
            .iter()
            .map(|&id| (buffers[id.0 as usize].name.clone(), id))
            .filter(|(name, _)| name == "memory")
            .collect(),
        buffers,
        scratch: Extent::fixed(scratch),
        results: vec![],
        kernels: code.functions().to_vec(),
        steps: vec![Step::Launches(vec![launch])],
        code: Arc::new(code),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::interp;

    /// Runs two tasks in the interpreter, which refuses to leave a buffer; gives the first sum of each.
    fn run(kernel: &Kernel) -> [f32; 2] {
        let words = |used: &BufferUse| vec![1f32.to_bits(); used.elements.fixed];
        let mut buffers: Vec<Vec<u32>> = kernel.buffers.iter().map(words).collect();
        interp::run(kernel, 1, 0, 2, &mut buffers).expect("it stays in its buffers");
        [0, Lanes::L16.count()].map(|word| f32::from_bits(buffers[0][word]))
    }

    #[test]
    fn every_sum_is_computed_and_every_word_read() {
        for lanes in [Lanes::L4, Lanes::L8, Lanes::L16] {
            let n = accumulators(lanes) as f32;
            assert_eq!(run(&multiply_adds(lanes)), [2.0 * n; 2]);
            // An even number of iterations.
            assert_eq!((run(&divisions(lanes)), run(&roots(lanes))), ([n; 2], [n; 2]));
            let words_a_lane = CHUNK / 4 / lanes.count();
            assert_eq!(run(&reads(lanes, 2, 3)), [words_a_lane as f32; 2]);
        }
    }
}
