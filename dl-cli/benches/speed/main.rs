//! How fast training steps are: beside other frameworks, and as networks grow.
//!
//! `cargo bench -p dl-cli --bench speed -- peers` or `-- growth`; `-- --help` lists the options. docs/performance.md says how to read
//! what they print.

mod growth;
mod peers;
mod process;
mod svg;

use std::path::Path;
use std::process::ExitCode;

use clap::{CommandFactory, Parser, Subcommand};

use process::Error;

/// Measures training steps
#[derive(Parser)]
#[command(name = "speed")]
struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Subcommand)]
enum Command {
    /// The same steps in dl and in other frameworks, in turns
    Peers(peers::Args),
    /// Time against depth, width, batch, time steps and threads
    Growth(growth::Args),
}

const REPOSITORY: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/..");

fn main() -> ExitCode {
    // Cargo adds the option for harnesses.
    let cli = Cli::parse_from(std::env::args().filter(|argument| argument != "--bench"));
    // Cargo starts benchmarks in the folder of their package; paths are meant from the repository's.
    let done = std::env::set_current_dir(REPOSITORY).map_err(|source| Error::Folder { source });
    let done = done.and_then(|()| match cli.command {
        Some(Command::Peers(args)) => peers::run(&args),
        Some(Command::Growth(args)) => growth::run(&args),
        None => {
            println!("{}", Cli::command().render_help());
            Ok(())
        }
    });
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Writes a result into a folder, which is made if it is not there, and says so.
fn write(folder: &Path, name: &str, text: &str) -> Result<(), Error> {
    let path = folder.join(name);
    let written = std::fs::create_dir_all(folder).and_then(|()| std::fs::write(&path, text));
    written.map_err(|source| Error::Write { path: path.clone(), source })?;
    eprintln!("wrote {}", path.display());
    Ok(())
}
