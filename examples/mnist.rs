//! A multi-layer perceptron learns to read digits: `cargo run --release --example mnist`.

use std::error::Error;
use std::path::Path;
use std::time::Instant;

use dl::data::{DataSet, Split};
use dl::network;
use indicatif::{ProgressBar, ProgressStyle};

network! {
    /// Reads a digit of 28 × 28 pixels.
    Digits < dense(784, 128, relu), dense(128, 10, softmax) >,
    loss = cross_entropy,
    optimizer = adam(lr = 0.001)
}

const EPOCHS: u64 = 5;
const BATCH: usize = 32;

fn main() -> Result<(), Box<dyn Error>> {
    let start = Instant::now();
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut data = DataSet::open(&root.join("examples/data/mnist"))?;
    data.reshape_examples(&[784])?;
    let test = data.test.take().ok_or("the data set has no test part")?;
    let mut net = Digits::builder().seed(1).batch(BATCH).build()?;

    for epoch in 1..=EPOCHS {
        train_epoch(&mut net, &data.train, epoch)?;
    }
    let accuracy = net.evaluate_all(&test)?.accuracy.ok_or("cross_entropy knows right and wrong")?;
    let seconds = start.elapsed().as_secs_f64();
    println!("test accuracy {:.2} % after {EPOCHS} epochs, {seconds:.2} s", 100.0 * accuracy);

    let weights = root.join("target/mnist.safetensors");
    std::fs::create_dir_all(root.join("target"))?;
    net.save(&weights)?;
    println!("weights saved to target/mnist.safetensors\n");
    show_some(&mut net, &test)
}

/// Trains on all examples once, in a new order.
fn train_epoch(net: &mut Digits, train: &Split, epoch: u64) -> Result<(), Box<dyn Error>> {
    let order = train.shuffled(1, epoch);
    // No terminal, no bar: indicatif looks at standard error.
    let bar = ProgressBar::new(order.len() as u64);
    bar.set_style(ProgressStyle::with_template(
        "epoch {prefix} {bar:30} {pos}/{len} {per_sec:>12} examples, loss {msg}",
    )?);
    bar.set_prefix(format!("{epoch}/{EPOCHS}"));
    let mut loss = 0.0;
    for indices in order.chunks(BATCH) {
        let batch = train.batch(indices)?;
        let batch_loss = net.train_step(batch.x, batch.y)?;
        loss = if loss == 0.0 { batch_loss } else { 0.98 * loss + 0.02 * batch_loss };
        bar.set_message(format!("{loss:.4}"));
        bar.inc(indices.len() as u64);
    }
    bar.finish();
    Ok(())
}

/// Prints some test digits side by side, and what the network takes them for.
fn show_some(net: &mut Digits, test: &Split) -> Result<(), Box<dyn Error>> {
    const SHADES: [char; 5] = [' ', '.', 'o', 'O', '@'];
    let indices = [0, 1, 2, 3];
    let mut pixels = vec![0.0; indices.len() * 784];
    let batch = test.batch(&indices)?;
    dl::tensor::Examples::write_reals(&batch.x, &mut pixels)?;
    // Two rows of pixels are a line of text: characters are twice as high as wide.
    for row in (0..28).step_by(2) {
        let shade = |digit: usize, col: usize| {
            let at = |row: usize| pixels[digit * 784 + row * 28 + col];
            SHADES[((at(row) + at(row + 1)) / 2.0 * 4.0).round() as usize]
        };
        let line: Vec<String> =
            (0..indices.len()).map(|digit| (0..28).map(|col| shade(digit, col)).collect()).collect();
        println!("{}", line.join(" ").trim_end());
    }
    let output = net.predict(batch.x)?;
    for (digit, probabilities) in output.outer_iter().enumerate() {
        let best = probabilities.iter().enumerate().max_by(|a, b| a.1.total_cmp(b.1));
        let (class, probability) = best.ok_or("a network with no outputs")?;
        println!("digit {digit}: {class} ({:.1} %)", 100.0 * probability);
    }
    Ok(())
}
