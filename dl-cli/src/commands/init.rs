//! `dlc init`: initial weights.

use std::path::PathBuf;

use crate::args::Net;
use crate::error::Result;

#[derive(clap::Args)]
pub struct Args {
    #[command(flatten)]
    net: Net,
    /// The seed of everything random
    #[arg(long, value_name = "N", default_value_t = 0)]
    seed: u64,
    /// The file to write: safetensors
    #[arg(long, value_name = "W")]
    output: PathBuf,
}

pub fn run(args: &Args) -> Result<()> {
    let net = args.net.read()?.seed(args.seed).threads(1).build()?;
    Ok(net.save(&args.output)?)
}
