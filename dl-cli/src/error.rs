//! What goes wrong, and how it is told.

use std::error::Error as _;
use std::io::{self, IsTerminal};
use std::path::PathBuf;
use std::process::ExitCode;

use clap::error::ErrorKind;
use dl::data::DataError;
use dl_codegen::compile::CompileError;
use dl_codegen::emit::DefineError;
use dl_codegen::fuse::FuseError;
use dl_codegen::jit::JitError;
use dl_ir::text::ParseError;
use dl_ir::verify::{Place, VerifyError, Violation};
use dl_runtime::files::FileError;
use dl_runtime::machine::RunError;
use dl_runtime::tensor::TensorError;
use thiserror::Error;

/// Why a command failed.
#[derive(Debug, Error)]
pub enum Error {
    /// Arguments that do not go together.
    #[error(transparent)]
    Usage(#[from] clap::Error),
    /// The library refused.
    #[error(transparent)]
    Dl(#[from] dl::Error),
    /// A data set does not fit.
    #[error(transparent)]
    Data(#[from] DataError),
    /// A file cannot be read or written.
    #[error(transparent)]
    File(#[from] FileError),
    /// There is no file that NET could name.
    #[error("{source}; {hint}")]
    NoSuchNet {
        /// What the system says.
        source: Box<Error>,
        /// What to do.
        hint: String,
    },
    /// A tensor does not fit.
    #[error(transparent)]
    Tensor(#[from] TensorError),
    /// A pass made an invalid module.
    #[error(transparent)]
    Invalid(#[from] VerifyError),
    /// The text of a module has a mistake.
    #[error("{}: {source}", path.display())]
    ModuleText {
        /// The file.
        path: PathBuf,
        /// The mistake, with its line.
        source: Box<ParseError>,
    },
    /// A module in a file breaks a rule of the verifier.
    #[error("{}: {place}: {violation}", path.display())]
    InvalidModule {
        /// The file.
        path: PathBuf,
        /// Where.
        place: Place,
        /// Which rule, and how.
        violation: Box<Violation>,
    },
    /// A module where a network is needed.
    #[error(
        "{path} holds a module, and this command needs a network: network text or a .dl file; `dlc dump`, `dlc opt` and `dlc bisect` take modules"
    )]
    NotANetwork {
        /// The file.
        path: String,
    },
    /// A stage of code generation failed.
    #[error(transparent)]
    Compile(#[from] CompileError),
    /// Too much for a picture.
    #[error(
        "the picture would have {boxes} boxes, and at most {limit} are drawn: choose one --function, or --format dot or text"
    )]
    TooLargeToDraw {
        /// How many it would have.
        boxes: usize,
        /// How many are drawn.
        limit: usize,
    },
    /// A module given as text has something that no kernel computes.
    #[error(
        "{source}; a .dlir file is taken as it is: `dlc opt` runs the passes that bring graphs into forms that kernels compute"
    )]
    NotOptimized {
        /// What no kernel computes.
        source: FuseError,
    },
    /// There is no memory for a batch of made-up data.
    #[error("no memory for {examples} made-up examples; use a smaller --batch")]
    MadeUp {
        /// How many.
        examples: usize,
    },
    /// Results cannot be written.
    #[error("cannot write to standard output: {0}")]
    Output(io::Error),
    /// `check` found an error above its tolerance.
    #[error("{failed} of {total} comparisons are out of tolerance")]
    CheckFailed {
        /// How many.
        failed: usize,
        /// Of how many.
        total: usize,
    },
    /// `bisect` found a pass that changes what a function computes.
    #[error("pass `{pass}` changes what a function computes")]
    WrongPass {
        /// The pass.
        pass: &'static str,
    },
    /// `bisect` found a fault behind the passes.
    #[error("{stage} is wrong")]
    WrongStage {
        /// The stage.
        stage: &'static str,
    },
    /// `verify` found results that depend on threads or lanes.
    #[error("training does not give the same bits everywhere")]
    NotTheSame,
}

/// The result of a command.
pub type Result<T> = std::result::Result<T, Error>;

impl Error {
    /// Wrong usage, found after the arguments were parsed.
    pub fn usage(message: &str) -> Self {
        Error::Usage(clap::Error::raw(ErrorKind::ArgumentConflict, format!("{message}\n")))
    }

    /// The same for a module that was given as text, which may not have been through passes.
    pub fn of_module(self) -> Self {
        match self {
            Error::Compile(CompileError::Fuse(source @ FuseError::Arrangement { .. }))
            | Error::Dl(dl::Error::Compile(CompileError::Fuse(source @ FuseError::Arrangement { .. }))) => {
                Error::NotOptimized { source }
            }
            error => error,
        }
    }

    /// Tells what went wrong on standard error; gives the exit status.
    pub fn show(&self) -> ExitCode {
        match self {
            Error::Usage(error) => error.exit(),
            Error::Output(error) if error.kind() == io::ErrorKind::BrokenPipe => return ExitCode::SUCCESS,
            Error::Dl(dl::Error::Network { styled, .. }) if io::stderr().is_terminal() => {
                eprintln!("{styled}")
            }
            Error::Dl(dl::Error::Network { rendered, .. }) => eprintln!("{rendered}"),
            error => eprintln!("error: {}", error.with_causes()),
        }
        ExitCode::FAILURE
    }

    /// The message, and those of its causes that it does not repeat.
    fn with_causes(&self) -> String {
        let mut text = self.to_string();
        let mut cause = self.source();
        while let Some(error) = cause {
            let message = error.to_string();
            if !text.contains(&message) {
                text += &format!(": {message}");
            }
            cause = error.source();
        }
        text
    }
}

/// Errors of stages of code generation.
macro_rules! compile_errors {
    ($($error:ty),*) => {$(
        impl From<$error> for Error {
            fn from(error: $error) -> Self {
                Error::Compile(error.into())
            }
        }
    )*};
}

compile_errors!(FuseError, JitError, RunError);

impl From<DefineError> for Error {
    fn from(error: DefineError) -> Self {
        JitError::from(error).into()
    }
}
