//! How time grows with a network: one thing is doubled again and again, all else stays.

mod plot;
mod series;

use std::path::PathBuf;

use serde::Deserialize;

use self::series::{Point, Series};
use crate::process::{self, Error};

#[derive(clap::Args)]
pub struct Args {
    /// Only series whose names contain this
    #[arg(long, value_name = "PART", default_value = "")]
    series: String,
    /// How long each step is measured in a round
    #[arg(long, value_name = "S", default_value_t = 0.5)]
    seconds: f64,
    /// How often all are measured, one after the other: the fastest counts
    #[arg(long, value_name = "N", default_value_t = 3)]
    rounds: usize,
    /// Where growth.md and growth.svg are written
    #[arg(long, value_name = "FOLDER", default_value = "docs/measured")]
    output: PathBuf,
}

/// What is read of `dlc bench`.
#[derive(Deserialize)]
struct Bench {
    step_us: f64,
    compile_ms: f64,
    flops: u64,
}

/// What is varied: its name, its values, and the network, batch and threads (0 for all) at one of them.
struct Plan {
    name: &'static str,
    values: Vec<usize>,
    at: fn(usize) -> (String, usize, usize),
}

fn doublings(first: usize, last: usize) -> Vec<usize> {
    let mut values: Vec<usize> = std::iter::successors(Some(first), |value| Some(2 * value))
        .take_while(|&value| value < last)
        .collect();
    values.push(last);
    values
}

/// Layers of one width.
fn stack(width: usize, depth: usize) -> String {
    format!("< {} >", vec![format!("dense({width}, {width}, relu)"); depth].join(", "))
}

fn plans() -> [Plan; 5] {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    [
        Plan { name: "depth", values: doublings(1, 1000), at: |depth| (stack(64, depth), 32, 0) },
        Plan { name: "width", values: doublings(16, 2048), at: |width| (stack(width, 2), 32, 0) },
        Plan { name: "batch", values: doublings(1, 4096), at: |batch| (stack(256, 2), batch, 0) },
        Plan {
            name: "time steps",
            values: doublings(1, 256),
            at: |steps| (format!("< input({steps}, 32), lstm(32, 64), dense(64, 10) >"), 32, 0),
        },
        Plan { name: "threads", values: doublings(1, cores), at: |threads| (stack(512, 4), 128, threads) },
    ]
}

/// Measures, prints and writes.
pub fn run(args: &Args) -> Result<(), Error> {
    let mut measured = Vec::new();
    for plan in plans().iter().filter(|plan| plan.name.contains(&args.series)) {
        match plan.points(args) {
            Ok(points) => measured.extend(Series::of(plan.name, &points)),
            Err(error) => eprintln!("left out: {}: {error}", plan.name),
        }
    }
    let table = series::document(&measured);
    print!("{table}");
    crate::write(&args.output, "growth.md", &table)?;
    crate::write(&args.output, "growth.svg", &plot::plot(&measured))
}

impl Plan {
    /// The fastest of all rounds at each value: what else the machine does takes time, and never gives any.
    fn points(&self, args: &Args) -> Result<Vec<Point>, Error> {
        let round = || self.values.iter().map(|&value| self.point(value, args.seconds));
        let mut points: Vec<Point> = round().collect::<Result<_, _>>()?;
        for _ in 1..args.rounds {
            for (point, again) in points.iter_mut().zip(round()) {
                let again = again?;
                point.step_us = point.step_us.min(again.step_us);
                point.compile_us = point.compile_us.min(again.compile_us);
            }
        }
        Ok(points)
    }

    fn point(&self, value: usize, seconds: f64) -> Result<Point, Error> {
        eprintln!("{} {value}", self.name);
        let (network, batch, threads) = (self.at)(value);
        let (batch, threads, seconds) = (batch.to_string(), threads.to_string(), (2.0 * seconds).to_string());
        let mut command =
            process::dlc(&["bench", &network, "--batch", &batch, "--seconds", &seconds, "--json"]);
        if threads != "0" {
            command.args(["--threads", &threads]);
        }
        let Bench { step_us, compile_ms, flops } = process::last_line(&mut command)?;
        Ok(Point { value, step_us, compile_us: 1e3 * compile_ms, flops })
    }
}
