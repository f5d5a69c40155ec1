//! Two networks that train each other: one paints digits, the other tells them from real ones.
//! `cargo run --release --example gan`

use std::error::Error;
use std::path::Path;

use dl::data::DataSet;
use dl::network;
use dl::random::Stream;
use ndarray::{Array1, Array2, ArrayD, Axis, concatenate};
use progress::Progress;

#[path = "common/pictures.rs"]
mod pictures;
#[path = "common/progress.rs"]
mod progress;

network! {
    /// Paints a digit of 28 × 28 pixels from noise.
    Generator <
        dense(100, 256, leaky_relu),
        layer_norm(256),
        dense(256, 512, leaky_relu),
        layer_norm(512),
        dense(512, 784, tanh),
    >,
    optimizer = adam(lr = 0.0002, beta1 = 0.5)
}

network! {
    /// How likely a digit is a real one.
    Discriminator <
        dense(784, 512, leaky_relu),
        dropout(0.3),
        dense(512, 256, leaky_relu),
        dropout(0.3),
        dense(256, 1, sigmoid),
    >,
    loss = binary_cross_entropy,
    optimizer = adam(lr = 0.0002, beta1 = 0.5)
}

const EPOCHS: u64 = 15;
const BATCH: usize = 128;
/// Numbers that a digit is painted from.
const NOISE: usize = 100;
/// The picture: ten digits in each of eight rows.
const COLUMNS: usize = 10;
const SHOWN: usize = 80;

fn main() -> Result<(), Box<dyn Error>> {
    let mut data = DataSet::open(&Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/data/mnist"))?;
    data.reshape_examples(&[784])?;
    let mut generator = Generator::builder().seed(1).build()?;
    let mut discriminator = Discriminator::builder().seed(2).build()?;
    // Real digits, then painted ones. Not quite 1, so that the discriminator is never too sure.
    let labels = concatenate![Axis(0), Array1::from_elem(BATCH, 0.9f32), Array1::zeros(BATCH)];
    let wanted = Array1::<f32>::ones(BATCH);

    let batches = data.train.n_examples() / BATCH;
    let mut progress = Progress::new(EPOCHS as usize * batches)?;
    for epoch in 1..=EPOCHS {
        let order = data.train.shuffled(1, epoch);
        for indices in order.chunks_exact(BATCH).take(progress.left()) {
            let z = noise(discriminator.steps(), BATCH);
            let painted = generator.forward(&z)?.to_owned();
            let real = to_tanh(data.train.batch(indices)?.x.to_reals()?);
            progress.step(discriminator.train_step(concatenate![Axis(0), real, painted], &labels)?);

            // What would make the discriminator, as it is now, take them for real? Its gradient by the digits goes on into the generator.
            let by_digits = discriminator.gradients(&painted, &wanted)?;
            let grads = generator.vjp(&z, by_digits.x().ok_or("digits are real numbers")?)?;
            generator.apply_gradients(&grads)?;
        }
        let digits = from_tanh(generator.predict(noise(u64::MAX, SHOWN))?.to_owned());
        let path = pictures::write(&format!("gan/epoch_{epoch:02}.png"), &digits, COLUMNS)?;
        if progress.left() == 0 {
            println!("{progress}; digits painted after each epoch, the last in {path}");
            break;
        }
    }
    Ok(())
}

/// Pixels in −1…1, as the generator paints them.
fn to_tanh(pixels: ArrayD<f32>) -> ArrayD<f32> {
    2.0 * pixels - 1.0
}

/// Pixels in 0…1.
fn from_tanh(pixels: ArrayD<f32>) -> ArrayD<f32> {
    (pixels + 1.0) / 2.0
}

/// What digits are painted from: other numbers at each step.
fn noise(step: u64, digits: usize) -> Array2<f32> {
    let stream = Stream::new(1, 0, step);
    Array2::from_shape_fn((digits, NOISE), |(row, col)| stream.normal((row * NOISE + col) as u64) as f32)
}
