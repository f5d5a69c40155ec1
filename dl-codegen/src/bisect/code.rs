//! Runs machine code of kernels on what their interpreter ran on, in memory of its own.

use dl_runtime::machine::{Machine, RunError};
use dl_runtime::program::{
    Buffer, BufferId, Element, Extent, Launch, Layout, Place, Program, StatePlan, StateSlot, Step,
};

use super::nodes::Call;
use super::symptom::Symptom;
use super::words;
use crate::compile::{CompileError, Lowered};
use crate::jit;

/// Compares a run of a kernel with one of its code; `program` is the function's.
pub fn compare(lowered: &Lowered, program: &Program, call: &Call, batch: usize) -> Option<Symptom> {
    let found = match run(lowered, program, call, batch) {
        Ok(found) => found,
        Err(error) => return Some(Symptom::Fails(CompileError::Run(error))),
    };
    let kernel = &lowered.kernels[lowered.kernel_of[call.group]];
    let bindings = lowered.bindings[call.group].iter();
    for ((used, binding), (expected, found)) in
        kernel.buffers.iter().zip(bindings).zip(call.after.iter().zip(&found))
    {
        if binding.is_beside() {
            continue;
        }
        // Behind what it writes it may leave anything.
        let len = if used.writes { used.elements.at(batch) } else { expected.len() };
        let mut pairs = expected[..len].iter().zip(&found[..len]);
        let other = pairs.position(|(&expected, &found)| !words::is_same(used.element, expected, found));
        if let Some(element) = other {
            let shown = |words: &[u32]| words::shown(used.element, words[element]);
            let (expected, found) = (shown(expected), shown(found));
            let buffer = format!("%{}", binding.node().0);
            return Some(Symptom::OtherBits { buffer, element, expected, found });
        }
    }
    None
}

/// Launches the kernel alone, on a machine whose state is its buffers; gives what is in them then.
fn run(lowered: &Lowered, program: &Program, call: &Call, batch: usize) -> Result<Vec<Vec<u32>>, RunError> {
    let kernel = lowered.kernel_of[call.group];
    let mut offset = 0;
    let slots = call.before.iter().enumerate().map(|(index, words)| {
        let slot = StateSlot {
            name: format!("b{index}"),
            shape: vec![words.len()],
            element: Element::I32,
            layout: Layout::RowMajor,
            offset,
        };
        offset += slot.bytes();
        slot
    });
    let state = StatePlan { slots: slots.collect() };
    let buffers = state.slots.iter().enumerate().map(|(index, slot)| Buffer {
        name: slot.name.clone(),
        element: Element::I32,
        elements: Extent::fixed(slot.shape[0]),
        layout: Layout::RowMajor,
        packed_shape: Vec::new(),
        place: Place::State(index),
    });
    let ids: Vec<BufferId> = (0..state.slots.len() as u32).map(BufferId).collect();
    let launch = Launch {
        name: program.name.clone(),
        kernel,
        writes: lowered.kernels[kernel].written(&ids),
        buffers: ids,
        tasks: lowered.kernels[kernel].tasks,
        cost: lowered.costs[call.group],
    };
    let alone = Program {
        name: program.name.clone(),
        buffers: buffers.collect(),
        scratch: Extent::default(),
        inputs: Vec::new(),
        results: Vec::new(),
        kernels: program.kernels.clone(),
        steps: vec![Step::Launches(vec![launch])],
        code: program.code.clone(),
    };
    let mut machine = Machine::new(state, 1)?;
    for (slot, words) in call.before.iter().enumerate() {
        let words: Vec<i32> = words.iter().map(|&word| word as i32).collect();
        machine.set_state(slot, &words)?;
    }
    let alone = jit::load(&mut machine, alone)?;
    machine.call(alone, batch)?.run()?;
    let state = |slot| machine.state::<i32>(slot).into_iter().map(|word| word as u32).collect();
    Ok((0..call.before.len()).map(state).collect())
}
