//! The kernel interpreter: runs a kernel on buffers of words, and refuses to touch anything beyond them.

use super::{Arg, Index, Kernel, Stmt, Term};
use crate::vector::interp::{self, Memory};

/// What a kernel did wrong: a bug in its schedule.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum KernelError {
    /// It touched a word outside a buffer.
    #[error("buffer {buffer} has {len} words; the kernel touches word {word}")]
    OutOfBounds {
        /// Which buffer.
        buffer: usize,
        /// Its length.
        len: usize,
        /// The word.
        word: i64,
    },
    /// It wrote to a buffer that it declares to only read, or read one that it only writes.
    #[error("buffer {buffer} is {what} against its declaration")]
    Undeclared {
        /// Which buffer.
        buffer: usize,
        /// `read` or `written`.
        what: &'static str,
    },
    /// A program went wrong.
    #[error("program {program}: {error}")]
    Program {
        /// Which program.
        program: usize,
        /// What happened.
        error: String,
    },
}
