mod loops;

use std::sync::Arc;

use super::pace::Pace;
use super::*;
use crate::program::{Blocks, Code, Cost, Element, Extent, Launch, Layout, Place, StateSlot, Step};

struct NoCode;
impl Code for NoCode {}

/// out[i] = w[i mod 3] · x[i] for rows of three, a task a row; and w += 1 in a second kernel.
unsafe extern "C" fn scale(buffers: *const *mut u8, _batch: usize, begin: usize, end: usize) {
    // SAFETY: the launch below gives three buffers of these sizes.
    unsafe {
        let (w, x, out) =
            (*buffers as *const f32, *buffers.add(1) as *const f32, *buffers.add(2) as *mut f32);
        for i in 3 * begin..3 * end {
            *out.add(i) = *w.add(i % 3) * *x.add(i);
        }
    }
}

unsafe extern "C" fn increment(buffers: *const *mut u8, _batch: usize, begin: usize, end: usize) {
    // SAFETY: the launch below gives the weight, an element a task.
    unsafe {
        let w = *buffers as *mut f32;
        for i in begin..end {
            *w.add(i) += 1.0;
        }
    }
}

const X: BufferId = BufferId(0);
const OUT: BufferId = BufferId(1);
const W: BufferId = BufferId(2);

fn plan() -> StatePlan {
    let slot = |name: &str, offset, layout| StateSlot {
        name: name.into(),
        shape: vec![1, 3],
        element: Element::F32,
        layout,
        offset,
    };
    StatePlan { slots: vec![slot("w", 0, Layout::Panel { width: 2 }), slot("unused", 64, Layout::RowMajor)] }
}

fn program() -> Program {
    let buffer = |name: &str, elements, place| Buffer {
        name: name.into(),
        element: Element::F32,
        elements,
        layout: Layout::RowMajor,
        packed_shape: vec![],
        place,
    };
    let rows = Extent { fixed: 0, per_example: 3 };
    let launch = |name: &str, kernel, buffers: Vec<BufferId>, writes, tasks| {
        let (name, writes, tasks) = (name.into(), vec![writes], Blocks::from(tasks));
        let cost = Cost { fixed: 1e6, per_example: 0.0 };
        Step::Launches(vec![Launch { name, kernel, buffers, writes, tasks, cost }])
    };
    Program {
        name: "train_step".into(),
        buffers: vec![
            buffer("x", rows, Place::Scratch(Extent::fixed(0))),
            buffer("out", rows, Place::Scratch(Extent { fixed: 0, per_example: 12 })),
            buffer("w", Extent::fixed(3), Place::State(0)),
        ],
        scratch: Extent { fixed: 0, per_example: 24 },
        inputs: vec![("x".into(), X)],
        results: vec![("out".into(), OUT)],
        kernels: vec![scale, increment],
        steps: vec![
            launch("scale", 0, vec![W, X, OUT], OUT, Extent { fixed: 0, per_example: 1 }),
            Step::CheckFinite(OUT),
            launch("increment", 1, vec![W], W, Extent::fixed(3)),
        ],
        code: Arc::new(NoCode),
    }
}

fn machine(threads: usize) -> (Machine, ProgramId) {
    let mut machine = Machine::new(plan(), threads).unwrap();
    machine.set_state(0, &[1.0, 2.0, 3.0f32]).unwrap();
    // SAFETY: the kernels above keep the contract.
    let id = unsafe { machine.prepare(program()) }.unwrap();
    (machine, id)
}

fn step(machine: &mut Machine, id: ProgramId, x: &[f32]) -> Vec<f32> {
    let mut call = machine.call(id, x.len() / 3).unwrap();
    call.input(X).copy_from_slice(x);
    call.run().unwrap();
    call.result(OUT).to_vec()
}

#[test]
fn runs_and_keeps_state_over_growing_batches_on_any_number_of_threads() {
    for threads in [1, 2, 5] {
        let (mut machine, id) = machine(threads);
        for (round, n) in [1, 16, 17, 3, 200].into_iter().enumerate() {
            let x: Vec<f32> = (0..3 * n).map(|value| value as f32).collect();
            let expected: Vec<f32> =
                x.iter().map(|&value| (1 + value as usize % 3 + round) as f32 * value).collect();
            assert_eq!(step(&mut machine, id, &x), expected, "batch {n}, {threads} threads");
        }
        assert_eq!(machine.state::<f32>(0), [6.0, 7.0, 8.0]);
        assert_eq!(machine.state::<f32>(1), [0.0; 3]);
        assert_eq!(Some(machine.arena_bytes()), machine.arena_bytes_for(200));
    }
}

/// The program, with phases of this cost.
fn program_of_cost(cost: f32) -> Program {
    let mut program = program();
    for step in &mut program.steps {
        if let Step::Launches(launches) = step {
            launches[0].cost.fixed = cost;
        }
    }
    program
}

