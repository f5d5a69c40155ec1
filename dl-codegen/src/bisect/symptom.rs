//! What shows that a stage is wrong.

use dl_ir::bisect::caught::Panicked;

use super::misplaced::Misplaced;
use crate::compile::CompileError;
use crate::kernel::interp::KernelError;

/// What is wrong with what a stage made.
#[derive(Debug, thiserror::Error)]
pub enum Symptom {
    /// Nothing: it panicked.
    #[error(transparent)]
    Panics(#[from] Panicked),
    /// It refuses what others accept.
    #[error("it fails: {0}")]
    Fails(CompileError),
    /// A kernel reads what none computes before it.
    #[error("it reads what no kernel computes before it")]
    Unordered,
    /// What the function returns is computed by no kernel.
    #[error("no kernel computes %{node}, which leaves the function")]
    Missing {
        /// The node.
        node: u32,
    },
    /// A kernel does what it may not.
    #[error(transparent)]
    Kernel(#[from] KernelError),
    /// A kernel computes something else than its nodes mean.
    #[error("{tensor} differs, relative error {relative:.1e}")]
    Differs {
        /// The node.
        tensor: String,
        /// Its error in L2 norm, relative to that of what is right.
        relative: f64,
    },
    /// A kernel finds something else in its buffers than it should, or leaves something else.
    #[error(transparent)]
    Misplaced(#[from] Misplaced),
    /// A whole function gives something else than its kernels, one by one.
    #[error("{tensor} differs on {threads} threads from what the kernels compute one by one")]
    Run {
        /// The result or state.
        tensor: String,
        /// On how many threads.
        threads: usize,
    },
    /// Machine code computes something else than the kernel that it is of.
    #[error("element {element} of {buffer} is {found}, and {expected} by the interpreter of kernels")]
    OtherBits {
        /// The buffer.
        buffer: String,
        /// The element, as it lies in the buffer.
        element: usize,
        /// By the interpreter.
        expected: String,
        /// By machine code.
        found: String,
    },
}
