//! `dlc summary`: a network at a glance.

use std::path::PathBuf;

use dl::Function;
use dl::inspect::{self, MemoryMap, Summary};
use dl_runtime::files::atomic;

use crate::args::{Net, Width, positive};
use crate::error::Result;
use crate::picture;
use crate::report;

#[derive(clap::Args)]
pub struct Args {
    #[command(flatten)]
    net: Net,
    /// Examples in a batch, for FLOPs and memory
    #[arg(long, value_name = "N", default_value_t = 32, value_parser = positive())]
    batch: usize,
    #[command(flatten)]
    width: Width,
    /// Show what a training step keeps in memory when, and what stands at the peak
    #[arg(long)]
    memory: bool,
    /// A file for a picture of that
    #[arg(long, value_name = "F", requires = "memory")]
    svg: Option<PathBuf>,
    /// Print one line of JSON
    #[arg(long)]
    json: bool,
}

pub fn run(args: &Args) -> Result<()> {
    let builder = args.width.configure(args.net.read()?);
    let (network, target) = (builder.network(), args.width.target());
    if !args.memory {
        report::print(&Summary::new(network, target, args.batch)?, args.json)?;
        return Ok(builder.check_budget()?);
    }
    let module = inspect::optimized(network, Some(Function::TrainStep))?;
    let map = MemoryMap::new(&module, &module.functions[0], target, args.batch)?;
    if let Some(path) = &args.svg {
        atomic::write(path, picture::memory(&map).as_bytes())?;
    }
    report::print(&map, args.json)?;
    Ok(builder.check_budget()?)
}
