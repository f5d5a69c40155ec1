//! The programs that are measured, and where they are found.

use std::path::{Path, PathBuf};
use std::process::Command;

use super::cases::Case;
use super::report::Times;
use crate::process::{self, Error};

/// A program that measures a case when it is run with `CASE SECONDS`, or `dlc`.
pub struct Program {
    /// What it is called in results.
    pub name: &'static str,
    kind: Kind,
}

enum Kind {
    /// dl itself.
    Dlc,
    /// A script of this folder, the packages it imports, and what it is called with before the case.
    Python { script: &'static str, packages: &'static str, mode: Option<&'static str> },
    /// A workspace of its own in this folder, and the option that says where its program is instead.
    Cargo { folder: &'static str, elsewhere: fn(&Places) -> &Option<PathBuf> },
}

/// dl, then the peers.
pub const PROGRAMS: [Program; 7] = [
    Program { name: "dl", kind: Kind::Dlc },
    Program { name: "JAX", kind: Kind::Python { script: "peer_jax.py", packages: "jax", mode: None } },
    Program {
        name: "PyTorch",
        kind: Kind::Python { script: "peer_torch.py", packages: "torch", mode: Some("eager") },
    },
    Program {
        name: "torch.compile",
        kind: Kind::Python { script: "peer_torch.py", packages: "torch", mode: Some("compile") },
    },
    Program {
        name: "Keras",
        kind: Kind::Python { script: "peer_keras.py", packages: "keras, tensorflow", mode: None },
    },
    Program { name: "burn", kind: Kind::Cargo { folder: "burn", elsewhere: |places| &places.burn } },
    Program { name: "candle", kind: Kind::Cargo { folder: "candle", elsewhere: |places| &places.candle } },
];

/// Where programs are looked for.
pub struct Places {
    /// Interpreters; a script is run by the first that has its packages.
    pub pythons: Vec<PathBuf>,
    /// burn's program, where it is not in its own `target` folder.
    pub burn: Option<PathBuf>,
    /// candle's, likewise.
    pub candle: Option<PathBuf>,
}

/// A program as it can be run.
pub struct Found {
    pub program: &'static Program,
    path: PathBuf,
}

impl Places {
    /// Finds a program, or says what to do so that it is found.
    pub fn find(&self, program: &'static Program) -> Result<Found, String> {
        let path = match program.kind {
            Kind::Dlc => PathBuf::new(),
            Kind::Python { packages, .. } => {
                let has_them = |python: &&PathBuf| {
                    // Finding is enough; importing takes seconds.
                    let find = "import sys, importlib.util as u; \
                                sys.exit(not all(u.find_spec(name) for name in sys.argv[1].split(', ')))";
                    let run = Command::new(python).args(["-c", find, packages]).output();
                    run.is_ok_and(|run| run.status.success())
                };
                let python = self.pythons.iter().find(has_them);
                python.cloned().ok_or_else(|| {
                    format!("no interpreter given by --python has {packages}: install it with pip")
                })?
            }
            Kind::Cargo { folder, elsewhere } => {
                let program = format!("target/release/{folder}-peer");
                let folder = own_folder().join(folder);
                let path = elsewhere(self).clone().unwrap_or_else(|| folder.join(program));
                if !path.is_file() {
                    let (path, folder) = (path.display(), folder.display());
                    return Err(format!(
                        "{path} is not there: run `cargo build --release --target-dir target` in {folder}"
                    ));
                }
                path
            }
        };
        Ok(Found { program, path })
    }
}

impl Found {
    /// Measures a case once, in a process of its own.
    pub fn measure(&self, case: &Case, seconds: f64) -> Result<Times, Error> {
        let seconds_text = seconds.to_string();
        let mut command = match self.program.kind {
            Kind::Dlc => {
                let batch = case.batch.to_string();
                // Half of the time is the step's: as much as the peers take for it.
                let seconds = (2.0 * seconds).to_string();
                process::dlc(&["bench", case.network, "--batch", &batch, "--seconds", &seconds, "--json"])
            }
            Kind::Python { script, mode, .. } => {
                let mut command = Command::new(&self.path);
                command.arg(own_folder().join(script)).args(mode).args([case.name, &seconds_text]);
                command
            }
            Kind::Cargo { .. } => {
                let mut command = Command::new(&self.path);
                command.args([case.name, &seconds_text]);
                command
            }
        };
        process::last_line(&mut command)
    }
}

fn own_folder() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/benches/speed/peers"))
}
