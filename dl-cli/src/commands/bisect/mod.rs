//! `dlc bisect`: which pass or which stage behind them is wrong.

mod report;
pub mod search;
#[cfg(test)]
mod tests;

use std::path::PathBuf;

use dl::inspect;
use dl_ir::bisect::made_up::made_up;

use self::report::Report;
use self::search::Compiler;
use crate::args::{host_widths, positive};
use crate::error::Result;
use crate::made_up;
use crate::subject::{Subject, SubjectArg};

#[derive(clap::Args)]
pub struct Args {
    #[command(flatten)]
    subject: SubjectArg,
    /// Examples in a batch
    #[arg(long, value_name = "N", default_value_t = 3, value_parser = positive())]
    batch: usize,
    /// The seed of weights and data
    #[arg(long, value_name = "N", default_value_t = 0)]
    seed: u64,
    /// The file for a small function with the same fault, if there is one
    #[arg(long, value_name = "F", default_value = "bisect.dlir")]
    output: PathBuf,
    /// Print one line of JSON
    #[arg(long)]
    json: bool,
}

pub fn run(args: &Args) -> Result<()> {
    let compiler = Compiler::new(host_widths());
    let subject = args.subject.read()?;
    let found = search(&compiler, &subject, args)?;
    crate::report::print(&found, args.json)?;
    found.error().map_or(Ok(()), Err)
}

/// Searches a compiler on a subject.
fn search(compiler: &Compiler<'_>, subject: &Subject, args: &Args) -> Result<Report> {
    let batch = args.batch;
    let (module, environment, may_be_done) = match subject {
        Subject::Network(builder) => {
            let data = made_up::made_up(builder.network(), batch, args.seed)?;
            let module = inspect::built(builder.network(), None);
            let environment = made_up::environment(&module, &data, batch, args.seed);
            (module, environment, false)
        }
        Subject::Module(module) => (module.clone(), made_up(module, batch, args.seed), true),
    };
    let fault = compiler.first_wrong(module, &environment, batch, may_be_done);
    Report::new(compiler, fault, &args.output)
}
