//! Compiled functions do what their graphs mean in f64.

use dl_codegen::vector::Lanes;
use dl_ir::interp::{self, Environment};
use dl_ir::module::Function;
use dl_ir::types::DType;

use crate::generate::network;
use crate::random::Random;
use crate::subject::{Subject, fill, widths};

/// Runs every function of a network at every width, and compares results and new states with the interpreter's.
fn check(text: &str, batches: &[usize]) {
    for subject in Subject::all(text) {
        let mut random = Random::new(text.len() as u64);
        for &batch in batches {
            let environment = subject.environment(batch, &mut random);
            for function in &subject.module.functions {
                let expected = interp::run(function, &environment, batch);
                for lanes in widths() {
                    compare(&subject, function, &environment, batch, lanes, &expected);
                }
            }
        }
    }
}

fn compare(
    subject: &Subject,
    function: &Function,
    environment: &Environment,
    batch: usize,
    lanes: Lanes,
    expected: &interp::Outcome,
) {
    let (mut machine, id) = subject.machine(&subject.lower(function, lanes));
    subject.set_state(&mut machine, environment);
    let place =
        |name: &str| format!("{name} of {} of {}, batch {batch}, {lanes:?}", function.name, subject.text);
    let mut call = machine.call(id, batch).expect("memory");
    fill(&mut call, environment);
    call.run().unwrap_or_else(|error| panic!("{}: {error}", place("the loss")));
    for (name, buffer) in call.program().results.clone() {
        close(&call.plain_result::<f32>(buffer), &expected.results[&name].data, &place(&name));
    }
    for (slot, state) in subject.module.states.iter().enumerate() {
        let value = expected.updates.get(&state.name).unwrap_or(&environment[&state.name]);
        match value.dtype {
            DType::I32 => {
                let found: Vec<f64> = machine.state::<i32>(slot).into_iter().map(f64::from).collect();
                assert_eq!(found, value.data, "{}", place(&state.name));
            }
            _ => close(&machine.state::<f32>(slot), &value.data, &place(&state.name)),
        }
    }
}

/// Relative L2 error within 2e-5, which a wrong element of small tensors cannot hide in. Where all cancels out, as in the gradient of
/// what a norm takes away, rounding is left.
fn close(found: &[f32], expected: &[f64], place: &str) {
    assert_eq!(found.len(), expected.len(), "{place}");
    let norm = expected.iter().map(|v| v * v).sum::<f64>().sqrt();
    let error = found.iter().zip(expected).map(|(&f, &e)| (f64::from(f) - e).powi(2)).sum::<f64>().sqrt();
    assert!(error <= 2e-5 * norm.max(5e-3), "{place}: error {error:e} of {norm:e}\n{found:?}\n{expected:?}");
}

#[test]
fn softmax_regression() {
    check("< dense(31, 10, softmax) >, optimizer = sgd(lr = 0.1)", &[1, 2, 3, 17, 31, 33, 127]);
}

#[test]
fn two_layers() {
    check("< dense(33, 17, relu), dense(17, 3, softmax) >", &[1, 2, 3, 17, 33]);
}

/// The gradient of a product's left operand and that of its sum with others meet in one tensor.
#[test]
fn residual_after_relu() {
    check("< dense(6, 4, relu), residual(< dense(4, 4, tanh) >), dense(4, 3, softmax) >", &[1, 5]);
}

/// Batches of one chunk, of several, and of a chunk and a row.
#[test]
fn long_sums() {
    let batches = [1, 255, 256, 257, 1000, 5000];
    check("< dense(4, 3, tanh), dense(3, 2, softmax) >, optimizer = sgd(lr = 0.1, momentum = 0.9)", &batches);
}

/// Weights whose updates are computed a tile late, or not, by the batch; with tiles and a panel left over.
#[test]
fn updates_that_divide() {
    let layers = "< dense(49, 130, relu), dense(130, 3, softmax) >";
    check(layers, &[23, 24, 25, 60, 257]);
    check(&format!("{layers}, optimizer = rmsprop(lr = 0.001, momentum = 0.9)"), &[33]);
}

#[test]
fn normalized_layers() {
    check(
        "< dense(12, 24, relu), layer_norm(24), residual(< layer_norm(24), dense(24, 24, gelu) >) >",
        &[1, 5],
    );
    check(
        "< input(3, 33), layer_norm(33), dense(33, 17, tanh), batch_norm(17), flatten, dense(51, 3) >",
        &[17, 33],
    );
    check("< input(7, 17), batch_norm(17), flatten, dense(119, 2) >", &[3, 17]);
}

#[test]
fn dropped_elements() {
    let text =
        "< dropout(0.1), dense(33, 17, tanh), dropout(0.5), residual(< dropout(0.3), dense(17, 17) >) >";
    check(&text.replacen('<', "< input(33),", 1), &[1, 2, 17, 200]);
}

/// Weights of steps, whose gradients are sums over all steps of all examples: in one chunk, in several, and in part of one.
#[test]
fn sums_over_time() {
    check("< input(20, 7), dense(7, 37, tanh), dense(37, 2), flatten, dense(40, 2) >", &[1, 13, 33]);
}

/// Loops over time steps: of one step too, and of networks whose gradient goes on into another loop.
#[test]
fn recurrence() {
    check("< input(3, 5), rnn(5, 7), dense(7, 2) >", &[1, 5, 33]);
    check("< input(1, 24), dense(24, 128), rnn(128, 8), dense(8, 2) >", &[5, 33]);
    check("< input(1, 5), gru(5, 7), dense(7, 2) >", &[1, 17]);
    check(
        "< input(4, 3), lstm(3, 5, return_sequences = true), lstm(5, 2), dense(2, 2, softmax) >",
        &[1, 5, 33],
    );
    check("< input(5, 3), gru(3, 17, return_sequences = true), last, dense(17, 3, softmax) >", &[1, 2, 33]);
    check("< input(5, 3), rnn(3, 17, return_sequences = true), dense(17, 3, softmax) >", &[1, 2, 33]);
    // Gates in the epilogue of their product: of four parts, and of three.
    check("< input(3, 5), lstm(5, 32, return_sequences = true), gru(32, 64), dense(64, 2) >", &[1, 5, 33]);
}

/// Tables of one panel, of several, and of a single column; rows taken once, several times and not at all. Gradient descent alone adds to
/// the table in place; the others change all of it.
#[test]
fn tables() {
    let (sgd, momentum, adam) = ("sgd(lr = 0.1)", "sgd(lr = 0.1, momentum = 0.9)", "adam(lr = 0.01)");
    for (vocabulary, width, optimizer) in
        [(5, 1, sgd), (131, 70, sgd), (3, 64, sgd), (70, 17, momentum), (5, 1, adam)]
    {
        let text = format!(
            "< input(3), embedding({vocabulary}, {width}), flatten, dense({}, 2) >, optimizer = {optimizer}",
            3 * width
        );
        check(&text, &[1, 17]);
    }
    check(
        "< input(4), embedding(9, 6), layer_norm(6), lstm(6, 5, return_sequences = true), dense(5, 3, softmax) >",
        &[1, 5],
    );
}

#[test]
fn random_networks() {
    let mut random = Random::new(1);
    for _ in 0..20 {
        let sample = network(&mut random, 20_000);
        check(&sample.text, &[sample.batch]);
    }
}
