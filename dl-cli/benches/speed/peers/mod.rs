//! The same training steps in dl and in other frameworks, one process for each case and program, in turns.

mod cases;
mod chart;
mod floor;
mod markdown;
mod programs;
mod report;

use std::path::PathBuf;
use std::thread::available_parallelism;

use self::cases::{CASES, Case};
use self::floor::Work;
use self::programs::{Found, PROGRAMS, Places};
use self::report::{CaseReport, Floor, LeftOut, Report, Times};
use crate::process::Error;

#[derive(clap::Args)]
pub struct Args {
    /// Python interpreters that have frameworks installed; several are separated by commas
    #[arg(
        long,
        value_name = "PATHS",
        env = "DL_PEERS_PYTHON",
        default_value = "python3",
        value_delimiter = ','
    )]
    python: Vec<PathBuf>,
    /// burn's program [default: where its folder builds it]
    #[arg(long, value_name = "PATH", env = "DL_PEERS_BURN")]
    burn: Option<PathBuf>,
    /// candle's program [default: where its folder builds it]
    #[arg(long, value_name = "PATH", env = "DL_PEERS_CANDLE")]
    candle: Option<PathBuf>,
    /// Only cases whose names contain this
    #[arg(long, value_name = "PART", default_value = "")]
    case: String,
    /// How often all is measured
    #[arg(long, value_name = "N", default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..=1000))]
    rounds: u32,
    /// How long each step is measured in a round
    #[arg(long, value_name = "S", default_value_t = 2.0)]
    seconds: f64,
    /// Where peers.json, peers.md and peers.svg are written
    #[arg(long, value_name = "FOLDER", default_value = "docs/measured")]
    output: PathBuf,
}

/// A case as it is being measured.
struct Subject {
    case: &'static Case,
    work: Work,
    floors: Vec<Floor>,
    /// Programs that have not failed at it, dl first, with the times of each round.
    programs: Vec<(usize, Vec<Times>)>,
}

/// Measures, prints and writes.
pub fn run(args: &Args) -> Result<(), Error> {
    let threads = available_parallelism().map_or(1, usize::from);
    let load = load();
    let places =
        Places { pythons: args.python.clone(), burn: args.burn.clone(), candle: args.candle.clone() };
    let mut left_out = Vec::new();
    let mut found: Vec<Found> = Vec::new();
    for program in &PROGRAMS {
        match places.find(program) {
            Ok(program) => found.push(program),
            Err(why) => left_out.push(LeftOut { program: program.name, case: None, why }),
        }
    }
    let mut subjects = Vec::new();
    for case in CASES.iter().filter(|case| case.name.contains(&args.case)) {
        let programs = (0..found.len()).map(|index| (index, Vec::new())).collect();
        match Work::of(case) {
            Ok(work) => subjects.push(Subject { case, work, floors: Vec::new(), programs }),
            Err(error) => left_out.push(LeftOut {
                program: found[0].program.name,
                case: Some(case.name),
                why: format!("{error}; no other program is measured"),
            }),
        }
    }
    if subjects.is_empty() {
        return Err(Error::NoCase { chosen: args.case.clone() });
    }
    for round in 1..=args.rounds {
        for subject in &mut subjects {
            eprintln!("round {round} of {}: {}", args.rounds, subject.case.name);
            left_out.extend(subject.round(&found, threads, args.seconds)?);
        }
    }
    let report = Report {
        cpu: cpu(),
        threads,
        load,
        rounds: args.rounds as usize,
        seconds: args.seconds,
        cases: subjects.into_iter().map(|subject| subject.report(&found)).collect(),
        left_out,
    };
    print!("{report}");
    let json = serde_json::to_string_pretty(&report).expect("reports have names as keys");
    crate::write(&args.output, "peers.json", &(json + "\n"))?;
    crate::write(&args.output, "peers.md", &markdown::markdown(&report))?;
    crate::write(&args.output, "peers.svg", &chart::chart(&report))
}

impl Subject {
    /// Measures the machine and every program once. A program that fails is not measured again.
    fn round(&mut self, found: &[Found], threads: usize, seconds: f64) -> Result<Vec<LeftOut>, Error> {
        self.floors.push(self.work.floor(threads)?);
        let mut left_out = Vec::new();
        for (index, mut rounds) in std::mem::take(&mut self.programs) {
            let name = found[index].program.name;
            match found[index].measure(self.case, seconds) {
                Ok(times) => {
                    rounds.push(times);
                    self.programs.push((index, rounds));
                }
                // Without dl there is nothing to compare with.
                Err(error) if index == 0 => return Err(error),
                Err(error) => {
                    left_out.push(LeftOut {
                        program: name,
                        case: Some(self.case.name),
                        why: error.to_string(),
                    });
                }
            }
        }
        Ok(left_out)
    }

    fn report(self, found: &[Found]) -> CaseReport {
        let Case { name, network, batch, .. } = *self.case;
        let programs = self.programs.into_iter();
        let programs = programs.map(|(index, rounds)| (found[index].program.name, rounds)).collect();
        CaseReport::new(name, network, batch, &self.floors, programs)
    }
}

/// What the processor calls itself, where the system tells.
fn cpu() -> String {
    let about = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let name = about.lines().find_map(|line| line.strip_prefix("model name")?.split(": ").nth(1));
    name.unwrap_or(std::env::consts::ARCH).to_owned()
}

/// Programs that were running or waiting in the last minute, where the system tells.
fn load() -> Option<f64> {
    std::fs::read_to_string("/proc/loadavg").ok()?.split(' ').next()?.parse().ok()
}
