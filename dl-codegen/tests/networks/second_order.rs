//! Gradients of gradients: a network trained on its loss and on how steep it is.

use dl_ir::autodiff;
use dl_ir::builder::Builder;
use dl_ir::interp;
use dl_ir::layers::Mode;
use dl_ir::module::{Function, Module};
use dl_ir::network::Network;
use dl_ir::types::Shape;
use dl_ir::value::Value;
use dl_ir::{build, passes};

use crate::random::Random;
use crate::subject::{Subject, fill, widths};

const TEXT: &str = "< dense(8, 16, tanh), layer_norm(16), residual(< dense(16, 16, gelu) >), dense(16, 1) >, optimizer = adam(lr = 0.01)";

/// The network's training step with the loss fit + weight · mean‖∂output/∂x‖², as results both and the mean (Gulrajani et al., 2017).
fn penalized(network: &Network, weight: f64) -> Function {
    let mut b = Builder::new();
    let x = b.input("x", network.input_type());
    let y = b.input("y", network.target_types()[0].clone());
    let forward = network.forward(&mut b, Mode::Training, x);
    let fit = network.loss().build(&mut b, &forward, y);
    let ones = b.constant_like(1.0, forward.output);
    let slope = autodiff::vjp(&mut b, &[(forward.output, ones)], &[x])[0];
    let squares = b.mul(slope, slope);
    let sum = b.reduce_sum(squares, &[0, 1]);
    let count = b.batch_size(1);
    let penalty = b.div(sum, count);
    let weighted = b.scale(weight, penalty);
    let loss = b.add(fit, weighted);

    let parameters = network.parameters();
    let nodes: Vec<_> = parameters.iter().map(|p| b.state(&p.name, p.ty.clone())).collect();
    let one = b.constant(1.0, Shape::scalar());
    let gradients = autodiff::vjp(&mut b, &[(loss, one)], &nodes);
    let named = parameters.iter().zip(nodes).zip(gradients);
    let named: Vec<_> = named.map(|((p, node), gradient)| (p.name.as_str(), node, gradient)).collect();
    let updates = network.optimizer().build(&mut b, &named);
    let results = vec![("loss".to_owned(), loss), ("penalty".to_owned(), penalty)];
    Function { name: "train_step".to_owned(), graph: b.finish(), results, updates }
}

fn subject(weight: f64) -> Subject {
    let network = Network::parse(TEXT).expect("a network without mistakes");
    let module = Module { functions: vec![penalized(&network, weight)], ..build::declarations(&network) };
    let module = passes::optimize(module, |_, _| ()).expect("passes keep modules valid");
    let mut subject = Subject::all(TEXT).swap_remove(0);
    subject.module = module;
    subject
}

#[test]
fn compiled_steps_do_what_their_graphs_mean() {
    let subject = subject(0.5);
    let function = &subject.module.functions[0];
    let mut random = Random::new(8);
    for batch in [1, 7, 32] {
        let environment = subject.environment(batch, &mut random);
        let expected = interp::run(function, &environment, batch);
        for lanes in widths() {
            let (mut machine, id) = subject.machine(&subject.lower(function, lanes));
            subject.set_state(&mut machine, &environment);
            let mut call = machine.call(id, batch).expect("memory");
            fill(&mut call, &environment);
            call.run().expect("finite");
            for (name, buffer) in call.program().results.clone() {
                let (found, expected) =
                    (f64::from(call.result::<f32>(buffer)[0]), expected.results[&name].data[0]);
                assert!(
                    (found - expected).abs() <= 1e-5 * expected.abs(),
                    "{name}, batch {batch}: {found} {expected}"
                );
            }
            for (slot, state) in subject.module.states.iter().enumerate() {
                let Some(expected) = expected.updates.get(&state.name) else { continue };
                let found = machine.state::<f32>(slot);
                let norm = expected.data.iter().map(|v| v * v).sum::<f64>().sqrt();
                let differences = found.iter().zip(&expected.data).map(|(&f, &e)| (f64::from(f) - e).powi(2));
                let error = differences.sum::<f64>().sqrt();
                assert!(
                    error <= 5e-5 * norm.max(1e-3),
                    "{}, batch {batch}: {error:e} of {norm:e}",
                    state.name
                );
            }
        }
    }
}

/// Loss and penalty after training on the same batch.
fn train(weight: f64, steps: usize) -> [f32; 2] {
    const BATCH: usize = 32;
    let subject = subject(weight);
    let lanes = widths().next().expect("128 bits are everywhere");
    let (mut machine, id) = subject.machine(&subject.lower(&subject.module.functions[0], lanes));
    let mut environment = subject.environment(BATCH, &mut Random::new(9));
    for state in &subject.module.states {
        if state.name.starts_with("adam") {
            environment.insert(state.name.clone(), Value::from_fn(&state.ty, 1, |_| 0.0));
        }
    }
    environment.insert("lr".to_owned(), Value::f32(&[], vec![0.01]));
    subject.set_state(&mut machine, &environment);
    let mut last = [0.0; 2];
    for _ in 0..steps {
        let mut call = machine.call(id, BATCH).expect("memory");
        fill(&mut call, &environment);
        call.run().expect("finite");
        for ((_, buffer), value) in call.program().results.iter().zip(&mut last) {
            *value = call.result::<f32>(*buffer)[0];
        }
    }
    last
}

#[test]
fn a_penalty_on_gradients_makes_a_network_flat() {
    let [_, steep] = train(0.0, 100);
    let ([first, _], [last, flat]) = (train(1.0, 1), train(1.0, 100));
    assert!(
        last < 0.5 * first && flat < 0.1 * steep,
        "loss {first} to {last}; penalty {flat} against {steep}"
    );
}
