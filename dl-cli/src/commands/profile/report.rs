//! What is told of a profile.

use std::collections::BTreeMap;
use std::fmt::{self, Display, Formatter};

use dl::inspect::table::{Align, Table};
use dl_codegen::limits::Limits;
use dl_codegen::target::Target;
use serde::Serialize;

use super::Args;
use super::launches::Launch;
use super::measure::Times;
use dl::inspect::units::bytes;

use crate::report::rounded;

#[derive(Serialize)]
pub struct Report {
    function: &'static str,
    batch: usize,
    threads: usize,
    lanes: usize,
    arena_bytes: usize,
    /// A run as it is.
    whole_us: f64,
    /// The sum of all launches, each alone.
    launches_us: f64,
    /// The part of `whole_us` in which a thread, on average, runs no kernel: what is left of it when the time that all kernels take on
    /// one thread is divided evenly among the threads.
    waiting_us: f64,
    limits: Vec<Limit>,
    launches: Vec<Row>,
}

/// What so many threads can do at most.
#[derive(Serialize)]
struct Limit {
    threads: usize,
    gflops: f64,
    gbytes_per_second: f64,
}

#[derive(Serialize)]
struct Row {
    kernel: usize,
    phase: usize,
    /// How often it is run; `us`, `flops` and `bytes` are those of all times together.
    times: usize,
    what: String,
    updates: Vec<String>,
    parameters: Vec<String>,
    threads: usize,
    us: f64,
    /// Of the sum of all launches.
    share: f64,
    flops: u64,
    bytes: u64,
    gflops: f64,
    /// Of what its threads can do at most.
    of_peak: f64,
    gbytes_per_second: f64,
    /// Of what its threads can read at most.
    of_bandwidth: f64,
}

impl Report {
    pub fn new(
        args: &Args,
        threads: usize,
        target: Target,
        arena_bytes: usize,
        launches: &[Launch],
        times: &Times,
        limits: &BTreeMap<usize, Limits>,
    ) -> Self {
        let all: f64 = times.launches.iter().sum();
        let row = |(launch, &seconds): (&Launch, &f64)| {
            let (flops, bytes) = (launch.work.flops as f64 / seconds, launch.work.bytes as f64 / seconds);
            let limits = limits[&launch.threads];
            Row {
                kernel: launch.kernel,
                phase: launch.phase,
                times: launch.times,
                what: launch.what.clone(),
                updates: launch.updates.clone(),
                parameters: launch.parameters.clone(),
                threads: launch.threads,
                us: rounded(1e6 * seconds),
                share: rounded(seconds / all),
                flops: launch.work.flops,
                bytes: launch.work.bytes,
                gflops: rounded(flops / 1e9),
                of_peak: rounded(flops / limits.flops),
                gbytes_per_second: rounded(bytes / 1e9),
                of_bandwidth: rounded(bytes / limits.bandwidth),
            }
        };
        let limit = |(&threads, limits): (&usize, &Limits)| Limit {
            threads,
            gflops: rounded(limits.flops / 1e9),
            gbytes_per_second: rounded(limits.bandwidth / 1e9),
        };
        let busy: f64 = times.on_one_thread.iter().sum();
        Report {
            function: args.function.name(),
            batch: args.batch,
            threads,
            lanes: target.lanes.count(),
            arena_bytes,
            whole_us: rounded(1e6 * times.whole),
            launches_us: rounded(1e6 * all),
            waiting_us: rounded(1e6 * (times.whole - busy / threads as f64)),
            limits: limits.iter().map(limit).collect(),
            launches: launches.iter().zip(&times.launches).map(row).collect(),
        }
    }

    fn launches(&self) -> Table {
        let mut table = Table::new([
            ("phase", Align::Right),
            ("us", Align::Right),
            ("share", Align::Right),
            ("threads", Align::Right),
            ("GFLOP/s", Align::Right),
            ("of peak", Align::Right),
            ("GB/s", Align::Right),
            ("of reads", Align::Right),
            ("launch", Align::Left),
            ("state", Align::Left),
        ]);
        for row in &self.launches {
            table.row([
                row.phase.to_string(),
                format!("{:.2}", row.us),
                percent(row.share),
                row.threads.to_string(),
                format!("{:.1}", row.gflops),
                percent(row.of_peak),
                format!("{:.1}", row.gbytes_per_second),
                percent(row.of_bandwidth),
                format!("k{} {}", row.kernel, row.what),
                row.state(),
            ]);
        }
        table
    }
}

impl Row {
    /// What it updates, or else the parameters that it reads.
    fn state(&self) -> String {
        let first = |names: &[String]| match names {
            [] => String::new(),
            [name] => name.clone(),
            [name, others @ ..] => format!("{name} and {} more", others.len()),
        };
        match (self.updates.as_slice(), self.parameters.as_slice()) {
            ([], parameters) => first(parameters),
            (updates, _) => format!("updates {}", first(updates)),
        }
    }
}

fn count_threads(threads: usize) -> String {
    if threads == 1 { "1 thread".to_owned() } else { format!("{threads} threads") }
}

fn percent(part: f64) -> String {
    format!("{:.0} %", 100.0 * part)
}

impl Display for Report {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let Report { function, batch, threads, lanes, .. } = self;
        writeln!(
            f,
            "{function}, batch of {batch}, {lanes} lanes, {}, arena of {}\n",
            count_threads(*threads),
            bytes(self.arena_bytes)
        )?;
        writeln!(f, "{}", self.launches())?;
        let mut table = Table::new([("", Align::Left), ("us", Align::Right)]);
        let mut row = |name: &str, us: f64| table.row([name.to_owned(), format!("{us:.2}")]);
        row("launches, one after the other", self.launches_us);
        row("all of it, as it runs", self.whole_us);
        row("of which a thread runs no kernel", self.waiting_us);
        writeln!(f, "{table}")?;
        let mut table =
            Table::new([("at most", Align::Left), ("GFLOP/s", Align::Right), ("GB/s read", Align::Right)]);
        for limit in &self.limits {
            let name = count_threads(limit.threads);
            table.row([name, format!("{:.1}", limit.gflops), format!("{:.1}", limit.gbytes_per_second)]);
        }
        write!(f, "{table}")
    }
}
