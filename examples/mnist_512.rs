//! Keras's multi-layer perceptron for MNIST, with dropout: `cargo run --release --example mnist_512`.

use std::error::Error;
use std::path::Path;
use std::time::Instant;

use dl::data::DataSet;
use dl::network;
use indicatif::{ProgressBar, ProgressStyle};

network! {
    /// Reads a digit of 28 × 28 pixels.
    Digits <
        dense(784, 512, relu),
        dropout(0.2),
        dense(512, 512, relu),
        dropout(0.2),
        dense(512, 10, softmax),
    >,
    loss = cross_entropy,
    optimizer = rmsprop(lr = 0.001, rho = 0.9)
}

const EPOCHS: u64 = 5;
const BATCH: usize = 128;

fn main() -> Result<(), Box<dyn Error>> {
    let mut data = DataSet::open(&Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/data/mnist"))?;
    data.reshape_examples(&[784])?;
    let test = data.test.take().ok_or("the data set has no test part")?;
    let mut net = Digits::builder().seed(1).batch(BATCH).build()?;
    println!("{}", net.summary()?);

    let start = Instant::now();
    let bar = ProgressBar::new(EPOCHS * data.train.n_examples() as u64);
    bar.set_style(ProgressStyle::with_template("{bar:30} {per_sec:>12} examples, {msg}")?);
    let mut accuracy = 0.0;
    for epoch in 1..=EPOCHS {
        for indices in data.train.shuffled(1, epoch).chunks(BATCH) {
            let batch = data.train.batch(indices)?;
            net.train_step(batch.x, batch.y)?;
            bar.inc(indices.len() as u64);
        }
        accuracy = net.evaluate_all(&test)?.accuracy.ok_or("cross_entropy knows right and wrong")?;
        bar.set_message(format!("epoch {epoch}: test accuracy {:.2} %", 100.0 * accuracy));
    }
    bar.abandon();
    let seconds = start.elapsed().as_secs_f64();
    println!("test accuracy {:.2} % after {EPOCHS} epochs, {seconds:.2} s", 100.0 * accuracy);
    Ok(())
}
