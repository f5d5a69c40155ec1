//! `dlc summary`: a network at a glance.

use dl::inspect::Summary;

use crate::args::{Net, Width, positive};
use crate::error::Result;
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
    /// Print one line of JSON
    #[arg(long)]
    json: bool,
}

pub fn run(args: &Args) -> Result<()> {
    let builder = args.net.read()?;
    let summary = Summary::new(builder.network(), args.width.target(), args.batch)?;
    report::print(&summary, args.json)
}
