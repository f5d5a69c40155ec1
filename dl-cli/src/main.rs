//! `dlc`: every stage of the compiler, and training, from the command line.
//!
//! Results go to standard output, everything else to standard error. The exit status is 0, 1 for an error in a network, a file or a
//! value, or 2 for wrong usage.
#![warn(missing_docs)]
#![forbid(unsafe_code)]

mod args;
mod commands;
mod error;
mod made_up;
mod picture;
mod report;
mod subject;

use std::process::ExitCode;

use clap::Parser;

use commands::Command;

/// A compiler for neural networks on CPUs
#[derive(Parser)]
#[command(name = "dlc", version, propagate_version = true)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

fn main() -> ExitCode {
    match Cli::parse().command.run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => error.show(),
    }
}
