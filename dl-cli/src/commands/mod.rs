//! The commands, one a file.

mod bench;
mod bisect;
pub mod check;
pub mod dump;
mod eval;
mod grad;
mod init;
mod opt;
mod predict;
mod profile;
mod summary;
mod train;
mod verify;

use clap::Subcommand;

use crate::error::Result;

macro_rules! commands {
    ($($(#[doc = $about:literal])* $name:ident in $module:ident),* $(,)?) => {
        /// What to do.
        #[derive(Subcommand)]
        pub enum Command {
            $($(#[doc = $about])* $name($module::Args),)*
        }

        impl Command {
            /// Does it.
            pub fn run(self) -> Result<()> {
                match self {
                    $(Command::$name(args) => $module::run(&args),)*
                }
            }
        }
    };
}

commands! {
    /// Layers, shapes, parameters, FLOPs and memory of a network, against its budget if it has one
    Summary in summary,
    /// What a stage of the compiler makes of a network
    Dump in dump,
    /// Runs passes on the module of a network, or on one given as text
    Opt in opt,
    /// Compares passes, kernels, compiled code and gradients each with what they stand for
    Check in check,
    /// Names the first pass, kernel, plan or machine code that is wrong, and writes a small case
    Bisect in bisect,
    /// Writes initial weights
    Init in init,
    /// Writes the network's outputs `y` for a batch
    Predict in predict,
    /// Writes the loss of a batch and its gradients
    Grad in grad,
    /// Trains on a data set
    Train in train,
    /// Loss and accuracy on a data set
    Eval in eval,
    /// Measures speed, compile time and memory on made-up data
    Bench in bench,
    /// Measures each kernel of a function, beside what the machine could do
    Profile in profile,
    /// Trains on made-up data with several numbers of threads and lanes, and compares the bits
    Verify in verify,
}
