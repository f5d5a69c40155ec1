//! How far a training is: a bar on a terminal, and the loss at both of its ends.

use std::fmt;
use std::time::Instant;

use indicatif::{ProgressBar, ProgressStyle};

/// Counts steps and watches the loss.
pub struct Progress {
    bar: ProgressBar,
    start: Instant,
    first: f32,
    /// A mean over the last steps, of which a new one is a fiftieth.
    loss: f32,
}

impl Progress {
    /// Of a training of so many steps, or as many as the command line says: `cargo run --release --example NAME -- --steps 100`.
    pub fn new(steps: usize) -> Result<Self, Box<dyn std::error::Error>> {
        let steps = match std::env::args().skip_while(|argument| argument != "--steps").nth(1) {
            Some(steps) => steps.parse().map_err(|_| format!("--steps needs a number, not `{steps}`"))?,
            None => steps,
        };
        // No terminal, no bar: indicatif looks at standard error.
        let bar = ProgressBar::new(steps as u64);
        bar.set_style(ProgressStyle::with_template("{bar:30} {pos}/{len} steps, {per_sec}, loss {msg}")?);
        Ok(Progress { bar, start: Instant::now(), first: 0.0, loss: 0.0 })
    }

    /// How many steps are left: 0 when it is over.
    pub fn left(&self) -> usize {
        self.bar.length().unwrap_or(0).saturating_sub(self.bar.position()) as usize
    }

    /// A step was taken; this was its loss.
    pub fn step(&mut self, loss: f32) {
        if self.bar.position() == 0 {
            (self.first, self.loss) = (loss, loss);
        }
        self.loss += 0.02 * (loss - self.loss);
        self.bar.set_message(format!("{:.4}", self.loss));
        self.bar.inc(1);
        if self.left() == 0 {
            self.bar.abandon();
        }
    }
}

/// For the line of results.
impl fmt::Display for Progress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (steps, seconds) = (self.bar.position(), self.start.elapsed().as_secs_f64());
        write!(f, "loss {:.4} → {:.4} in {steps} steps, {seconds:.1} s", self.first, self.loss)
    }
}
