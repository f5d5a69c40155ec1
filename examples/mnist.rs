//! A multi-layer perceptron learns to read digits: `cargo run --release --example mnist`.

use std::error::Error;
use std::path::Path;

use dl::data::{DataSet, Split};
use dl::network;
use progress::Progress;

#[path = "common/progress.rs"]
mod progress;

network! {
    /// Reads a digit of 28 × 28 pixels.
    Digits < dense(784, 128, relu), dense(128, 10, softmax) >,
    loss = cross_entropy,
    optimizer = adam(lr = 0.001)
}

const EPOCHS: u64 = 5;
const BATCH: usize = 32;

fn main() -> Result<(), Box<dyn Error>> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut data = DataSet::open(&root.join("examples/data/mnist"))?;
    data.reshape_examples(&[784])?;
    let test = data.test.take().ok_or("the data set has no test part")?;
    let mut net = Digits::builder().seed(1).batch(BATCH).build()?;

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

    let weights = root.join("target/mnist.safetensors");
    std::fs::create_dir_all(root.join("target"))?;
    net.save(&weights)?;
    println!("weights saved to target/mnist.safetensors\n");
    show_some(&mut net, &test)
}

/// Prints some test digits side by side, and what the network takes them for.
fn show_some(net: &mut Digits, test: &Split) -> Result<(), Box<dyn Error>> {
    const SHADES: [char; 5] = [' ', '.', 'o', 'O', '@'];
    let indices = [0, 1, 2, 3];
    let digits = test.batch(&indices)?.x.to_reals()?;
    // Two rows of pixels are a line of text: characters are twice as high as wide.
    for row in (0..28).step_by(2) {
        let shade = |digit: usize, col: usize| {
            let at = |row: usize| digits[[digit, row * 28 + col]];
            SHADES[((at(row) + at(row + 1)) / 2.0 * 4.0).round() as usize]
        };
        let line: Vec<String> =
            (0..indices.len()).map(|digit| (0..28).map(|col| shade(digit, col)).collect()).collect();
        println!("{}", line.join(" ").trim_end());
    }
    let output = net.predict(&digits)?;
    for (digit, probabilities) in output.outer_iter().enumerate() {
        let best = probabilities.iter().enumerate().max_by(|a, b| a.1.total_cmp(b.1));
        let (class, probability) = best.ok_or("a network with no outputs")?;
        println!("digit {digit}: {class} ({:.1} %)", 100.0 * probability);
    }
    Ok(())
}
