//! Vector programs: the straight-line, width-generic innermost bodies of kernels.

pub mod program;

pub use program::{Address, Carried, CmpOp, Count, Inst, Lanes, Loop, Op, Program, Section, Value};
