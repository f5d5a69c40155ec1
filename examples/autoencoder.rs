//! Digits squeezed into 32 numbers and unfolded again: `cargo run --release --example autoencoder`.

use std::error::Error;
use std::path::Path;

use dl::data::DataSet;
use dl::network;
use progress::Progress;

#[path = "common/pictures.rs"]
mod pictures;
#[path = "common/progress.rs"]
mod progress;

network! {
    /// Gives back the digit that it reads.
    Autoencoder <
        dense(784, 128, relu),
        code: dense(128, 32, relu),
        dense(32, 128, relu),
        dense(128, 784, sigmoid),
    >,
    loss = binary_cross_entropy,
    optimizer = adam(lr = 0.001)
}

const EPOCHS: u64 = 10;
const BATCH: usize = 128;
/// How many digits the picture shows.
const SHOWN: usize = 12;

fn main() -> Result<(), Box<dyn Error>> {
    let mut data = DataSet::open(&Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/data/mnist"))?;
    data.reshape_examples(&[784])?;
    let test = data.test.take().ok_or("the data set has no test part")?;
    let mut net = Autoencoder::builder().seed(1).batch(BATCH).build()?;

    let mut progress = Progress::new(EPOCHS as usize * data.train.n_examples().div_ceil(BATCH))?;
    for epoch in 1..=EPOCHS {
        let order = data.train.shuffled(1, epoch);
        for indices in order.chunks(BATCH).take(progress.left()) {
            let x = data.train.batch(indices)?.x.to_reals()?;
            progress.step(net.train_step(&x, &x)?);
        }
    }

    let shown: Vec<usize> = (0..SHOWN).collect();
    let originals = test.batch(&shown)?.x.to_reals()?;
    let reconstructions = net.predict(&originals)?;
    let path = pictures::write("autoencoder.png", originals.iter().chain(reconstructions), SHOWN)?;
    println!("{progress}; digits not seen in training above what became of them: {path}");
    Ok(())
}
