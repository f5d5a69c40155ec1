//! Machine code does what its kernels say, to the bit, and touches nothing else.

use dl_codegen::plan::PlanStep;
use dl_codegen::vector::Lanes;
use dl_ir::interp::Environment;
use dl_ir::module::Function;
use dl_runtime::program::Place;

use crate::executor::{Guarded, Interpreted, initial, plain};
use crate::generate::network;
use crate::random::Random;
use crate::subject::{Subject, fill, widths};

/// Runs a function by the kernel interpreter, between guard pages, and in its arena.
fn check(subject: &Subject, function: &Function, environment: &Environment, batch: usize, lanes: Lanes) {
    let place = format!("{} of {}, batch {batch}, {lanes:?}", function.name, subject.text);
    let lowered = subject.lower(function, lanes);
    let memory = initial(subject, &lowered, environment, batch);
    let mut guarded = Guarded::new(&lowered, batch, &memory);
    let mut interpreted = Interpreted { lowered: &lowered, batch, memory };
    for step in &lowered.plan.steps {
        let PlanStep::Launches(launches) = step else { continue };
        for (group, ids) in launches {
            interpreted.launch(*group, ids);
        }
        // Launches of one step do not depend on each other.
        for (group, ids) in launches.iter().rev() {
            guarded.launch(*group, ids);
        }
        for &id in launches.iter().flat_map(|(_, ids)| ids) {
            let buffer = &lowered.plan.buffers[id.0 as usize];
            let len = buffer.elements.at(batch);
            let (found, expected) = (guarded.words(id), &interpreted.memory[id.0 as usize]);
            assert_eq!(found[..len], expected[..len], "{} of {place}", buffer.name);
        }
    }
    let (mut machine, id) = subject.machine(&lowered);
    subject.set_state(&mut machine, environment);
    let mut call = machine.call(id, batch).expect("memory");
    fill(&mut call, environment);
    call.run().unwrap_or_else(|error| panic!("{place}: {error}"));
    let expected = |id: usize| plain(&interpreted.memory[id], &lowered.plan.buffers[id], batch);
    for (name, id) in call.program().results.clone() {
        assert_eq!(bits(call.plain_result(id)), expected(id.0 as usize), "{name} of {place}");
    }
    for (id, buffer) in lowered.plan.buffers.iter().enumerate() {
        if let Place::State(slot) = buffer.place {
            assert_eq!(bits(machine.state(slot)), expected(id), "{} of {place}", buffer.name);
        }
    }
}

fn bits(values: Vec<f32>) -> Vec<u32> {
    values.into_iter().map(f32::to_bits).collect()
}

/// Checks all functions of a network for all kinds of targets at all widths.
fn check_all(text: &str, batch: usize, random: &mut Random) {
    for subject in Subject::all(text) {
        let environment = subject.environment(batch, random);
        for function in &subject.module.functions {
            for lanes in widths() {
                check(&subject, function, &environment, batch, lanes);
            }
        }
    }
}

#[test]
fn random_networks() {
    let mut random = Random::new(2);
    for _ in 0..12 {
        let sample = network(&mut random, 8_000);
        check_all(&sample.text, sample.batch, &mut random);
    }
}

/// Weights whose gradients are added up in chunks: narrow ones, and one that ends in a narrow panel.
#[test]
fn long_sums() {
    let mut random = Random::new(4);
    for batch in [1, 255, 256, 257, 1000] {
        check_all("< dense(4, 3, tanh), dense(3, 2, softmax) >", batch, &mut random);
        check_all(
            "< dense(2, 37), dense(37, 1) >, loss = mse, optimizer = sgd(lr = 0.01)",
            batch,
            &mut random,
        );
    }
}
