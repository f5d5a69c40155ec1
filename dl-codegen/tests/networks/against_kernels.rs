//! Machine code does what its kernels say, to the bit, and touches nothing else.

use dl_codegen::schedule::Binding;
use dl_codegen::vector::Lanes;
use dl_ir::interp::Environment;
use dl_ir::module::Function;
use dl_runtime::program::{BufferId, Place};

use crate::executor::{Guarded, Interpreted, initial, locate, plain};
use crate::generate::network;
use crate::random::Random;
use crate::subject::{Subject, fill, state_words, widths};

/// Runs a function by the kernel interpreter, between guard pages, and in its arena.
fn check(subject: &Subject, function: &Function, environment: &Environment, batch: usize, lanes: Lanes) {
    let place = format!("{} of {}, batch {batch}, {lanes:?}", function.name, subject.text);
    let lowered = subject.lower(function, lanes);
    let memory = initial(subject, &lowered, environment, batch);
    let mut guarded = Guarded::new(&lowered, batch, &memory);
    let mut interpreted = Interpreted { lowered: &lowered, batch, memory };
    for step in &lowered.plan.steps {
        let (count, phases) = step.phases();
        let iterations = (0..count).flat_map(|iteration| phases.iter().map(move |phase| (iteration, phase)));
        for (iteration, launches) in iterations {
            for (group, ids) in launches {
                interpreted.launch(*group, ids, iteration);
            }
            // Launches of one phase do not depend on each other.
            for (group, ids) in launches.iter().rev() {
                guarded.launch(*group, ids, iteration);
            }
            for &id in launches.iter().flat_map(|(_, ids)| ids) {
                let name = &lowered.plan.buffers[id.0 as usize].name;
                let (index, words) = locate(&lowered, id, batch, iteration);
                let (found, expected) = (guarded.words(index), &interpreted.memory[index]);
                assert_eq!(found[words.clone()], expected[words], "{name} of {place}");
            }
        }
    }
    let (mut machine, id) = subject.machine(&lowered);
    subject.set_state(&mut machine, environment);
    let mut call = machine.call(id, batch).expect("memory");
    fill(&mut call, environment);
    call.run().unwrap_or_else(|error| panic!("{place}: {error}"));
    let expected = |id: usize| {
        let (index, words) = locate(&lowered, BufferId(id as u32), batch, 0);
        plain(&interpreted.memory[index][words], &lowered.plan.buffers[id], batch)
    };
    for (name, id) in call.program().results.clone() {
        assert_eq!(bits(call.plain_result(id)), expected(id.0 as usize), "{name} of {place}");
    }
    for (id, buffer) in lowered.plan.buffers.iter().enumerate() {
        if let Place::State(slot) = buffer.place {
            assert_eq!(state_words(&machine, slot), expected(id), "{} of {place}", buffer.name);
        }
    }
}

fn bits(values: Vec<f32>) -> Vec<u32> {
    values.into_iter().map(f32::to_bits).collect()
}

/// Loops over time steps, on tails of every kind: carries in stacks and out of them, forward and back.
#[test]
fn recurrence() {
    let mut random = Random::new(8);
    for text in [
        "< input(3, 5), rnn(5, 7), dense(7, 2) >",
        "< input(4, 3), lstm(3, 5, return_sequences = true), lstm(5, 2), dense(2, 2) >",
        "< input(2, 3), gru(3, 17, return_sequences = true), last, dense(17, 3, softmax) >",
        "< input(1, 3), gru(3, 2), dense(2, 1) >",
        "< input(2, 3), lstm(3, 32), dense(32, 1) >",
    ] {
        let subject = Subject::all(text).swap_remove(0);
        for name in ["train_step", "gradients", "predict"] {
            let function = subject.module.function(name).expect("networks have it");
            for batch in [1, 5, 33] {
                let environment = subject.environment(batch, &mut random);
                widths().for_each(|lanes| check(&subject, function, &environment, batch, lanes));
            }
        }
    }
}

/// Random numbers, statistics of rows and of columns, on tails of every kind.
#[test]
fn norms_and_dropout() {
    let mut random = Random::new(6);
    let text = "< input(3, 17), dropout(0.5), layer_norm(17), batch_norm(17), residual(< dropout(0.1) >), flatten, dense(51, 2) >";
    let subject = Subject::all(text).swap_remove(0);
    for batch in [1, 2, 5, 33] {
        let environment = subject.environment(batch, &mut random);
        for function in &subject.module.functions {
            widths().for_each(|lanes| check(&subject, function, &environment, batch, lanes));
        }
    }
}

