//! Loops: running sums over time-major sequences, forward and back.

use super::*;
use crate::program::{Loop, Window};

/// next[i] = old[i] + x[i], one element a task.
unsafe extern "C" fn add(buffers: *const *mut u8, _batch: usize, begin: usize, end: usize) {
    // SAFETY: the launch below gives three buffers of these sizes.
    unsafe {
        let (old, x, next) =
            (*buffers as *const f32, *buffers.add(1) as *const f32, *buffers.add(2) as *mut f32);
        for i in begin..end {
            *next.add(i) = *old.add(i) + *x.add(i);
        }
    }
}

/// copy[i] = x[i], one element a task.
unsafe extern "C" fn copy(buffers: *const *mut u8, _batch: usize, begin: usize, end: usize) {
    // SAFETY: the launch below gives two buffers of these sizes.
    unsafe {
        let (x, copy) = (*buffers as *const f32, *buffers.add(1) as *mut f32);
        (begin..end).for_each(|i| *copy.add(i) = *x.add(i));
    }
}

const INITIAL: BufferId = BufferId(0);
const SEQUENCE: BufferId = BufferId(1);
const SUMS: BufferId = BufferId(2);
const OLD: BufferId = BufferId(3);
const SLICE: BufferId = BufferId(4);
const NEXT: BufferId = BufferId(5);
const FIRST: BufferId = BufferId(6);
const LAST: BufferId = BufferId(7);

/// Two values for each example, and so many times as many.
fn pairs(count: usize) -> Extent {
    Extent { fixed: 0, per_example: 2 * count }
}

/// The running sums of a sequence of `steps` slices, in a stack that begins or ends with the initial value.
fn sums(steps: usize, reverse: bool) -> Program {
    let window = |of, first, advance| Place::Window(Window { of, slot: pairs(1), first, advance });
    let scratch = |before: usize| Place::Scratch(Extent { fixed: 0, per_example: 8 * before });
    let (advance, begin) = if reverse { (-1, steps) } else { (1, 0) };
    let next = if reverse { steps - 1 } else { 1 };
    let buffers = [
        ("initial", 1, scratch(0)),
        ("sequence", steps, scratch(1)),
        ("sums", steps + 1, scratch(1 + steps)),
        ("old", 1, window(SUMS, begin, advance)),
        ("slice", 1, window(SEQUENCE, if reverse { steps - 1 } else { 0 }, advance)),
        ("next", 1, window(SUMS, next, advance)),
        ("first", 1, window(SUMS, begin, 0)),
        ("last", 1, window(SUMS, steps - begin, 0)),
    ];
    let buffer = |(name, slots, place): (&str, usize, Place)| Buffer {
        name: name.into(),
        element: Element::F32,
        elements: pairs(slots),
        layout: Layout::RowMajor,
        packed_shape: vec![],
        place,
    };
    let launch = |name: &str, kernel, buffers: Vec<BufferId>, writes| {
        let cost = Cost { fixed: 1e6, per_example: 0.0 };
        Launch { name: name.into(), kernel, buffers, writes: vec![writes], tasks: pairs(1).into(), cost }
    };
    Program {
        name: "sums".into(),
        buffers: buffers.into_iter().map(buffer).collect(),
        scratch: pairs(4 * (2 * steps + 2)),
        inputs: vec![("initial".into(), INITIAL), ("sequence".into(), SEQUENCE)],
        results: vec![("sums".into(), SUMS), ("last".into(), LAST)],
        kernels: vec![add, copy],
        steps: vec![
            Step::Launches(vec![launch("copy", 1, vec![INITIAL, FIRST], FIRST)]),
            Step::Loop(Loop {
                count: steps,
                phases: vec![vec![launch("add", 0, vec![OLD, SLICE, NEXT], NEXT)]],
            }),
            Step::CheckFinite(LAST),
        ],
        code: Arc::new(NoCode),
    }
}

fn prepared(program: Program, threads: usize) -> (Machine, ProgramId) {
    let mut machine = Machine::new(StatePlan::default(), threads).unwrap();
    // SAFETY: the kernels keep the contract.
    let id = unsafe { machine.prepare(program) }.unwrap();
    (machine, id)
}

/// The sums of a batch of `n` examples, and the last one, of 1, 2, 3, … from `initial` on.
fn run(machine: &mut Machine, id: ProgramId, n: usize, initial: f32) -> (Vec<f32>, Vec<f32>) {
    let mut call = machine.call(id, n).unwrap();
    call.input(INITIAL).fill(initial);
    for (value, number) in call.input::<f32>(SEQUENCE).iter_mut().zip(1..) {
        *value = number as f32;
    }
    call.run().unwrap();
    (call.result(SUMS).to_vec(), call.result(LAST).to_vec())
}

