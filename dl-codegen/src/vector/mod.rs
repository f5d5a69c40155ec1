//! Vector programs: the straight-line, width-generic innermost bodies of kernels.

pub mod builder;
pub mod interp;
mod mark;
pub mod math;
pub mod op;
pub mod philox;
pub mod program;
mod prune;
#[cfg(test)]
pub(crate) mod random;
pub mod reduce;
pub mod text;
pub mod verify;

pub use builder::ProgramBuilder;
pub use mark::Mark;
pub use program::{Address, Carried, CmpOp, Count, Inst, Lanes, Loop, Op, Program, Section, Value};
