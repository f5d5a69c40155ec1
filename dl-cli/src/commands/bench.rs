//! `dlc bench`: speed, compile time and memory.

use std::fmt::{self, Display, Formatter};
use std::time::{Duration, Instant};

use dl::inspect::table::{Align, Table};
use dl::inspect::{self, flops};
use dl::{Function, Network};
use dl_codegen::compile::lower;
use dl_codegen::plan::plan_state;
use dl_codegen::target::Target;
use dl_runtime::tensor::Tensor;
use serde::Serialize;

use crate::args::{Net, Run, positive, seconds};
use crate::error::Result;
use crate::made_up::made_up;
use crate::report;
use crate::report::rounded;

#[derive(clap::Args)]
pub struct Args {
    #[command(flatten)]
    net: Net,
    /// Examples in a batch
    #[arg(long, value_name = "N", default_value_t = 32, value_parser = positive())]
    batch: usize,
    /// How long to measure
    #[arg(long, value_name = "S", default_value_t = 2.0, value_parser = seconds)]
    seconds: f64,
    #[command(flatten)]
    run: Run,
    /// Also compile with and without noting where nodes come from, by turns, and tell what that adds
    #[arg(long)]
    origins: bool,
    /// Print one line of JSON
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
struct Report {
    batch: usize,
    threads: usize,
    lanes: usize,
    step_us: f64,
    predict1_us: f64,
    predict_us: f64,
    compile_ms: f64,
    /// What noting where nodes come from adds to that: the median over pairs of compilations, one with and one without.
    #[serde(skip_serializing_if = "Option::is_none")]
    origins_percent: Option<f64>,
    /// Of a training step.
    flops: u64,
    arena_bytes: usize,
    /// Left out where the system does not tell.
    #[serde(skip_serializing_if = "Option::is_none")]
    peak_rss_mb: Option<f64>,
}

/// The parts of the time to measure for.
const STEP: f64 = 0.5;
const PREDICT: f64 = 0.2;
const COMPILE: f64 = 0.1;

pub fn run(args: &Args) -> Result<()> {
    let builder = args.net.read()?;
    let (text, target) = (builder.network().to_string(), args.run.width.target());
    let data = made_up(builder.network(), args.batch, 0)?;
    let one = made_up(builder.network(), 1, 0)?;
    let mut net = args.run.configure(builder).batch(args.batch).build()?;

    let step = median(args.seconds * STEP, || {
        net.train_step(data.x(), data.y())?;
        Ok(())
    })?;
    let mut predict = |x: &Tensor| {
        median(args.seconds * PREDICT, || {
            net.predict(x)?;
            Ok(())
        })
    };
    let (predict, predict1) = (predict(data.x())?, predict(one.x())?);
    let compile = median(args.seconds * COMPILE, || compile(&text, target, Origins::Noted))?;
    let origins = args.origins.then(|| cost_of_origins(args.seconds, &text, target)).transpose()?;
    report::print(
        &Report {
            batch: args.batch,
            threads: net.threads(),
            lanes: target.lanes.count(),
            step_us: rounded(1e6 * step),
            predict1_us: rounded(1e6 * predict1),
            predict_us: rounded(1e6 * predict),
            compile_ms: rounded(1e3 * compile),
            origins_percent: origins.map(|ratio| rounded(1e2 * (ratio - 1.0))),
            flops: flops(net.module()?.function("train_step").expect("networks have it"), args.batch),
            arena_bytes: net.arena_bytes(),
            peak_rss_mb: peak_rss_mb(),
        },
        args.json,
    )
}

/// Whether compilation notes where nodes come from.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Origins {
    Noted,
    LeftOut,
}

/// From text to a training step that can run.
fn compile(text: &str, target: Target, origins: Origins) -> Result<()> {
    let mut network = dl::Builder::<Network>::parse(text)?.network().clone();
    if origins == Origins::LeftOut {
        network = network.without_origins();
    }
    let module = inspect::optimized(&network, Some(Function::TrainStep))?;
    lower(&module.functions[0], &plan_state(&module, target), target)?.compile()?;
    Ok(())
}

/// How many times as long compilation takes that notes where nodes come from: the median over pairs, in which either goes first by turns.
/// What slows both of a pair cancels out.
fn cost_of_origins(seconds: f64, text: &str, target: Target) -> Result<f64> {
    let time = |origins| timed(|| compile(text, target, origins));
    let mut noted_first = false;
    median_of(seconds, || {
        noted_first = !noted_first;
        let first = if noted_first { time(Origins::Noted)? } else { time(Origins::LeftOut)? };
        let second = if noted_first { time(Origins::LeftOut)? } else { time(Origins::Noted)? };
        Ok(if noted_first { first / second } else { second / first })
    })
}

/// The median time of a call, in seconds.
fn median(seconds: f64, mut call: impl FnMut() -> Result<()>) -> Result<f64> {
    median_of(seconds, || timed(&mut call))
}

/// The median of as many measurements as fit into `seconds`, three at least. The first is not counted.
fn median_of(seconds: f64, mut measure: impl FnMut() -> Result<f64>) -> Result<f64> {
    measure()?;
    let end = Instant::now() + Duration::from_secs_f64(seconds);
    let mut found = Vec::new();
    while found.len() < 3 || Instant::now() < end {
        found.push(measure()?);
    }
    found.sort_unstable_by(f64::total_cmp);
    Ok(found[found.len() / 2])
}

/// How long a call takes, in seconds.
fn timed(call: impl FnOnce() -> Result<()>) -> Result<f64> {
    let start = Instant::now();
    call()?;
    Ok(start.elapsed().as_secs_f64())
}

/// The most memory that this process has had, in MB, where the system tells.
fn peak_rss_mb() -> Option<f64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kib: f64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(rounded(kib * 1024.0 / 1e6))
}

impl Display for Report {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let heading = format!("{} lanes, {} threads", self.lanes, self.threads);
        let mut table = Table::new([(&heading, Align::Left), ("median", Align::Right), ("", Align::Left)]);
        let mut row =
            |name: &str, value: String, unit: &str| table.row([name.to_owned(), value, unit.to_owned()]);
        let rate = self.flops as f64 / self.step_us / 1e3;
        row(&format!("train_step, batch of {}", self.batch), format!("{:.1}", self.step_us), "us");
        row(&format!("predict, batch of {}", self.batch), format!("{:.1}", self.predict_us), "us");
        row("predict, one example", format!("{:.1}", self.predict1_us), "us");
        row("compile train_step", format!("{:.1}", self.compile_ms), "ms");
        if let Some(percent) = self.origins_percent {
            row("of which noting origins adds", format!("{percent:.1}"), "%");
        }
        row("arithmetic of a step", format!("{:.2}", self.flops as f64 / 1e6), "MFLOP");
        row("rate of a step", format!("{rate:.1}"), "GFLOP/s");
        row("arena", format!("{:.2}", self.arena_bytes as f64 / 1e6), "MB");
        if let Some(peak) = self.peak_rss_mb {
            row("peak memory of the process", format!("{peak:.1}"), "MB");
        }
        write!(f, "{table}")
    }
}
