//! Training in parts of one's own: gradients, vjp, forward, apply_gradients, the learning rate.

mod common;

use std::collections::BTreeMap;

use common::state::{State, twins};
use dl::{Network, network};
use ndarray::{Array1, Array2, ArrayD, array};

const OPTIMIZERS: [&str; 6] = [
    "sgd(lr = 0.1)",
    "sgd(lr = 0.1, momentum = 0.9, nesterov = true, weight_decay = 0.01)",
    "rmsprop(lr = 0.01, momentum = 0.5)",
    "adam",
    "adamw(lr = 0.01, weight_decay = 0.1)",
    "adagrad(lr = 0.1)",
];

fn examples(n: usize) -> Array2<f32> {
    Array2::from_shape_fn((n, 4), |(row, column)| ((row * 4 + column) as f32 * 0.37).sin())
}

fn classes(n: usize) -> Array1<i64> {
    Array1::from_shape_fn(n, |row| row as i64 % 3)
}

#[test]
fn gradients_and_their_update_are_a_step_to_the_bit() {
    for optimizer in OPTIMIZERS {
        let text = "< dense(4, 21, tanh), residual(< dense(21, 21, silu) >), dense(21, 3, softmax) >";
        let [mut whole, mut parts] = twins(&format!("{text}, optimizer = {optimizer}"));
        for n in [5, 1, 7] {
            let loss = whole.train_step(examples(n), classes(n)).expect("finite");
            let grads = parts.gradients(examples(n), classes(n)).expect("finite");
            assert_eq!(grads.loss().to_bits(), loss.to_bits(), "{optimizer}");
            parts.apply_gradients(&grads).expect("gradients of the network");
            assert_eq!(State::of(&parts), State::of(&whole), "{optimizer}, batch {n}");
        }
        assert_eq!((parts.steps(), whole.steps()), (3, 3));
    }
}

/// The masks are those of the step at hand, in every function of training, and new ones after an update.
#[test]
fn masks_are_the_same_until_the_next_step() {
    let text = "< dense(4, 64, relu), dropout(0.5), dense(64, 3) >, loss = mse, optimizer = sgd(lr = 0)";
    let [mut net, mut twin] = twins(text);
    let x = examples(8);
    let first = net.forward(&x).expect("finite").to_owned();
    assert_eq!(net.forward(&x).expect("finite"), first);
    assert_ne!(net.predict(&x).expect("finite"), first);
    // At this target the loss is 0 with these masks alone.
    let grads = net.gradients(&x, &first).expect("finite");
    assert_eq!(grads.loss(), 0.0);
    // Σ dy·output with dy = output.
    let squares: f32 = first.iter().map(|output| output * output).sum();
    assert!((net.vjp(&x, &first).expect("finite").loss() - squares).abs() < 1e-4 * squares);
    net.apply_gradients(&grads).expect("gradients of the network");
    twin.train_step(&x, &first).expect("finite");
    assert_eq!(State::of(&net), State::of(&twin));
    assert_ne!(net.forward(&x).expect("finite"), first);
}

/// Running statistics are train_step's alone.
#[test]
fn buffers_stay_in_a_loop_of_ones_own() {
    let [mut net, mut twin] = twins("< dense(4, 6), batch_norm(6), dense(6, 3, softmax) >");
    let grads = net.gradients(examples(5), classes(5)).expect("finite");
    assert!(grads.get("batch_norm0.running_mean").is_none());
    net.apply_gradients(&grads).expect("gradients of the network");
    twin.train_step(examples(5), classes(5)).expect("finite");
    for (name, found) in net.parameters() {
        let is_buffer = name.contains("running");
        assert_eq!(found != twin.parameter(&name).expect("a parameter"), is_buffer, "{name}");
    }
    for error in [
        net.forward(examples(1)).map(drop).expect_err("no variance"),
        net.vjp(examples(1), Array2::<f32>::zeros((1, 3))).map(drop).expect_err("no variance"),
    ] {
        assert!(matches!(error, dl::Error::SmallBatch { found: 1, .. }), "{error}");
    }
}

#[test]
fn gradients_are_found_by_name() {
    let [mut net, _] = twins("< first: dense(4, 5, relu), dense(5, 3, softmax) >");
    let mut grads = net.gradients(examples(2), classes(2)).expect("finite");
    let names: Vec<&str> = grads.iter().map(|(name, _)| name).collect();
    assert_eq!(names, ["first.weight", "first.bias", "dense1.weight", "dense1.bias"]);
    assert_eq!(grads["dense1.weight"].shape(), [5, 3]);
    assert_eq!(grads.x().expect("real examples").shape(), [2, 4]);
    assert!(grads.get("dense0.weight").is_none() && grads.get("x").is_none());
    grads["first.bias"].fill(2.0);
    assert_eq!(grads.get("first.bias").expect("a parameter").sum(), 10.0);
}