#[test]
fn windows_move_by_the_slots_of_each_batch() {
    for (steps, reverse) in [(1, false), (1, true), (4, false), (5, true)] {
        for threads in [1, 3] {
            let (mut machine, id) = prepared(sums(steps, reverse), threads);
            for n in [1, 16, 3, 40] {
                let slot = 2 * n;
                let mut expected = vec![0.5; slot * (steps + 1)];
                for step in 0..steps {
                    let at = if reverse { steps - 1 - step } else { step };
                    let (old, next) = if reverse { (at + 1, at) } else { (at, at + 1) };
                    for i in 0..slot {
                        expected[next * slot + i] = expected[old * slot + i] + (at * slot + i + 1) as f32;
                    }
                }
                let (sums, last) = run(&mut machine, id, n, 0.5);
                assert_eq!(sums, expected, "{steps} steps, reverse {reverse}, batch {n}");
                let at = if reverse { 0 } else { steps };
                assert_eq!(last, expected[at * slot..][..slot]);
            }
        }
    }
}

/// A lent sequence would have to lie in the arena for its slices to.
#[test]
fn what_has_windows_is_not_lent() {
    let (mut machine, id) = prepared(sums(2, false), 1);
    let memory = vec![1.0f32; 4096];
    let mut call = machine.call(id, 3).unwrap();
    call.input(INITIAL).fill(0.0f32);
    let lent = Given { buffer: SEQUENCE, lent: Some(readable(&memory, 4)), must_be_finite: true };
    call.run_on(std::iter::once(lent)).unwrap();
    assert_eq!(call.result::<f32>(LAST), [2.0; 6]);
    assert_eq!(call.input::<f32>(SEQUENCE), [1.0; 12]);
}

#[test]
fn times_of_all_iterations_are_one() {
    let (mut machine, id) = prepared(sums(3, false), 1);
    let mut call = machine.call(id, 2).unwrap();
    call.input(INITIAL).fill(0.0f32);
    call.input(SEQUENCE).fill(1.0f32);
    let mut seconds = Vec::new();
    call.run_timed(std::iter::empty(), &mut seconds).unwrap();
    assert_eq!(seconds.len(), 2);
    assert_eq!(call.result::<f32>(LAST), [3.0; 4]);
}

#[test]
fn a_value_that_is_not_finite_is_found_in_a_window() {
    let (mut machine, id) = prepared(sums(2, false), 1);
    let mut call = machine.call(id, 1).unwrap();
    call.input(INITIAL).copy_from_slice(&[0.0, f32::INFINITY]);
    call.input(SEQUENCE).fill(1.0f32);
    let error = call.run().unwrap_err();
    assert!(matches!(error, RunError::NotFinite { index: 1, value: f32::INFINITY, .. }), "{error}");
}

#[test]
fn malformed_loops_are_refused() {
    let defect = |reverse: bool, change: fn(&mut Program)| {
        let mut broken = sums(4, reverse);
        change(&mut broken);
        let mut machine = Machine::new(StatePlan::default(), 1).unwrap();
        // SAFETY: the kernels keep the contract, and are not run.
        match unsafe { machine.prepare(broken) } {
            Err(RunError::Malformed { what, .. }) => what,
            other => panic!("expected a defect, found {other:?}"),
        }
    };
    fn window(program: &mut Program, id: BufferId) -> &mut Window {
        match &mut program.buffers[id.0 as usize].place {
            Place::Window(window) => window,
            other => panic!("{other:?} is no window"),
        }
    }
    fn repeated(program: &mut Program) -> &mut Loop {
        match &mut program.steps[1] {
            Step::Loop(repeated) => repeated,
            other => panic!("{other:?} is no loop"),
        }
    }
    let moves_out = |buffer: BufferId| Defect::MovesOut { step: 1, buffer: buffer.0 };
    assert_eq!(defect(false, |p| repeated(p).count = 5), moves_out(SLICE));
    assert_eq!(defect(true, |p| repeated(p).count = 5), moves_out(SLICE));
    assert_eq!(defect(false, |p| window(p, NEXT).advance = 2), moves_out(NEXT));
    assert_eq!(defect(false, |p| window(p, NEXT).advance = isize::MAX), moves_out(NEXT));
    assert_eq!(defect(true, |p| window(p, OLD).first = 2), moves_out(OLD));
    let outside = |buffer: BufferId| Defect::OutsideWindow { buffer: buffer.0 as usize };
    assert_eq!(defect(false, |p| window(p, LAST).first = 5), outside(LAST));
    assert_eq!(defect(false, |p| window(p, LAST).of = FIRST), outside(LAST));
    assert_eq!(defect(false, |p| window(p, LAST).of = BufferId(9)), outside(LAST));
    assert_eq!(defect(false, |p| window(p, LAST).slot.fixed = 1), outside(LAST));
    assert_eq!(defect(false, |p| p.buffers[7].element = Element::I32), outside(LAST));
    let no_kernel = Defect::NoKernel { step: 1, kernel: 2 };
    assert_eq!(defect(false, |p| repeated(p).phases[0][0].kernel = 2), no_kernel);
    let writes_input = Defect::WritesInput { step: 1, input: 1 };
    assert_eq!(defect(false, |p| repeated(p).phases[0][0].writes = vec![SLICE]), writes_input);
}
