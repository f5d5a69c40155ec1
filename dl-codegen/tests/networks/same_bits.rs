//! Training leaves the same bits at every width and on every number of threads.

use std::hash::{DefaultHasher, Hash, Hasher};

use dl_codegen::fuse::Anchor;
use dl_codegen::vector::Lanes;
use dl_ir::interp::Environment;
use dl_ir::ops::Op;
use dl_ir::optimizers::LEARNING_RATE;
use dl_ir::value::Value;
use dl_runtime::machine::{Machine, ProgramId};
use dl_runtime::program::{Cost, Step};

use crate::generate::network;
use crate::random::Random;
use crate::subject::{Subject, fill, state_words, widths};

const STEPS: usize = 20;
const THREADS: [usize; 4] = [1, 2, 3, 5];

/// A machine for training, whose threads share every kernel.
fn machine(subject: &Subject, lanes: Lanes) -> (Machine, ProgramId) {
    let function = subject.module.function("train_step").expect("networks have it");
    let mut program = subject.lower(function, lanes).compile().expect("code");
    for step in &mut program.steps {
        let phases = match step {
            Step::Launches(launches) => std::slice::from_mut(launches),
            Step::Loop(repeated) => &mut repeated.phases,
            Step::CheckFinite(_) => continue,
        };
        for launch in phases.iter_mut().flatten() {
            launch.cost = Cost { fixed: 1e9, per_example: 0.0 };
        }
    }
    let mut machine = Machine::new(subject.state(lanes), 1).expect("memory");
    // SAFETY: the program is the compiler's, with other costs, which bounds do not depend on.
    let id = unsafe { machine.prepare(program) }.expect("a valid program");
    (machine, id)
}

/// A hash of the losses of training from these values, and of all state then.
fn train(
    subject: &Subject,
    machine: &mut Machine,
    id: ProgramId,
    environment: &Environment,
    batch: usize,
) -> u64 {
    let mut hasher = DefaultHasher::new();
    subject.set_state(machine, environment);
    for _ in 0..STEPS {
        let mut call = machine.call(id, batch).expect("memory");
        fill(&mut call, environment);
        call.run().unwrap_or_else(|error| panic!("{}: {error}", subject.text));
        for &(_, result) in &call.program().results {
            call.result::<f32>(result)[0].to_bits().hash(&mut hasher);
        }
    }
    for slot in 0..subject.module.states.len() {
        state_words(machine, slot).hash(&mut hasher);
    }
    hasher.finish()
}

/// Trains at every width and number of threads, and asserts that the outcome is the same.
fn check(text: &str, batch: usize, random: &mut Random) {
    let subject = Subject::all(text).swap_remove(0);
    let mut environment = subject.environment(batch, random);
    environment.insert(LEARNING_RATE.to_owned(), Value::f32(&[], vec![0.001]));
    let mut first = None;
    for lanes in widths() {
        let (mut machine, id) = machine(&subject, lanes);
        for threads in THREADS {
            machine.set_threads(threads);
            let found = train(&subject, &mut machine, id, &environment, batch);
            let place = || format!("{lanes:?}, {threads} threads: {text}, batch {batch}");
            assert_eq!(found, *first.get_or_insert(found), "{}", place());
        }
    }
}

#[test]
fn random_networks() {
    let mut random = Random::new(3);
    for _ in 0..12 {
        let sample = network(&mut random, 30_000);
        check(&sample.text, sample.batch, &mut random);
    }
}

/// Statistics of rows and columns, and masks, which change from step to step.
#[test]
fn norms_and_dropout() {
    let mut random = Random::new(7);
    let text = "< dense(20, 33, relu), layer_norm(33), dropout(0.3), reshape(3, 11), batch_norm(11), flatten, dense(33, 4, softmax) >";
    for batch in [2, 37] {
        check(text, batch, &mut random);
    }
}

/// Loops over time steps.
#[test]
fn recurrence() {
    let mut random = Random::new(8);
    for text in [
        "< input(4, 5), lstm(5, 17, return_sequences = true), gru(17, 33), dense(33, 4, softmax) >",
        "< input(3, 5), lstm(5, 64, return_sequences = true), gru(64, 32), dense(32, 4, softmax) >",
    ] {
        for batch in [1, 2, 37] {
            check(text, batch, &mut random);
        }
    }
}

