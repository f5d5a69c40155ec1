//! `dlc opt`: passes on a module.

use std::path::PathBuf;

use dl::inspect::table::{Align, Table};
use dl_ir::passes::{self, PIPELINE, Pass};

use crate::commands::dump;
use crate::error::Result;
use crate::report;
use crate::subject::SubjectArg;

#[derive(clap::Args)]
pub struct Args {
    #[command(flatten)]
    subject: SubjectArg,
    /// A pass to run; may be given several times, and they run in the order given [default: all, in the pipeline's order]
    #[arg(long = "pass", value_name = "P", value_parser = dump::passes::names())]
    passes: Vec<String>,
    /// The function to show: train_step, predict, evaluate, gradients, forward, vjp or apply_gradients; of a .dlir file, one that it has
    /// [default: all of them]
    #[arg(long, value_name = "F")]
    function: Option<String>,
    /// Show where nodes come from, too: layer, place, rule and passes
    #[arg(long)]
    locations: bool,
    /// A file to write instead of standard output
    #[arg(long, value_name = "F")]
    output: Option<PathBuf>,
    /// Describe the passes, in the order of the pipeline
    #[arg(long, conflicts_with_all = ["subject", "passes", "function", "locations", "output"])]
    list: bool,
}

pub fn run(args: &Args) -> Result<()> {
    if args.list {
        return report::print_text(&list());
    }
    let module = args.subject.read()?.module(args.function.as_deref())?;
    let module = if args.passes.is_empty() {
        passes::optimize(module, |_, _| ())?
    } else {
        passes::run(args.passes.iter().map(|name| named(name)), module, |_, _| ())?
    };
    let text = if args.locations { format!("{module:#}") } else { module.to_string() };
    report::print_or_write(&text, args.output.as_deref())
}

fn list() -> String {
    let mut table = Table::new([("pass", Align::Left), ("what it does", Align::Left)]);
    PIPELINE.iter().for_each(|pass| table.row([pass.name.to_owned(), pass.description.to_owned()]));
    table.to_string()
}

fn named(name: &str) -> &'static Pass {
    passes::find(name).expect("one of these names")
}
