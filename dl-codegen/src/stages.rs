//! The stages of code generation as functions: those of the compiler, or others in their place.

use cranelift_codegen::ir;
use cranelift_frontend::FunctionBuilder;
use dl_ir::graph::Graph;
use dl_ir::module::Function;
use dl_runtime::program::StatePlan;

use crate::encode::{EncodeError, Encoded, encode};
use crate::fuse::{FuseError, Group, fuse};
use crate::plan::{Piece, Planned, pack, plan};
use crate::schedule::{Scheduled, schedule};
use crate::target::Target;
use crate::vector::Program;

/// What code generation consists of. Who looks for a fault exchanges stages and sees whether it is found.
#[derive(Clone, Copy, Debug)]
pub struct Stages {
    /// Which nodes share a kernel.
    pub fuse: fn(&Function, Target) -> Result<Vec<Group>, FuseError>,
    /// The kernel of a group.
    pub schedule: fn(&Graph, &Group, Target) -> Scheduled,
    /// The order of kernels, and the places of buffers. It fuses and schedules bodies of loops, too.
    pub plan: fn(&Stages, &Function, Vec<Group>, &StatePlan, Target) -> Planned,
    /// Where in the arena pieces lie that are alive at these steps, and the size of it all.
    pub pack: fn(&[Piece]) -> (Vec<usize>, usize),
    /// The CLIF of a vector program of 128 bits.
    pub emit: fn(&mut FunctionBuilder, &Program, &[ir::Value], bool),
    /// The machine code of a wider one.
    pub encode: fn(&Program) -> Result<Encoded, EncodeError>,
}

/// The compiler.
pub const STAGES: Stages = Stages { fuse, schedule, plan, pack, emit: crate::emit::vector::emit, encode };
