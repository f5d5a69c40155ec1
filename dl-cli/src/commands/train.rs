//! `dlc train`: training on a data set.

use std::fmt::{self, Display, Formatter, Write};
use std::path::PathBuf;
use std::time::Instant;

use dl::Network;
use dl::data::{DataSet, Split};
use dl_runtime::files::atomic;
use indicatif::{ProgressBar, ProgressState, ProgressStyle};
use serde::Serialize;

use crate::args::{Net, Run, positive};
use crate::error::Result;
use crate::report;

#[derive(clap::Args)]
pub struct Args {
    #[command(flatten)]
    net: Net,
    /// The data set: safetensors, .npz or a folder in the MNIST layout
    #[arg(long, value_name = "D")]
    data: PathBuf,
    /// How many times to go through the data
    #[arg(long, value_name = "N", default_value_t = 5, value_parser = positive())]
    epochs: usize,
    /// Examples in a batch; the last one of an epoch may be smaller
    #[arg(long, value_name = "N", default_value_t = 32, value_parser = positive())]
    batch_size: usize,
    /// The seed of everything random
    #[arg(long, value_name = "N", default_value_t = 0)]
    seed: u64,
    /// Weights to begin with [default: fresh ones]
    #[arg(long, value_name = "W")]
    weights: Option<PathBuf>,
    /// Keep the order of the data
    #[arg(long)]
    no_shuffle: bool,
    #[command(flatten)]
    run: Run,
    /// The file to write the trained weights to: safetensors
    #[arg(long, value_name = "W")]
    output: Option<PathBuf>,
    /// Print one line of JSON
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
struct Report {
    epochs: usize,
    steps: u64,
    /// The mean over the last epoch.
    train_loss: f64,
    /// `null` without a test part.
    test_loss: Option<f32>,
    /// `null` without a test part, or where the loss knows no right and wrong.
    test_accuracy: Option<f32>,
    seconds: f64,
}

pub fn run(args: &Args) -> Result<()> {
    let builder = args.net.read()?.seed(args.seed).batch(args.batch_size);
    let mut net = args.run.configure(builder).build()?;
    if let Some(weights) = &args.weights {
        net.load(weights)?;
    }
    let mut data = DataSet::open(&args.data)?;
    data.reshape_examples(net.input_shape())?;
    if let Some(output) = &args.output {
        atomic::check(output)?;
    }
    let start = Instant::now();
    let mut training = Training { net: &mut net, train: &data.train, args, steps: 0 };
    let mut train_loss = 0.0;
    for epoch in 1..=args.epochs {
        train_loss = training.epoch(epoch)?;
    }
    let (steps, seconds) = (training.steps, start.elapsed().as_secs_f64());
    if let Some(output) = &args.output {
        net.save(output)?;
    }
    let test = data.test.as_ref().map(|test| net.evaluate_all(test)).transpose()?;
    let (test_loss, test_accuracy) = (test.map(|test| test.loss), test.and_then(|test| test.accuracy));
    let report = Report { epochs: args.epochs, steps, train_loss, test_loss, test_accuracy, seconds };
    report::print(&report, args.json)
}

struct Training<'a> {
    net: &'a mut Network,
    train: &'a Split,
    args: &'a Args,
    steps: u64,
}

impl Training<'_> {
    /// Trains on all examples once; gives the mean loss.
    fn epoch(&mut self, epoch: usize) -> Result<f64> {
        let order = if self.args.no_shuffle {
            (0..self.train.n_examples()).collect()
        } else {
            self.train.shuffled(self.args.seed, epoch as u64)
        };
        let bar = progress_bar(order.len(), epoch, self.args.epochs);
        let mut sum = 0.0;
        let mut seen = 0;
        for indices in order.chunks(self.args.batch_size) {
            let batch = self.train.batch(indices)?;
            let loss = self.net.train_step(batch.x, batch.y)?;
            self.steps += 1;
            sum += f64::from(loss) * indices.len() as f64;
            seen += indices.len();
            if !bar.is_hidden() {
                bar.set_message(format!("{:.4}", sum / seen as f64));
            }
            bar.inc(indices.len() as u64);
        }
        bar.finish();
        Ok(sum / seen as f64)
    }
}

/// A bar on standard error; hidden where that is no terminal.
fn progress_bar(examples: usize, epoch: usize, epochs: usize) -> ProgressBar {
    const TEMPLATE: &str = "epoch {prefix} {bar:30} {pos}/{len}, {rate} examples/s, loss {msg}";
    let bar = ProgressBar::new(examples as u64);
    let style = ProgressStyle::with_template(TEMPLATE).expect("a valid template");
    bar.set_style(style.with_key("rate", |state: &ProgressState, text: &mut dyn Write| {
        // A bar has nowhere to tell of an error.
        let _ = write!(text, "{:.0}", state.per_sec());
    }));
    bar.set_prefix(format!("{epoch}/{epochs}"));
    bar
}

impl Display for Report {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "training loss {:.6}", self.train_loss)?;
        if let Some(loss) = self.test_loss {
            write!(f, ", test loss {loss:.6}")?;
        }
        if let Some(accuracy) = self.test_accuracy {
            write!(f, ", test accuracy {:.2} %", 100.0 * accuracy)?;
        }
        writeln!(f, " after {} epochs, {:.2} s", self.epochs, self.seconds)
    }
}
