//! A recurrent network that writes: it learns to predict the next character of a text.
//! `cargo run --release --example char_lstm`

use std::error::Error;

use dl::network;
use progress::Progress;
use text::Text;

#[path = "common/progress.rs"]
mod progress;
#[path = "common/text.rs"]
mod text;

const STEPS: usize = 2000;
const BATCH: usize = 32;
/// Characters that the network sees at once.
const LEN: usize = 64;

fn main() -> Result<(), Box<dyn Error>> {
    let text = Text::open("genesis_exodus/genesis_exodus.txt", 62)?;
    let mut net = network!(
        <
            input(64),
            embedding(62, 32),
            lstm(32, 192, return_sequences = true),
            dense(192, 62, softmax),
        >,
        loss = cross_entropy,
        optimizer = adam(lr = 0.003)
    )
    .seed(1)
    .batch(BATCH)
    .build()?;
    println!("{}", net.summary()?);

    let mut progress = Progress::new(STEPS)?;
    while progress.left() > 0 {
        let (x, y) = text.batch(BATCH, LEN, net.steps());
        progress.step(net.train_step(&x, &y)?);
        if net.steps().is_multiple_of(500) {
            println!("\nafter {} steps: {}", net.steps(), text.sample(&mut net, LEN, 160)?);
        }
    }
    println!("\n{}, {progress}", text.test(&mut net, LEN)?);
    Ok(())
}