/// Gradients of weights that are products in blocks of examples, one block and several.
#[test]
fn blocks() {
    for (text, batch) in [
        ("< dense(29, 263, relu), dense(263, 2) >", 100),
        ("< dense(29, 131, relu), dense(131, 2) >", 300),
        ("< dense(7, 131, relu), dense(131, 37, tanh), dense(37, 2) >", 37),
        ("< dense(7, 131, relu), dense(131, 37, tanh), dense(37, 2) >", 1),
        ("< input(6, 29), dense(29, 263, relu), flatten, dense(1578, 2) >", 100),
    ] {
        check(text, batch, &mut Random::new(6));
    }
}

/// Images whose tiles are rows of pixels, and small ones whose tiles are examples; windows that overlap, and that do not.
#[test]
fn images() {
    let mut random = Random::new(7);
    for text in [
        "< input(9, 12, 2), conv2d(2, 5, 3, relu), max_pool2d(2), conv2d(5, 4, 2, stride = 2, padding = same), flatten, dense(24, 3, softmax) >",
        "< input(4, 4, 3), conv2d(3, 37, (2, 3), tanh), max_pool2d(2, stride = 1), global_avg_pool2d, dense(37, 1) >",
    ] {
        for batch in [1, 7, 19] {
            check(text, batch, &mut random);
        }
    }
}

/// Many rows are added to each row of a table, in the order of their examples.
#[test]
fn tables() {
    let mut random = Random::new(8);
    for optimizer in ["sgd(lr = 0.1)", "adam(lr = 0.01)"] {
        let text = format!(
            "< input(7), embedding(11, 70), layer_norm(70), flatten, dense(490, 4, softmax) >, optimizer = {optimizer}"
        );
        for batch in [2, 37] {
            check(&text, batch, &mut random);
        }
    }
}

#[test]
fn long_sums() {
    let mut random = Random::new(5);
    for batch in [1, 255, 256, 257, 1000, 5000] {
        check("< dense(4, 3, tanh), dense(3, 2, softmax) >", batch, &mut random);
    }
}

/// State after a step of gradient descent; `shows_gradients` makes results of the sums, which are then not cut into chunks.
fn step(subject: &Subject, environment: &Environment, batch: usize, shows_gradients: bool) -> Vec<u32> {
    let mut function = subject.module.function("train_step").expect("networks have it").clone();
    if shows_gradients {
        let sums = function.graph.ids().filter(|&id| {
            let is_static =
                function.graph.node(id).ty.as_tensor().is_some_and(|ty| ty.shape.as_fixed().is_some());
            is_static && matches!(function.graph.op(id), Op::Einsum(_))
        });
        let sums: Vec<_> = sums.map(|id| (format!("gradient{}", id.0), id)).collect();
        function.results.extend(sums);
    }
    let lowered = subject.lower(&function, Lanes::L4);
    let n_totals = lowered.groups.iter().filter(|g| matches!(g.anchor, Some(Anchor::Total(_)))).count();
    assert_eq!(n_totals, if shows_gradients { 0 } else { 2 });
    let (mut machine, id) = subject.machine(&lowered);
    subject.set_state(&mut machine, environment);
    let mut call = machine.call(id, batch).expect("memory");
    fill(&mut call, environment);
    call.run().expect("a finite loss");
    (0..subject.module.states.len()).flat_map(|slot| machine.state::<f32>(slot)).map(f32::to_bits).collect()
}

#[test]
fn one_chunk_is_the_whole_sum() {
    let mut random = Random::new(6);
    let text = "< dense(4, 3, tanh), dense(3, 2, softmax) >, optimizer = sgd(lr = 0.1)";
    let subject = Subject::all(text).swap_remove(0);
    for (batch, has_one_chunk) in [(1, true), (255, true), (256, true), (2000, false)] {
        let environment = subject.environment(batch, &mut random);
        let [chunks, whole] = [false, true].map(|shows| step(&subject, &environment, batch, shows));
        assert_eq!(chunks == whole, has_one_chunk, "batch {batch}");
    }
}
