//! 500 steps of training leave the same bits at 1, 2, 3 and 5 threads and at every width that the CPU has.

use std::hash::{DefaultHasher, Hash, Hasher};

use dl::{Builder, Network};
use ndarray::{Array1, Array2};

const STEPS: usize = 500;

/// Noise in ±1.7, the same in every run.
fn noise(index: usize) -> f32 {
    let mixed = (index as u64 + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    let mixed = (mixed ^ (mixed >> 29)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    ((mixed >> 40) as f32 / (1u64 << 24) as f32 - 0.5) * 3.4
}

/// A hash of all parameters after training, targets being new at each step.
fn train(builder: Builder, batch: usize) -> u64 {
    let mut net = builder.seed(11).build().expect("a network for this CPU");
    let (features, classes) = (net.input_shape()[0], net.output_shape()[0]);
    let x = Array2::from_shape_fn((batch, features), |(row, col)| noise(row * features + col));
    for step in 0..STEPS {
        let class = |row: usize| ((noise(step * batch + row) + 1.7) / 3.4 * classes as f32) as usize;
        let y = Array1::from_shape_fn(batch, |row| class(row).min(classes - 1));
        net.train_step(&x, &y).expect("a finite loss");
    }
    let mut hasher = DefaultHasher::new();
    for (name, parameter) in net.parameters() {
        name.hash(&mut hasher);
        parameter.iter().for_each(|value| value.to_bits().hash(&mut hasher));
    }
    hasher.finish()
}

fn check(text: &str, batch: usize) {
    let mut expected = None;
    for lanes in [4, 8, 16] {
        for threads in [1, 2, 3, 5] {
            let builder =
                Network::parse(text).expect("a network without mistakes").lanes(lanes).threads(threads);
            if builder.clone().build().is_err() {
                eprintln!("skipped: this CPU has no vectors of {lanes} lanes");
                continue;
            }
            let found = train(builder, batch);
            let expected = *expected.get_or_insert(found);
            assert_eq!(found, expected, "{text}, batch {batch}: {lanes} lanes, {threads} threads");
        }
    }
}

#[test]
fn softmax_regression_with_momentum() {
    check("< dense(100, 10, softmax) >, optimizer = sgd(lr = 0.1, momentum = 0.9)", 100);
}

#[test]
fn two_layers_with_adam() {
    check("< dense(120, 64, relu), dense(64, 10, softmax) >", 32);
}

#[test]
fn odd_sizes_with_rmsprop() {
    check(
        "< dense(33, 31, gelu), dense(31, 17, tanh), dense(17, 3, softmax) >, optimizer = rmsprop(lr = 0.01)",
        37,
    );
}

#[test]
fn norms_and_dropout_with_adam() {
    check(
        "< dense(20, 36, relu), layer_norm(36), dropout(0.3), dense(36, 18), batch_norm(18), gelu, dense(18, 5, softmax) >",
        29,
    );
}

#[test]
fn residual_with_adamw() {
    check(
        "< dense(20, 48, silu), residual(< dense(48, 48, elu) >), dense(48, 5, softmax) >, optimizer = adamw(lr = 0.01)",
        65,
    );
}
