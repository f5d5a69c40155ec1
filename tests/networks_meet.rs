//! Networks that meet: a gradient goes through one that stays as it is into another, and steps of several do not disturb each other.

mod common;

use common::state::{State, twins};
use dl::{Gradients, Network};
use ndarray::{Array1, Array2, ArrayD, Axis, concatenate};

const GENERATOR: &str = "dense(3, 10, leaky_relu), layer_norm(10), dense(10, 6, tanh)";
const DISCRIMINATOR: &str = "judge: dense(6, 9, silu), verdict: dense(9, 1, sigmoid)";

fn network(layers: &str) -> Network {
    let [net, _] = twins(&format!("< {layers} >"));
    net
}

fn examples(n: usize, features: usize) -> Array2<f32> {
    Array2::from_shape_fn((n, features), |(row, column)| ((row * features + column) as f32 * 0.37).sin())
}

fn assert_close(found: &ArrayD<f32>, expected: &ArrayD<f32>, name: &str) {
    let norm = |values: &ArrayD<f32>| values.iter().map(|value| value * value).sum::<f32>().sqrt();
    assert!(norm(expected) > 1e-4, "{name} says nothing");
    assert!(norm(&(found - expected)) < 1e-5 * norm(expected), "{name}: {found} for {expected}");
}

fn of_x(gradients: &Gradients) -> &ArrayD<f32> {
    gradients.x().expect("real examples")
}

#[test]
fn the_gradient_through_two_networks_is_that_of_the_joined_one() {
    let (mut generator, mut discriminator) = (network(GENERATOR), network(DISCRIMINATOR));
    let mut joined = network(&format!("{GENERATOR}, {DISCRIMINATOR}"));
    for (name, value) in generator.parameters().into_iter().chain(discriminator.parameters()) {
        joined.set_parameter(&name, &value).expect("a parameter of one of the parts");
    }

    let (z, wanted) = (examples(7, 3), Array1::<f32>::ones(7));
    let painted = generator.forward(&z).expect("finite").to_owned();
    let through = discriminator.gradients(&painted, &wanted).expect("finite");
    let found = generator.vjp(&z, of_x(&through)).expect("finite");
    let expected = joined.gradients(&z, &wanted).expect("finite");
    assert!((through.loss() - expected.loss()).abs() < 1e-6);
    for (name, gradient) in &found {
        assert_close(gradient, &expected[name], name);
    }
    for (name, gradient) in &through {
        assert_close(gradient, &expected[name], name);
    }
    assert_close(of_x(&found), of_x(&expected), "x");

    // The same by vjp alone, from a cotangent of the last output.
    let dy = examples(7, 1);
    let through = discriminator.vjp(&painted, &dy).expect("finite");
    let found = generator.vjp(&z, of_x(&through)).expect("finite");
    let expected = joined.vjp(&z, &dy).expect("finite");
    for (name, gradient) in &found {
        assert_close(gradient, &expected[name], name);
    }
}

#[test]
fn the_gradient_of_x_is_the_slope_along_it() {
    let mut net = network(DISCRIMINATOR);
    let (x, direction, dy) = (examples(5, 6), examples(5, 6).mapv(f32::cos), examples(5, 1));
    let grads = net.vjp(&x, &dy).expect("finite");
    let expected: f32 = (of_x(&grads) * &direction).sum();
    let mut along = |step: f32| (net.forward(&x + step * &direction).expect("finite").to_owned() * &dy).sum();
    let slope = (along(1e-2) - along(-1e-2)) / 2e-2;
    assert!(expected.abs() > 1e-2 && (slope - expected).abs() < 1e-3 * expected.abs(), "{slope} {expected}");
}

/// Masks and running statistics too: a gradient that passes through leaves nothing behind.
#[test]
fn a_network_that_a_gradient_passes_through_stays_as_it_is() {
    let text = "< dense(6, 16), batch_norm(16), leaky_relu, dropout(0.3), dense(16, 1, sigmoid) >";
    let [mut net, mut twin] = twins(text);
    let (x, y) = (examples(8, 6), Array1::<f32>::ones(8));
    for net in [&mut net, &mut twin] {
        net.train_step(&x, &y).expect("finite");
    }
    net.vjp(&x, examples(8, 1)).expect("finite");
    net.gradients(&x, &y).expect("finite");
    assert_eq!((State::of(&net), net.steps()), (State::of(&twin), twin.steps()));
    let losses = [&mut net, &mut twin].map(|net| net.train_step(&x, &y).expect("finite").to_bits());
    assert_eq!(losses[0], losses[1]);
    assert_eq!(State::of(&net), State::of(&twin));
}

/// Each of three networks, one step of each in turn, is what it is when it is trained alone.
#[test]
fn steps_of_several_networks_do_not_disturb_each_other() {
    let texts = [
        "< dense(6, 20, gelu), dropout(0.2), dense(20, 3, softmax) >",
        "< dense(6, 7), batch_norm(7), tanh, dense(7, 3, softmax) >, optimizer = rmsprop(lr = 0.01)",
        "< input(3, 2, 1), conv2d(1, 4, 2, relu), flatten, dense(8, 3, softmax) >, optimizer = sgd(lr = 0.1, momentum = 0.9)",
    ];
    let step = |net: &mut Network, step: usize| {
        let shape = [vec![4 + step], net.input_shape().to_vec()].concat();
        let x = examples(4 + step, 6).into_shape_with_order(shape).expect("six features");
        let y = Array1::from_shape_fn(4 + step, |row| (row + step) % 3);
        net.train_step(&x, &y).expect("finite");
        net.predict(&x).map(drop).expect("finite");
    };
    let (mut together, mut alone): (Vec<_>, Vec<_>) = texts.iter().map(|text| twins(text).into()).unzip();
    (0..5).for_each(|i| together.iter_mut().for_each(|net| step(net, i)));
    alone.iter_mut().for_each(|net| (0..5).for_each(|i| step(net, i)));
    for (net, other) in together.iter().zip(&alone) {
        assert_eq!(State::of(net), State::of(other), "{}", net.network());
    }
}

/// Everything together: the discriminator learns to tell, and the generator to be taken for real.
#[test]
fn a_generator_learns_through_a_discriminator() {
    let (mut generator, mut discriminator) = (network(GENERATOR), network(DISCRIMINATOR));
    let (z, real) = (examples(16, 3), Array2::from_elem((16, 6), 0.5f32));
    let painted = generator.forward(&z).expect("finite").to_owned();
    let both = concatenate![Axis(0), real.view().into_dyn(), painted];
    let labels = concatenate![Axis(0), Array1::<f32>::ones(16), Array1::zeros(16)];
    for _ in 0..100 {
        discriminator.train_step(&both, &labels).expect("finite");
    }
    let fixed = State::of(&discriminator);
    let wanted = Array1::<f32>::ones(16);
    let mut losses = Vec::new();
    for _ in 0..100 {
        let painted = generator.forward(&z).expect("finite").to_owned();
        let through = discriminator.gradients(&painted, &wanted).expect("finite");
        losses.push(through.loss());
        let grads = generator.vjp(&z, of_x(&through)).expect("finite");
        generator.apply_gradients(&grads).expect("its gradients");
    }
    assert!(losses[99] < 0.5 * losses[0], "{} {}", losses[0], losses[99]);
    assert_eq!(State::of(&discriminator), fixed);
}