#[test]
fn the_product_with_the_derivative_of_a_loss_is_its_gradient() {
    let [mut net, twin] = twins("< dense(4, 5, tanh), dense(5, 2) >, loss = mse");
    let (x, y) = (examples(6), Array2::from_shape_fn((6, 2), |(row, column)| (row + column) as f32 * 0.1));
    let expected = net.gradients(&x, &y).expect("finite");
    let output = net.forward(&x).expect("finite").to_owned();
    assert_eq!(output, net.predict(&x).expect("finite"), "without dropout both modes are the same");
    let dy = (&output - &y) * (2.0 / 12.0);
    let found = net.vjp(&x, &dy).expect("finite");
    assert!((found.loss() - (&output * &dy).sum()).abs() < 1e-5);
    for ((name, found), (_, expected)) in found.iter().zip(&expected) {
        assert!((found - expected).iter().all(|difference| difference.abs() < 1e-6), "{name}");
        assert!(expected.iter().any(|value| value.abs() > 1e-3), "{name} says nothing");
    }
    let of_x = (found.x().expect("real"), expected.x().expect("real"));
    assert!((of_x.0 - of_x.1).iter().all(|difference| difference.abs() < 1e-6));
    assert_eq!(State::of(&net), State::of(&twin));
}

#[test]
fn a_cotangent_of_one_number_an_example() {
    let [mut net, _] = twins("< dense(4, 1) >");
    let (flat, column) = (array![1.0f32, -2.0, 0.5], array![[1.0f32], [-2.0], [0.5]]);
    let (flat, column) = (net.vjp(examples(3), &flat), net.vjp(examples(3), &column));
    assert_eq!(flat.expect("finite"), column.expect("finite"));
}

#[test]
fn gradients_may_come_from_anywhere() {
    let [mut net, mut twin] = twins("< dense(4, 3) >, optimizer = sgd(lr = 0.5)");
    let weight = Array2::from_shape_fn((3, 4), |(row, column)| row as f32 - column as f32);
    let map: BTreeMap<String, ArrayD<f32>> = BTreeMap::from([
        ("dense0.bias".to_owned(), array![1.0f32, 2.0, 3.0].into_dyn()),
        ("dense0.weight".to_owned(), weight.t().to_owned().into_dyn()),
    ]);
    let before = net.parameter("dense0.weight").expect("a parameter");
    net.apply_gradients(&map).expect("gradients of the network");
    assert_eq!(net.parameter("dense0.bias").expect("a parameter"), array![-0.5f32, -1.0, -1.5].into_dyn());
    assert_eq!(net.parameter("dense0.weight").expect("a parameter"), before - weight.t().mapv(|g| 0.5 * g));
    // A view that is not contiguous, in another order.
    twin.apply_gradients([
        ("dense0.weight", weight.t().into_dyn()),
        ("dense0.bias", map["dense0.bias"].view()),
    ])
    .expect("gradients of the network");
    assert_eq!(State::of(&twin), State::of(&net));
}

#[test]
fn a_learning_rate_is_what_the_text_would_have_said() {
    let text = |lr: f64| format!("< dense(4, 3, softmax) >, optimizer = adam(lr = {lr})");
    let [mut set, _] = twins(&text(0.001));
    let [mut written, _] = twins(&text(0.037));
    assert_eq!(set.learning_rate(), 0.001);
    set.set_learning_rate(0.037).expect("a learning rate");
    assert_eq!((set.learning_rate(), written.learning_rate()), (0.037, 0.037));
    for net in [&mut set, &mut written] {
        net.train_step(examples(3), classes(3)).expect("finite");
    }
    assert_eq!(State::of(&set), State::of(&written));
    let before = set.parameters();
    set.set_learning_rate(0.0).expect("a learning rate");
    set.train_step(examples(3), classes(3)).expect("finite");
    assert_eq!(set.parameters(), before);
}

network!(Named < dense(4, 3, softmax) >, optimizer = sgd(lr = 0.1));

/// The methods of a named network are its own: they need no `Deref`.
#[test]
fn a_named_network_has_the_same_methods() {
    let mut net = Named::new().expect("it compiles");
    let grads = Named::gradients(&mut net, examples(2), classes(2)).expect("finite");
    Named::apply_gradients(&mut net, &grads).expect("gradients of the network");
    let output = Named::forward(&mut net, examples(2)).expect("finite").to_owned();
    Named::vjp(&mut net, examples(2), &output).expect("finite");
    Named::set_learning_rate(&mut net, 0.5).expect("a learning rate");
    assert_eq!(net.learning_rate(), 0.5);
}

/// A step of gradient descent by hand is the optimizer's.
#[test]
fn parameters_updated_by_hand() {
    let [mut net, mut twin] = twins("< dense(4, 3, softmax) >, optimizer = sgd(lr = 0.25)");
    twin.train_step(examples(3), classes(3)).expect("finite");
    let grads = net.gradients(examples(3), classes(3)).expect("finite");
    for (name, gradient) in &grads {
        let new = net.parameter(name).expect("a parameter") - 0.25 * gradient;
        net.set_parameter(name, &new).expect("its shape");
    }
    let close = |net: &Network| net.parameters().into_iter().map(|(_, value)| value).collect::<Vec<_>>();
    for (found, expected) in close(&net).iter().zip(&close(&twin)) {
        assert!((found - expected).iter().all(|difference| difference.abs() < 1e-6));
    }
}
