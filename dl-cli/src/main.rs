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
mod missing;
mod picture;
mod report;
mod subject;

use std::process::ExitCode;

use clap::{CommandFactory, FromArgMatches, Parser};

use commands::Command;

/// A compiler for neural networks on CPUs
#[derive(Parser)]
#[command(name = "dlc", version, propagate_version = true)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

fn main() -> ExitCode {
    // `--seed -1` is a wrong value, not an unknown option.
    let numbers = |command: clap::Command| {
        command.mut_args(|arg| match arg.get_action().takes_values() {
            true => arg.allow_negative_numbers(true),
            false => arg,
        })
    };
    let matches = Cli::command().mut_subcommands(numbers).get_matches();
    match Cli::from_arg_matches(&matches).map_err(Into::into).and_then(|cli| cli.command.run()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => error::Error::show(&error),
    }
}
