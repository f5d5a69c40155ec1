//! Softmax regression, the first network of many tutorials: `cargo run --release --example softmax_regression`.

use std::error::Error;
use std::path::Path;

use dl::data::DataSet;
use dl::network;

network! {
    /// Reads a digit of 28 × 28 pixels, by gradient descent.
    Digits < dense(784, 10, softmax) >,
    loss = cross_entropy,
    optimizer = sgd(lr = 0.5)
}

const EPOCHS: u64 = 2;
const BATCH: usize = 100;

fn main() -> Result<(), Box<dyn Error>> {
    let mut data = DataSet::open(&Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/data/mnist"))?;
    data.reshape_examples(&[784])?;
    let test = data.test.take().ok_or("the data set has no test part")?;

    let mut net = Digits::builder().seed(1).batch(BATCH).build()?;
    for epoch in 0..EPOCHS {
        for indices in data.train.shuffled(1, epoch).chunks(BATCH) {
            let batch = data.train.batch(indices)?;
            net.train_step(batch.x, batch.y)?;
        }
    }
    let accuracy = net.evaluate_all(&test)?.accuracy.ok_or("cross_entropy knows right and wrong")?;
    println!("test accuracy {:.2} % after {} steps", 100.0 * accuracy, net.steps());
    Ok(())
}
