//! `dlc eval`: loss and accuracy.

use std::fmt::{self, Display, Formatter};
use std::path::PathBuf;

use dl::data::DataSet;
use serde::Serialize;

use crate::args::{Net, Run};
use crate::error::Result;
use crate::report;

#[derive(clap::Args)]
pub struct Args {
    #[command(flatten)]
    net: Net,
    /// The weights: safetensors
    #[arg(long, value_name = "W")]
    weights: PathBuf,
    /// The data set: safetensors, .npz or a folder in the MNIST layout
    #[arg(long, value_name = "D")]
    data: PathBuf,
    #[command(flatten)]
    run: Run,
    /// Print one line of JSON
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
struct Report {
    loss: f32,
    /// `null` where the loss knows no right and wrong.
    accuracy: Option<f32>,
    examples: usize,
    /// `test` or `train`.
    part: &'static str,
}

pub fn run(args: &Args) -> Result<()> {
    let mut net = args.run.configure(args.net.read()?).build()?;
    net.load(&args.weights)?;
    let mut data = DataSet::open(&args.data)?;
    data.reshape_examples(net.input_shape())?;
    if data.test.is_none() {
        eprintln!("note: {} has no test part; these are x and y", args.data.display());
    }
    let (split, part) = match &data.test {
        Some(test) => (test, "test"),
        None => (&data.train, "train"),
    };
    let found = net.evaluate_all(split)?;
    let report = Report { loss: found.loss, accuracy: found.accuracy, examples: split.n_examples(), part };
    report::print(&report, args.json)
}

impl Display for Report {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "loss {:.6}", self.loss)?;
        if let Some(accuracy) = self.accuracy {
            write!(f, ", accuracy {:.2} %", 100.0 * accuracy)?;
        }
        writeln!(f, " on {} examples", self.examples)
    }
}
