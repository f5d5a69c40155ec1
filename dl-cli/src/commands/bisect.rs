//! `dlc bisect`: which pass is wrong.

use std::fmt::{self, Display, Formatter};
use std::path::PathBuf;

use dl::inspect;
use dl_ir::bisect::{Fault, first_wrong};
use dl_ir::interp::Environment;
use dl_ir::module::Module;
use dl_ir::ops::Op;
use dl_ir::passes::PIPELINE;
use dl_ir::value::Value;
use dl_runtime::files::atomic;
use dl_runtime::random::Stream;
use serde::Serialize;

use super::check::environment;
use crate::args::{Net, positive};
use crate::error::{Error, Result};
use crate::made_up::made_up;
use crate::report;

/// Streams of random numbers far from those of states.
const GRADIENTS: u32 = u32::MAX - 3;

#[derive(clap::Args)]
pub struct Args {
    #[command(flatten)]
    net: Net,
    /// Examples in a batch
    #[arg(long, value_name = "N", default_value_t = 3, value_parser = positive())]
    batch: usize,
    /// The seed of weights and data
    #[arg(long, value_name = "N", default_value_t = 0)]
    seed: u64,
    /// The file for a small function that the wrong pass breaks, if there is one
    #[arg(long, value_name = "F", default_value = "bisect.dlir")]
    output: PathBuf,
    /// Print one line of JSON
    #[arg(long)]
    json: bool,
}

/// What was found.
#[derive(Serialize)]
struct Report {
    ok: bool,
    /// The passes that were compared.
    passes: Vec<&'static str>,
    wrong: Option<Wrong>,
}

/// A wrong pass.
#[derive(Serialize)]
struct Wrong {
    pass: &'static str,
    function: String,
    symptom: String,
    /// Where the smallest part that it breaks comes from.
    origin: Option<String>,
    /// The file with that part.
    case: PathBuf,
}

pub fn run(args: &Args) -> Result<()> {
    let builder = args.net.read()?.seed(args.seed);
    let batch = made_up(builder.network(), args.batch, args.seed)?;
    let module = inspect::built(builder.network(), None);
    let mut environment = environment(builder.clone().build()?.states(), &batch);
    add_gradients(&mut environment, &module, batch.n_examples(), args.seed);
    let fault = first_wrong(PIPELINE, module, &environment, batch.n_examples());
    let wrong = fault.map(|fault| write(fault, &args.output)).transpose()?;
    let pass = wrong.as_ref().map(|wrong| wrong.pass);
    let passes = PIPELINE.iter().map(|pass| pass.name).collect();
    report::print(&Report { ok: wrong.is_none(), passes, wrong }, args.json)?;
    pass.map_or(Ok(()), |pass| Err(Error::WrongPass { pass }))
}

/// Adds what some functions take beside a batch, gradients: random ones.
fn add_gradients(environment: &mut Environment, module: &Module, batch: usize, seed: u64) {
    let graphs = module.functions.iter().map(|function| &function.graph);
    let ops = graphs.flat_map(|graph| graph.ids().map(|id| graph.op(id)));
    let inputs = ops.filter_map(|op| if let Op::Input(input) = op { Some(input) } else { None });
    for (idx, input) in inputs.enumerate() {
        let stream = Stream::new(seed, GRADIENTS, idx as u64);
        let random = || {
            let mut elements = 0..;
            Value::from_fn(&input.ty, batch, |_| f64::from(stream.uniform(elements.next().expect("no end"))))
        };
        environment.entry(input.name.clone()).or_insert_with(random);
    }
}

/// Writes the case, with the command that golden files of passes begin with.
fn write(fault: Fault, path: &std::path::Path) -> Result<Wrong> {
    atomic::write(path, format!("; test: pass {}\n{}", fault.pass, fault.case).as_bytes())?;
    Ok(Wrong {
        pass: fault.pass,
        function: fault.function,
        symptom: fault.symptom.to_string(),
        origin: fault.origin.map(|origin| origin.to_string()),
        case: path.to_owned(),
    })
}

impl Display for Report {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let Some(wrong) = &self.wrong else {
            return writeln!(f, "all {} passes keep what the functions compute", self.passes.len());
        };
        writeln!(f, "{} is wrong: in {}, {}", wrong.pass, wrong.function, wrong.symptom)?;
        if let Some(origin) = &wrong.origin {
            writeln!(f, "the smallest part that it breaks is of {origin}")?;
        }
        writeln!(f, "that part is in {}", wrong.case.display())
    }
}
