//! `dlc verify`: the same bits at any number of threads and any width of vectors.

use std::fmt::{self, Display, Formatter};

use dl::Network;
use dl::data::Split;
use dl::inspect::table::{Align, Table};
use dl_runtime::tensor::Data;
use serde::Serialize;

use crate::args::{Net, host_widths, positive, threads};
use crate::error::{Error, Result};
use crate::made_up::made_up;
use crate::report;

#[derive(clap::Args)]
pub struct Args {
    #[command(flatten)]
    net: Net,
    /// How many steps to train for
    #[arg(long, value_name = "N", default_value_t = 500, value_parser = positive())]
    steps: usize,
    /// Examples in a batch; every other one is smaller
    #[arg(long, value_name = "N", default_value_t = 32, value_parser = positive())]
    batch: usize,
    /// The seed of everything random
    #[arg(long, value_name = "N", default_value_t = 0)]
    seed: u64,
    /// Numbers of threads, separated by commas
    #[arg(long, value_name = "N,…", value_delimiter = ',', default_value = "1,2,3,5", value_parser = threads())]
    threads: Vec<usize>,
    /// Print one line of JSON
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
struct Report {
    steps: usize,
    same: bool,
    runs: Vec<Run>,
}

#[derive(Serialize)]
struct Run {
    threads: usize,
    lanes: usize,
    /// Of the bits of all state, in hexadecimal digits.
    hash: String,
}

pub fn run(args: &Args) -> Result<()> {
    let builder = args.net.read()?.seed(args.seed);
    let data = made_up(builder.network(), args.batch, args.seed)?;
    let mut runs = Vec::new();
    for lanes in host_widths() {
        for &threads in &args.threads {
            let lanes = lanes.count();
            let mut net = builder.clone().threads(threads).lanes(lanes).build()?;
            train(&mut net, &data, args.steps)?;
            runs.push(Run { threads, lanes, hash: format!("{:016x}", hash(&net)) });
        }
    }
    let same = runs.iter().all(|run| run.hash == runs[0].hash);
    report::print(&Report { steps: args.steps, same, runs }, args.json)?;
    if same { Ok(()) } else { Err(Error::NotTheSame) }
}

fn train(net: &mut Network, data: &Split, steps: usize) -> Result<()> {
    let all: Vec<usize> = (0..data.n_examples()).collect();
    // Every other batch has an odd size.
    let sizes = [all.len(), (2 * all.len() / 3) | 1];
    for size in sizes.into_iter().cycle().take(steps) {
        let batch = data.batch(&all[..size.min(all.len())])?;
        net.train_step(batch.x, batch.y)?;
    }
    Ok(())
}

/// FNV-1a, 64 bits wide, over the bits of all state but the step count.
fn hash(net: &Network) -> u64 {
    let fold = |hash: u64, byte: u8| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
    let reals = net.states().into_iter().filter_map(|(_, tensor)| match tensor.into_data() {
        Data::F32(values) => Some(values),
        _ => None,
    });
    let bytes = reals.flatten().flat_map(|value| value.to_bits().to_le_bytes());
    bytes.fold(0xcbf2_9ce4_8422_2325, fold)
}

impl Display for Report {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let state = format!("state after {} steps", self.steps);
        let mut table =
            Table::new([("lanes", Align::Right), ("threads", Align::Right), (&state, Align::Left)]);
        for run in &self.runs {
            table.row([run.lanes.to_string(), run.threads.to_string(), run.hash.clone()]);
        }
        let verdict = if self.same { "the same bits everywhere" } else { "NOT the same bits everywhere" };
        writeln!(f, "{table}\n{verdict}")
    }
}
