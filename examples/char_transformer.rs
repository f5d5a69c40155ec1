//! A small GPT: a transformer that learns to predict the next character of a text.
//!
//! It has no embedding of positions: since attention is causal, each character sees another number of others, and the network can tell
//! places apart by that (Haviv et al., *Transformer Language Models without Positional Encodings Still Learn Positional Information*, 2022).
//!
//! `cargo run --release --example char_transformer`

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
            embedding(62, 96),
            residual(< layer_norm(96), attention(96, 4, causal = true) >),
            residual(< layer_norm(96), dense(96, 384, gelu), dense(384, 96) >),
            residual(< layer_norm(96), attention(96, 4, causal = true) >),
            residual(< layer_norm(96), dense(96, 384, gelu), dense(384, 96) >),
            residual(< layer_norm(96), attention(96, 4, causal = true) >),
            residual(< layer_norm(96), dense(96, 384, gelu), dense(384, 96) >),
            layer_norm(96),
            dense(96, 62, softmax),
        >,
        loss = cross_entropy,
        optimizer = adam(lr = 0.001)
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
