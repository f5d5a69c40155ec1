//! Digits read row by row, from top to bottom, by an LSTM: `cargo run --release --example lstm_digits`.

use std::error::Error;
use std::path::Path;

use dl::data::DataSet;
use dl::network;
use progress::Progress;

#[path = "common/progress.rs"]
mod progress;

network! {
    /// Reads a digit as a sequence of 28 rows of 28 pixels.
    Digits <
        input(28, 28),
        lstm(28, 128),
        dense(128, 10, softmax),
    >,
    loss = cross_entropy,
    optimizer = adam(lr = 0.002)
}

const EPOCHS: u64 = 5;
const BATCH: usize = 128;

fn main() -> Result<(), Box<dyn Error>> {
    let mut data = DataSet::open(&Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/data/mnist"))?;
    data.reshape_examples(&[28, 28])?;
    let test = data.test.take().ok_or("the data set has no test part")?;
    let mut net = Digits::builder().seed(1).batch(BATCH).build()?;
    println!("{}", net.summary()?);

    let mut progress = Progress::new(EPOCHS as usize * data.train.n_examples().div_ceil(BATCH))?;
    for epoch in 1..=EPOCHS {
        if epoch > 1 {
            net.set_learning_rate(0.6 * net.learning_rate())?;
        }
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
