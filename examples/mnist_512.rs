//! Keras's multi-layer perceptron for MNIST, with dropout: `cargo run --release --example mnist_512`.

use std::error::Error;
use std::path::Path;

use dl::data::DataSet;
use dl::network;
use progress::Progress;

#[path = "common/progress.rs"]
mod progress;

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

    let mut progress = Progress::new(EPOCHS as usize * data.train.n_examples().div_ceil(BATCH))?;
    for epoch in 1..=EPOCHS {
        let order = data.train.shuffled(1, epoch);
        for indices in order.chunks(BATCH).take(progress.left()) {
            let batch = data.train.batch(indices)?;
            progress.step(net.train_step(batch.x, batch.y)?);
        }
    }
    let accuracy = net.evaluate_all(&test)?.accuracy.ok_or("cross_entropy knows right and wrong")?;
    println!("test accuracy {:.2} %, {progress}", 100.0 * accuracy);
    Ok(())
}