/// Rows taken from tables and added to them, in place and not.
#[test]
fn tables() {
    let mut random = Random::new(8);
    let (sgd, adam) = ("sgd(lr = 0.1)", "adam(lr = 0.01)");
    for (width, optimizer) in [(1, sgd), (17, adam), (70, sgd)] {
        let text = format!(
            "< input(3), embedding(70, {width}), flatten, dense({}, 2) >, optimizer = {optimizer}",
            3 * width
        );
        let subject = Subject::all(&text).swap_remove(0);
        for batch in [1, 33] {
            let environment = subject.environment(batch, &mut random);
            for function in &subject.module.functions {
                widths().for_each(|lanes| check(&subject, function, &environment, batch, lanes));
            }
        }
    }
}

#[test]
fn random_networks() {
    let mut random = Random::new(2);
    for _ in 0..12 {
        let sample = network(&mut random, 8_000);
        for subject in Subject::all(&sample.text) {
            let environment = subject.environment(sample.batch, &mut random);
            for function in &subject.module.functions {
                for lanes in widths() {
                    check(&subject, function, &environment, sample.batch, lanes);
                }
            }
        }
    }
}

/// Weights whose gradient is a product in blocks of examples, one block or several: in whole panels and with a narrow one behind.
#[test]
fn blocks() {
    let mut random = Random::new(6);
    let steps = "< input(6, 29), dense(29, 263, relu), flatten, dense(1578, 2) >";
    let cases: [(&str, &[usize]); 3] = [
        ("< dense(24, 256, tanh), dense(256, 2) >", &[1, 13, 100, 256]),
        ("< dense(29, 131, relu), dense(131, 2) >", &[43, 300]),
        (steps, &[1, 13, 43]),
    ];
    for (text, batches) in cases {
        let subject = Subject::all(text).swap_remove(0);
        let function = subject.module.function("train_step").expect("networks have it");
        let lowered = subject.lower(function, Lanes::L16);
        let has_blocks = |bindings: &Vec<Binding>| bindings.iter().any(|binding| binding.is_beside());
        assert!(lowered.bindings.iter().any(has_blocks), "no kernel of {text} has blocks");
        for &batch in batches {
            let environment = subject.environment(batch, &mut random);
            widths().for_each(|lanes| check(&subject, function, &environment, batch, lanes));
        }
    }
}

/// Views that kernels read where they lie, and elements that they put elsewhere.
#[test]
fn images_and_attention() {
    let mut random = Random::new(8);
    for text in [
        "< input(9, 12, 2), conv2d(2, 5, 3, relu), max_pool2d(2), conv2d(5, 4, 2, stride = 2, padding = same), flatten, dense(24, 3, softmax) >",
        "< input(4, 5, 1), conv2d(1, 19, (2, 3), tanh), avg_pool2d(2, stride = 1), global_avg_pool2d, dense(19, 1) >",
        "< input(5, 6), attention(6, 2, causal = true), flatten, dense(30, 2) >",
    ] {
        let subject = Subject::all(text).swap_remove(0);
        for name in ["train_step", "gradients", "predict"] {
            let function = subject.module.function(name).expect("networks have it");
            for batch in [1, 5] {
                let environment = subject.environment(batch, &mut random);
                widths().for_each(|lanes| check(&subject, function, &environment, batch, lanes));
            }
        }
    }
}

/// Weights whose gradients are added up in chunks: narrow ones, and one that ends in a narrow panel.
#[test]
fn long_sums() {
    let mut random = Random::new(4);
    let wide = "< dense(2, 37), dense(37, 1) >, loss = mse, optimizer = sgd(lr = 0.01)";
    for text in ["< dense(4, 3, tanh), dense(3, 2, softmax) >", wide] {
        let subject = Subject::all(text).swap_remove(0);
        let function = subject.module.function("train_step").expect("networks have it");
        for batch in [1, 255, 256, 257, 1000] {
            let environment = subject.environment(batch, &mut random);
            widths().for_each(|lanes| check(&subject, function, &environment, batch, lanes));
        }
    }
}
