//! What was found, as data and as tables.

use std::fmt::{self, Display, Formatter};

use dl::inspect::table::{Align, Table};
use serde::{Deserialize, Serialize};

/// What a program prints of a case, and a median of such lines. Times are in microseconds.
#[derive(Clone, Serialize, Deserialize)]
pub struct Times {
    /// A training step, its loss read.
    pub step_us: f64,
    /// The prediction of one example.
    pub predict1_us: f64,
    /// Of the framework, as far as it is told.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub version: String,
}

/// What a step takes at least, in microseconds, by three limits of the machine.
#[derive(Clone, Copy, Serialize)]
pub struct Floor {
    /// Arithmetic of the contractions of a step.
    pub mflop: f64,
    /// Multiply-adds that wait for nothing, on all threads, as two operations each.
    pub peak_gflops: f64,
    /// Reading as much memory as the network's arena has, on all threads.
    pub gbytes_per_second: f64,
    /// `mflop` at the peak: the floor that steps are set against.
    pub flops_us: f64,
    /// All buffers that kernels read or write, at the bandwidth.
    pub bytes_us: f64,
    /// Divisions and square roots, on the unit that computes them.
    pub divider_us: f64,
}

/// A program on a case.
#[derive(Serialize)]
pub struct Measured {
    pub program: &'static str,
    /// One for each round.
    pub rounds: Vec<Times>,
    /// The median of the rounds.
    pub median: Times,
    /// How many times as long as dl: the median over rounds of the ratio within a round.
    pub step_ratio: f64,
    pub predict1_ratio: f64,
}

/// A case with all programs that ran it, dl first.
#[derive(Serialize)]
pub struct CaseReport {
    pub name: &'static str,
    pub network: &'static str,
    pub batch: usize,
    pub floor: Floor,
    /// dl's step in units of `floor.flops_us`.
    pub times_floor: f64,
    pub programs: Vec<Measured>,
}

/// A program, or one case of it, that there are no times of.
#[derive(Serialize)]
pub struct LeftOut {
    pub program: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub case: Option<&'static str>,
    pub why: String,
}

/// All of it.
#[derive(Serialize)]
pub struct Report {
    pub cpu: String,
    pub threads: usize,
    /// Programs that were running or waiting for the processor before the first round.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub load: Option<f64>,
    pub rounds: usize,
    pub seconds: f64,
    pub cases: Vec<CaseReport>,
    pub left_out: Vec<LeftOut>,
}

impl CaseReport {
    /// Medians and ratios of what each program took in each round, dl first, and the best limits of those that were measured.
    pub fn new(
        name: &'static str,
        network: &'static str,
        batch: usize,
        floors: &[Floor],
        programs: Vec<(&'static str, Vec<Times>)>,
    ) -> Self {
        let best = |a: Floor, b: &Floor| Floor {
            mflop: a.mflop,
            peak_gflops: a.peak_gflops.max(b.peak_gflops),
            gbytes_per_second: a.gbytes_per_second.max(b.gbytes_per_second),
            flops_us: a.flops_us.min(b.flops_us),
            bytes_us: a.bytes_us.min(b.bytes_us),
            divider_us: a.divider_us.min(b.divider_us),
        };
        let floor = floors[1..].iter().fold(floors[0], best);
        let own = programs[0].1.clone();
        let measured = |(program, rounds): (&'static str, Vec<Times>)| {
            let of = |time: fn(&Times) -> f64| median(rounds.iter().map(time).collect());
            let ratio = |time: fn(&Times) -> f64| {
                median(rounds.iter().zip(&own).map(|(times, own)| time(times) / time(own)).collect())
            };
            let version = rounds[0].version.clone();
            let median = Times {
                step_us: of(|times| times.step_us),
                predict1_us: of(|times| times.predict1_us),
                version,
            };
            let (step_ratio, predict1_ratio) =
                (ratio(|times| times.step_us), ratio(|times| times.predict1_us));
            Measured { program, rounds, median, step_ratio, predict1_ratio }
        };
        let programs: Vec<Measured> = programs.into_iter().map(measured).collect();
        let times_floor = programs[0].median.step_us / floor.flops_us;
        CaseReport { name, network, batch, floor, times_floor, programs }
    }

    fn table(&self) -> Table {
        let mut table = Table::new([
            (self.name, Align::Left),
            ("step us", Align::Right),
            ("all rounds", Align::Right),
            ("times dl", Align::Right),
            ("predict 1 us", Align::Right),
            ("times dl", Align::Right),
        ]);
        for Measured { program, rounds, median, step_ratio, predict1_ratio } in &self.programs {
            let steps = || rounds.iter().map(|times| times.step_us);
            let (least, most) = (steps().fold(f64::INFINITY, f64::min), steps().fold(0.0, f64::max));
            table.row([
                format!("{program} {}", median.version),
                format!("{:.0}", median.step_us),
                format!("{least:.0}–{most:.0}"),
                format!("{step_ratio:.2}"),
                format!("{:.1}", median.predict1_us),
                format!("{predict1_ratio:.2}"),
            ]);
        }
        table
    }
}

/// The middle one; of two, the larger.
fn median(mut values: Vec<f64>) -> f64 {
    values.sort_unstable_by(f64::total_cmp);
    values[values.len() / 2]
}

impl Display for Report {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let Report { cpu, threads, rounds, seconds, .. } = self;
        writeln!(f, "{cpu}, {threads} threads, {rounds} rounds of {seconds} s\n")?;
        for case in &self.cases {
            writeln!(f, "{}", case.table())?;
        }
        let mut table = Table::new([
            ("dl and its floors", Align::Left),
            ("MFLOP", Align::Right),
            ("GFLOP/s peak", Align::Right),
            ("GB/s", Align::Right),
            ("step us", Align::Right),
            ("arithmetic us", Align::Right),
            ("times that", Align::Right),
            ("bytes us", Align::Right),
            ("divider us", Align::Right),
        ]);
        for CaseReport { name, floor, times_floor, programs, .. } in &self.cases {
            table.row([
                (*name).to_owned(),
                format!("{:.2}", floor.mflop),
                format!("{:.0}", floor.peak_gflops),
                format!("{:.0}", floor.gbytes_per_second),
                format!("{:.0}", programs[0].median.step_us),
                format!("{:.0}", floor.flops_us),
                format!("{times_floor:.2}"),
                format!("{:.0}", floor.bytes_us),
                format!("{:.0}", floor.divider_us),
            ]);
        }
        write!(f, "{table}")?;
        for LeftOut { program, case, why } in &self.left_out {
            write!(
                f,
                "\nleft out: {program}{}: {why}",
                case.map(|case| format!(", {case}")).unwrap_or_default()
            )?;
        }
        writeln!(f)
    }
}