/// Whether runs whose phases have this cost are tried on one thread.
fn is_tried_alone(cost: f32) -> bool {
    Pace::default().next(&program_of_cost(cost), 4).is_some()
}

#[test]
fn runs_of_small_stages_that_threads_share_are_tried_alone() {
    assert!(is_tried_alone(3e3));
    assert!(!is_tried_alone(1e5), "threads are sure to be worth it");
    assert!(!is_tried_alone(100.0), "one thread does all in any case");
}

#[test]
fn the_rest_of_an_epoch_does_not_begin_trials_anew() {
    let program = program_of_cost(3e3);
    let mut pace = Pace::default();
    let mut left_after = |n| {
        pace.next(&program, n);
        pace.took(1.0);
        pace.left()
    };
    let first = left_after(32);
    assert_eq!([left_after(5), left_after(32), left_after(5)], [first, first - 1, first - 1]);
    assert_eq!([left_after(7), left_after(32)], [first, first], "two are remembered");
}

/// A run that stops early is no measure of how fast runs are.
#[test]
fn runs_that_fail_are_not_measured() {
    let mut machine = Machine::new(plan(), 2).unwrap();
    // SAFETY: the kernels keep the contract.
    let id = unsafe { machine.prepare(program_of_cost(3e3)) }.unwrap();
    for x in [f32::INFINITY, 1.0] {
        let mut call = machine.call(id, 1).unwrap();
        let left = call.prepared.pace.left();
        call.input(X).fill(x);
        let has_run = call.run().is_ok();
        assert_eq!(call.prepared.pace.left() != left, has_run);
    }
}

#[test]
fn a_value_that_is_not_finite_stops_before_state_is_written() {
    let (mut machine, id) = machine(2);
    let mut call = machine.call(id, 2).unwrap();
    call.input(X).copy_from_slice(&[0.0, 1.0, 2.0, f32::INFINITY, f32::NAN, 0.0]);
    let error = call.run().unwrap_err();
    assert!(matches!(error, RunError::NotFinite { index: 3, value: f32::INFINITY, .. }), "{error}");
    assert_eq!(error.to_string(), "train_step stopped: element 3 of out is inf; no state was changed");
    assert_eq!(machine.state::<f32>(0), [1.0, 2.0, 3.0]);
}

#[test]
fn only_this_batch_is_checked() {
    let (mut machine, id) = machine(1);
    let mut call = machine.call(id, 2).unwrap();
    call.input(X).fill(f32::NAN);
    call.run().unwrap_err();
    step(&mut machine, id, &[1.0; 3]);
}

fn given(values: &[f32], must_be_finite: bool) -> impl Iterator<Item = Given<'_>> + Clone {
    std::iter::once(Given { buffer: X, lent: Some(values), must_be_finite })
}

/// Where in a vector a batch of rows of three lies such that a vector past its end is on its last page.
fn readable(memory: &[f32], rows: usize) -> &[f32] {
    let page = crate::arena::PAGE / 4;
    let first = memory.as_ptr().addr().next_multiple_of(4 * page) - memory.as_ptr().addr();
    &memory[first / 4 + 1..][..3 * rows]
}

#[test]
fn what_is_lent_is_read_in_place_and_forgotten() {
    let (mut machine, id) = machine(2);
    let memory: Vec<f32> = (0..4096).map(|value| value as f32).collect();
    let x = readable(&memory, 5);
    let table = |machine: &Machine| machine.programs[id.0].pointers().to_vec();
    machine.call(id, 5).unwrap().input(X).fill(7.0f32);
    let before = table(&machine);
    for must_be_finite in [false, true] {
        let mut call = machine.call(id, 5).unwrap();
        call.run_on(given(x, must_be_finite)).unwrap();
        let state = if must_be_finite { 2.0 } else { 1.0 };
        let expected = |i: usize| (state + (i % 3) as f32) * x[i];
        assert!(call.result::<f32>(OUT).iter().enumerate().all(|(i, &out)| out == expected(i)));
        // Nothing was copied, and no address is left.
        assert_eq!(call.input::<f32>(X), [7.0; 15]);
        assert_eq!(table(&machine), before);
    }
    let mut call = machine.call(id, 5).unwrap();
    call.run().unwrap();
    assert_eq!(call.result::<f32>(OUT)[0], 3.0 * 7.0);
}

