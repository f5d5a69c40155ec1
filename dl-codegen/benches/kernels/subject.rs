//! Small functions, ready to be run and timed.

use std::time::{Duration, Instant};

use dl_codegen::compile::lower;
use dl_codegen::plan::plan_state;
use dl_codegen::target::Target;
use dl_ir::module::Module;
use dl_ir::network::Network;
use dl_ir::{build, passes, text};
use dl_runtime::machine::{Machine, ProgramId};
use dl_runtime::program::BufferId;
use dl_runtime::random::Stream;

/// How long a subject is run.
const MEASURED: Duration = Duration::from_millis(100);
/// The cost of a kernel that is to be divided among all threads, in nanoseconds.
const COSTLY: f32 = 1e6;

/// A function in a machine.
pub struct Subject {
    machine: Machine,
    program: ProgramId,
    batch: usize,
}

impl Subject {
    /// `[batch, k]·[k, n]`, the right operand a state.
    pub fn product(target: Target, batch: usize, k: usize, n: usize) -> Self {
        let body = format!(
            "%0 = input {{name=\"x\"}} : f32[B, {k}]
             %1 = state {{name=\"w\"}} : f32[{k}, {n}]
             %2 = einsum %0, %1 {{subscripts=\"ab,bc->ac\"}} : f32[B, {n}]
             return output = %2"
        );
        Self::of_body(target, batch, &format!("state w : f32[{k}, {n}] parameter constant(0.5)"), &body)
    }

    /// `[batch, m]ᵀ·[batch, n]`.
    pub fn transposed_product(target: Target, batch: usize, m: usize, n: usize) -> Self {
        let body = format!(
            "%0 = input {{name=\"x\"}} : f32[B, {m}]
             %1 = input {{name=\"y\"}} : f32[B, {n}]
             %2 = einsum %0, %1 {{subscripts=\"ba,bc->ac\"}} : f32[{m}, {n}]
             return output = %2"
        );
        Self::of_body(target, batch, "", &body)
    }

    /// An op of `elements` numbers.
    pub fn map(target: Target, op: &str, elements: usize) -> Self {
        let body = format!(
            "%0 = input {{name=\"x\"}} : f32[B, {elements}]
             %1 = {op} %0 : f32[B, {elements}]
             return output = %1"
        );
        Self::of_body(target, 1, "", &body)
    }

    /// Kernels that do next to nothing, each of which reads what the one before has written, on `threads` threads.
    pub fn empty_kernels(target: Target, n_kernels: usize, threads: usize) -> Self {
        let products = (0..n_kernels).map(|kernel| {
            let (operand, result) = (if kernel == 0 { 0 } else { kernel + 1 }, kernel + 2);
            format!("%{result} = einsum %{operand}, %1 {{subscripts=\"ab,bc->ac\"}} : f32[B, 1]\n")
        });
        let body = format!(
            "%0 = input {{name=\"x\"}} : f32[B, 1]
             %1 = state {{name=\"w\"}} : f32[1, 1]
             {}
             return output = %{}",
            products.collect::<String>(),
            n_kernels + 1
        );
        let module = module("state w : f32[1, 1] parameter constant(0.5)", &body);
        Self::new(target, module, threads, threads, Some(COSTLY))
    }

    /// A network's prediction.
    pub fn predict(target: Target, network: &str, batch: usize) -> Self {
        let network = Network::parse(network).expect("a valid network");
        let module = passes::optimize(build::module(&network, &network.target_types()[0]), |_, _| ());
        Self::new(target, module.expect("passes keep functions valid"), batch, 1, None)
    }

    fn of_body(target: Target, batch: usize, states: &str, body: &str) -> Self {
        Self::new(target, module(states, body), batch, 1, None)
    }

    /// The function `predict`, with noise in its states. `cost` replaces what its kernels are taken to cost.
    fn new(target: Target, module: Module, batch: usize, threads: usize, cost: Option<f32>) -> Self {
        let state = plan_state(&module, target);
        let function = module.function("predict").expect("a function of this name");
        let mut lowered = lower(function, &state, target).expect("there are kernels for it");
        for cost_of_kernel in &mut lowered.costs {
            cost_of_kernel.fixed = cost.unwrap_or(cost_of_kernel.fixed);
        }
        let mut machine = Machine::new(state, threads).expect("memory");
        for (slot, declared) in module.states.iter().enumerate() {
            let elements = declared.ty.shape.at(1).iter().product();
            machine.set_state(slot, &noise(elements)).expect("as many elements as declared");
        }
        let program = lowered.load(&mut machine).expect("this CPU has the width");
        Subject { machine, program, batch }
    }

    /// The median time of a run.
    pub fn seconds(mut self) -> f64 {
        let mut call = self.machine.call(self.program, self.batch).expect("memory");
        let inputs: Vec<(BufferId, Vec<f32>)> = call
            .program()
            .inputs
            .iter()
            .map(|&(_, id)| (id, noise(call.program().buffers[id.0 as usize].elements.at(self.batch))))
            .collect();
        let mut times = Vec::new();
        let end = Instant::now() + MEASURED;
        while times.is_empty() || Instant::now() < end {
            // The run before may have computed in the place of its inputs.
            inputs.iter().for_each(|(id, values)| call.input(*id).copy_from_slice(values));
            let start = Instant::now();
            call.run().expect("values are finite");
            times.push(start.elapsed().as_secs_f64());
        }
        times.sort_unstable_by(f64::total_cmp);
        times[times.len() / 2]
    }
}

fn module(states: &str, body: &str) -> Module {
    let text = format!("dl 1\n{states}\nfunction predict {{\n{body}\n}}\n");
    text::parse(&text).unwrap_or_else(|error| panic!("{error}\n{text}"))
}

/// Uniform in [−1, 1): nothing that is computed from it becomes subnormal.
fn noise(elements: usize) -> Vec<f32> {
    let stream = Stream::new(0, 0, 0);
    (0..elements as u64).map(|element| 2.0 * stream.uniform(element) - 1.0).collect()
}
