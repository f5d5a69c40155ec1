//! Training leaves the same bits at any number of threads and at every width that the CPU has: 500 steps of small networks, a few of
//! those of the examples.

#[path = "common/widths.rs"]
mod widths;

use std::hash::{DefaultHasher, Hash, Hasher};

use dl::{Builder, Network};
use ndarray::{Array1, ArrayD, Axis, IxDyn, concatenate};
use widths::widths;

const STEPS: usize = 500;

/// Noise in ±1.7, the same in every run.
fn noise(index: usize) -> f32 {
    let mixed = (index as u64 + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    let mixed = (mixed ^ (mixed >> 29)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    ((mixed >> 40) as f32 / (1u64 << 24) as f32 - 0.5) * 3.4
}

/// So many examples of noise, the same in every run.
fn examples(batch: usize, shape: &[usize]) -> ArrayD<f32> {
    let shape = [&[batch], shape].concat();
    let values = (0..shape.iter().product()).map(noise).collect();
    ArrayD::from_shape_vec(IxDyn(&shape), values).expect("as many as the shape says")
}

/// A hash of all parameters.
fn hash(nets: &[&Network]) -> u64 {
    let mut hasher = DefaultHasher::new();
    for (name, parameter) in nets.iter().flat_map(|net| net.parameters()) {
        name.hash(&mut hasher);
        parameter.iter().for_each(|value| value.to_bits().hash(&mut hasher));
    }
    hasher.finish()
}

/// Training steps on classes that are new at each step.
fn train(builder: Builder, batch: usize, steps: usize) -> dl::Result<u64> {
    let mut net = builder.seed(11).build()?;
    let (x, classes) = (examples(batch, net.input_shape()), net.output_shape()[0]);
    for step in 0..steps {
        let class = |row: usize| ((noise(step * batch + row) + 1.7) / 3.4 * classes as f32) as usize;
        let y = Array1::from_shape_fn(batch, |row| class(row).min(classes - 1));
        net.train_step(&x, &y)?;
    }
    Ok(hash(&[&net]))
}

/// Calls `train`, which builds networks with the options it is given, with all of them.
fn check_all(threads: &[usize], train: impl Fn(&dyn Fn(&str) -> Builder) -> dl::Result<u64>) {
    let mut expected = None;
    for lanes in widths() {
        for &threads in threads {
            let builder = |text: &str| Network::parse(text).expect("a network").lanes(lanes).threads(threads);
            let found = train(&builder).expect("it trains");
            assert_eq!(found, *expected.get_or_insert(found), "{lanes} lanes, {threads} threads");
        }
    }
}

fn check(text: &str, batch: usize) {
    check_all(&[1, 2, 3, 5], |builder| train(builder(text), batch, STEPS));
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

#[test]
fn the_convolutional_example() {
    let text = "< input(28, 28, 1), conv2d(1, 32, 3, relu), max_pool2d(2), conv2d(32, 64, 3, relu), max_pool2d(2), \
                conv2d(64, 64, 3, relu), flatten, dense(576, 64, relu), dense(64, 10, softmax) >";
    check_all(&[1, 2, 3], |builder| train(builder(text), 10, 4));
}

#[test]
fn the_autoencoder_example() {
    let text =
        "< dense(784, 128, relu), dense(128, 32, relu), dense(32, 128, relu), dense(128, 784, sigmoid) >";
    check_all(&[1, 2, 3], |builder| {
        let mut net = builder(text).build()?;
        let x = examples(33, &[784]);
        let y = x.mapv(|value| value / 3.4 + 0.5);
        (0..6).try_for_each(|_| net.train_step(&x, &y).map(drop))?;
        Ok(hash(&[&net]))
    });
}

/// Two networks that train each other.
#[test]
fn the_painting_example() {
    let generator = "< dense(100, 256, leaky_relu), layer_norm(256), dense(256, 512, leaky_relu), layer_norm(512), \
                     dense(512, 784, tanh) >, optimizer = adam(lr = 0.0002, beta1 = 0.5)";
    let discriminator = "< dense(784, 512, leaky_relu), dropout(0.3), dense(512, 256, leaky_relu), dropout(0.3), \
                         dense(256, 1, sigmoid) >, optimizer = adam(lr = 0.0002, beta1 = 0.5)";
    check_all(&[1, 2, 3], |builder| {
        let (mut generator, mut discriminator) =
            (builder(generator).build()?, builder(discriminator).build()?);
        let (z, real) = (examples(20, &[100]), examples(20, &[784]));
        let labels = concatenate![Axis(0), Array1::from_elem(20, 0.9f32), Array1::zeros(20)];
        for _ in 0..3 {
            let painted = generator.forward(&z)?.to_owned();
            discriminator.train_step(concatenate![Axis(0), real, painted], &labels)?;
            let by_digits = discriminator.gradients(&painted, Array1::<f32>::ones(20))?;
            let grads = generator.vjp(&z, by_digits.x().expect("of real numbers"))?;
            generator.apply_gradients(&grads)?;
        }
        Ok(hash(&[&generator, &discriminator]))
    });
}
