//! `dlc check`: every oracle on a network.

mod compiled;
mod gradients;
mod stages;

use std::fmt::{self, Display, Formatter};

use dl::inspect::table::{Align, Table};
use dl_ir::interp::Environment;
use dl_ir::types::DType;
use dl_ir::value::Value;
use dl_runtime::tensor::{Data, Tensor};
use serde::Serialize;

use super::bisect::search::Compiler;
use crate::args::{Net, host_widths, positive};
use crate::error::{Error, Result};
use crate::made_up::made_up;
use crate::report;

#[derive(clap::Args)]
pub struct Args {
    #[command(flatten)]
    net: Net,
    /// Examples in a batch
    #[arg(long, value_name = "N", default_value_t = 5, value_parser = positive())]
    batch: usize,
    /// The seed of weights, data and directions
    #[arg(long, value_name = "N", default_value_t = 0)]
    seed: u64,
    /// Print one line of JSON
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
struct Report {
    ok: bool,
    /// Passes and kernels, each against what stands before it.
    stages: stages::Comparison,
    /// Compiled functions against the interpreter.
    compiled: Vec<compiled::Comparison>,
    /// Gradients against finite differences, both in f64.
    gradients: Vec<gradients::Comparison>,
}

pub fn run(args: &Args) -> Result<()> {
    let builder = args.net.read()?.seed(args.seed);
    let batch = made_up(builder.network(), args.batch, args.seed)?;
    let stages = stages::compare(&Compiler::new(host_widths()), &builder, &batch, args.seed)?;
    let compiled = compiled::compare(&builder, &batch)?;
    let gradients = gradients::compare(&builder, &batch, args.seed)?;
    let n_wrong = usize::from(stages.wrong.is_some());
    let total = stages.passes.len() + stages.kernels.len() + n_wrong + compiled.len() + gradients.len();
    let failed = n_wrong
        + compiled.iter().filter(|found| !found.ok).count()
        + gradients.iter().filter(|found| !found.ok).count();
    report::print(&Report { ok: failed == 0, stages, compiled, gradients }, args.json)?;
    if failed == 0 { Ok(()) } else { Err(Error::CheckFailed { failed, total }) }
}

/// What the interpreter reads: state and a batch.
pub fn environment(states: Vec<(String, Tensor)>, batch: &dl::data::Split) -> Environment {
    let mut environment: Environment =
        states.into_iter().map(|(name, tensor)| (name, value(&tensor))).collect();
    environment.insert("x".to_owned(), value(batch.x()));
    environment.insert("y".to_owned(), value(batch.y()));
    environment
}

/// A tensor as the interpreter takes it.
pub fn value(tensor: &Tensor) -> Value {
    let (dtype, data) = match tensor.data() {
        Data::F32(values) => (DType::F32, values.iter().copied().map(f64::from).collect()),
        Data::I32(values) => (DType::I32, values.iter().copied().map(f64::from).collect()),
        Data::I64(values) => (DType::I32, values.iter().map(|&value| value as f64).collect()),
        Data::U8(values) => (DType::I32, values.iter().copied().map(f64::from).collect()),
    };
    Value::new(dtype, tensor.shape().to_vec(), data)
}

impl Display for stages::Comparison {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let tolerance = dl_ir::bisect::TOLERANCE;
        writeln!(f, "Passes against the interpreter in f64, each verified (tolerance {tolerance:.0e}):\n")?;
        let mut table = Table::new([("pass", Align::Left), ("relative error", Align::Right)]);
        for found in &self.passes {
            table.row([found.pass.to_owned(), format!("{:.1e}", found.relative)]);
        }
        writeln!(
            f,
            "{table}\nKernels by their interpreter against their nodes in f64, machine code against them to the bit (tolerance {:.0e}):\n",
            dl_codegen::bisect::TOLERANCE
        )?;
        let columns = [("part", Align::Left), ("lanes", Align::Right), ("relative error", Align::Right)];
        let mut table = Table::new(columns);
        for found in &self.kernels {
            table.row([found.part.clone(), found.lanes.to_string(), format!("{:.1e}", found.relative)]);
        }
        writeln!(f, "{table}")?;
        match &self.wrong {
            Some(wrong) => writeln!(f, "FAILED: {wrong}; `dlc bisect` writes a small case\n"),
            None => Ok(()),
        }
    }
}

impl Display for Report {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        self.stages.fmt(f)?;
        writeln!(f, "Compiled code against the interpreter (tolerance {:.0e}):\n", compiled::TOLERANCE)?;
        let mut table = Table::new([
            ("function", Align::Left),
            ("lanes", Align::Right),
            ("worst tensor", Align::Left),
            ("relative error", Align::Right),
            ("largest error", Align::Right),
            ("", Align::Left),
        ]);
        for found in &self.compiled {
            let (relative, absolute) = (format!("{:.1e}", found.relative), format!("{:.1e}", found.absolute));
            let (function, lanes) = (found.function.to_owned(), found.lanes.to_string());
            table.row([function, lanes, found.tensor.clone(), relative, absolute, verdict(found.ok)]);
        }
        writeln!(
            f,
            "{table}\nGradients against finite differences, in f64 (tolerance {:.0e}):\n",
            gradients::TOLERANCE
        )?;
        let mut table =
            Table::new([("gradient", Align::Left), ("relative error", Align::Right), ("", Align::Left)]);
        for found in &self.gradients {
            let relative =
                found.relative.map_or_else(|| "at a kink".to_owned(), |relative| format!("{relative:.1e}"));
            table.row([found.gradient.clone(), relative, verdict(found.ok)]);
        }
        writeln!(f, "{table}\n{}", if self.ok { "all within tolerance" } else { "OUT OF TOLERANCE" })
    }
}

fn verdict(ok: bool) -> String {
    if ok { "ok".to_owned() } else { "FAILED".to_owned() }
}
