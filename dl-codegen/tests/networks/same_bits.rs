//! Training leaves the same bits at every width and on every number of threads.

use std::hash::{DefaultHasher, Hash, Hasher};

use dl_codegen::vector::Lanes;
use dl_ir::interp::Environment;
use dl_ir::optimizers::LEARNING_RATE;
use dl_ir::value::Value;
use dl_runtime::machine::{Machine, ProgramId};
use dl_runtime::program::{Cost, Step};

use crate::generate::network;
use crate::random::Random;
use crate::subject::{Subject, fill, widths};

const STEPS: usize = 20;
const THREADS: [usize; 4] = [1, 2, 3, 5];

/// A machine for training, whose threads share every kernel.
fn machine(subject: &Subject, lanes: Lanes) -> (Machine, ProgramId) {
    let function = subject.module.function("train_step").expect("networks have it");
    let mut program = subject.lower(function, lanes).compile().expect("code");
    for step in &mut program.steps {
        if let Step::Launches(launches) = step {
            launches.iter_mut().for_each(|launch| launch.cost = Cost { fixed: 1e9, per_example: 0.0 });
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
        for value in machine.state::<f32>(slot) {
            value.to_bits().hash(&mut hasher);
        }
    }
    hasher.finish()
}

#[test]
fn random_networks() {
    let mut random = Random::new(3);
    for _ in 0..12 {
        let sample = network(&mut random, 30_000);
        let subject = Subject::all(&sample.text).swap_remove(0);
        let mut environment = subject.environment(sample.batch, &mut random);
        environment.insert(LEARNING_RATE.to_owned(), Value::f32(&[], vec![0.001]));
        let mut first = None;
        for lanes in widths() {
            let (mut machine, id) = machine(&subject, lanes);
            for threads in THREADS {
                machine.set_threads(threads);
                let found = train(&subject, &mut machine, id, &environment, sample.batch);
                let place = || format!("{}, batch {}", sample.text, sample.batch);
                assert_eq!(found, *first.get_or_insert(found), "{lanes:?}, {threads} threads: {}", place());
            }
        }
    }
}