#[test]
fn a_lent_input_is_forgotten_after_an_error() {
    let (mut machine, id) = machine(2);
    let mut memory = vec![1.0f32; 4096];
    let first = readable(&memory, 5).as_ptr().addr() - memory.as_ptr().addr();
    memory[first / 4 + 8] = f32::NEG_INFINITY;
    machine.call(id, 5).unwrap();
    let before = machine.programs[id.0].pointers().to_vec();
    let x = readable(&memory, 5);
    let error = machine.call(id, 5).unwrap().run_on(given(x, false)).unwrap_err();
    assert!(matches!(error, RunError::NotFinite { index: 8, .. }), "{error}");
    assert_eq!(machine.programs[id.0].pointers(), before);
    let error = machine.call(id, 5).unwrap().run_on(given(x, true)).unwrap_err();
    let message = "train_step was called with x of which element 8 is -inf; it must be finite";
    assert_eq!(error.to_string(), message);
    assert_eq!(machine.programs[id.0].pointers(), before);
    assert_eq!(machine.state::<f32>(0), [1.0, 2.0, 3.0]);
}

#[test]
fn a_result_is_not_lent() {
    let mut program = program();
    program.results.push(("x".into(), X));
    let mut machine = Machine::new(plan(), 1).unwrap();
    // SAFETY: the kernels keep the contract.
    let id = unsafe { machine.prepare(program) }.unwrap();
    let memory = vec![2.5f32; 4096];
    let mut call = machine.call(id, 5).unwrap();
    call.run_on(given(readable(&memory, 5), false)).unwrap();
    assert_eq!(call.result::<f32>(X), [2.5; 15]);
}

#[test]
fn empty_and_impossible_batches_are_errors_and_leave_state_alone() {
    let (mut machine, id) = machine(1);
    assert!(matches!(machine.call(id, 0), Err(RunError::EmptyBatch { .. })));
    assert!(matches!(machine.call(id, usize::MAX / 2), Err(RunError::Arena(ArenaError::TooLarge { .. }))));
    assert_eq!(step(&mut machine, id, &[1.0; 3]), [1.0, 2.0, 3.0]);
}

#[test]
fn state_of_another_length_is_an_error() {
    let (mut machine, _) = machine(1);
    let error = machine.set_state(0, &[0.0f32; 4]).unwrap_err();
    assert_eq!(error.to_string(), "w has 3 elements (shape [1, 3]), but 4 were given");
}

#[test]
fn a_machine_moves_to_another_thread() {
    let (mut machine, id) = machine(2);
    step(&mut machine, id, &[1.0; 6]);
    let out = std::thread::spawn(move || step(&mut machine, id, &[1.0; 3])).join().unwrap();
    assert_eq!(out, [2.0, 3.0, 4.0]);
}

fn defect(change: impl FnOnce(&mut Program)) -> Defect {
    let mut broken = program();
    change(&mut broken);
    let mut machine = Machine::new(plan(), 1).unwrap();
    // SAFETY: the kernels keep the contract, and are not run.
    let outcome = unsafe { machine.prepare(broken) };
    match outcome.and_then(|id| machine.call(id, 1).map(|_| ())) {
        Err(RunError::Malformed { what, .. }) => what,
        other => panic!("expected a defect, found {other:?}"),
    }
}

#[test]
fn malformed_programs_are_refused() {
    assert_eq!(defect(|p| p.results[0].1 = BufferId(9)), Defect::NoBuffer { step: 0, buffer: 9 });
    assert_eq!(
        defect(|p| p.steps[1] = Step::CheckFinite(BufferId(9))),
        Defect::NoBuffer { step: 1, buffer: 9 }
    );
    assert_eq!(defect(|p| p.buffers[1].element = Element::I32), Defect::ChecksIntegers { step: 1 });
    assert_eq!(defect(|p| p.inputs[0].1 = OUT), Defect::WritesInput { step: 0, input: 0 });
    assert_eq!(defect(|p| p.kernels.truncate(1)), Defect::NoKernel { step: 2, kernel: 1 });
    assert_eq!(defect(|p| p.buffers[2].place = Place::State(2)), Defect::Misplaced { buffer: 2 });
    assert_eq!(defect(|p| p.buffers[2].elements.fixed = 17), Defect::Misplaced { buffer: 2 });
    assert_eq!(defect(|p| p.scratch.per_example = 20), Defect::Misplaced { buffer: 1 });
    let unaligned = Place::Scratch(Extent::fixed(4));
    assert_eq!(defect(|p| p.buffers[0].place = unaligned), Defect::Misplaced { buffer: 0 });
}

#[test]
fn overlapping_state_is_refused() {
    let mut overlapping = plan();
    overlapping.slots[1].offset = 0;
    let error = Machine::new(overlapping, 1).unwrap_err();
    assert!(
        matches!(error, RunError::Malformed { what: Defect::MisplacedState { slot: 1 | 0 }, .. }),
        "{error}"
    );
}

#[test]
fn state_that_cannot_be_addressed_is_refused() {
    let mut huge = plan();
    huge.slots[1].shape = vec![usize::MAX, 2];
    assert!(matches!(Machine::new(huge, 1), Err(RunError::Arena(ArenaError::State { bytes: usize::MAX }))));
}
