//! Kernels compiled into the memory of this process, for the CPU that it runs on.

use std::fmt;
use std::io;
use std::mem;
use std::sync::Mutex;

use cranelift_codegen::CodegenError;
use cranelift_codegen::isa::OwnedTargetIsa;
use cranelift_codegen::settings::{self, Configurable, Flags};
use cranelift_jit::{ArenaMemoryProvider, JITBuilder, JITModule};
use cranelift_module::{ModuleError, default_libcall_names};
use dl_runtime::machine::{Machine, ProgramId, RunError};
use dl_runtime::program::{Code, KernelFn, Program};
use thiserror::Error;

use crate::emit::{DefineError, define_kernels};
use crate::kernel::Kernel;
use crate::stages::Stages;
use crate::vector::Lanes;

/// The address space reserved for the code of one module, in bytes; only what is used takes memory. It is one piece, so
/// that calls within it are near ones on every target (aarch64 reaches 128 MiB).
const RESERVED: usize = 64 << 20;

/// A feature's name, and whether the CPU has it.
macro_rules! feature {
    ($name:tt) => {{
        #[cfg(target_arch = "x86_64")]
        let present = is_x86_feature_detected!($name);
        #[cfg(not(target_arch = "x86_64"))]
        let present = false;
        ($name, present)
    }};
}
/// Why kernels cannot be compiled and run on this machine.
#[derive(Debug, Error)]
pub enum JitError {
    /// Cranelift has no code generator for it.
    #[error("compiled code cannot run on this machine: {reason}")]
    Host {
        /// Cranelift's reason.
        reason: &'static str,
    },
    /// The CPU lacks instructions for this width.
    #[error(
        "vectors of {} lanes need instructions that this CPU lacks: {}; choose fewer lanes",
        lanes.count(),
        missing.join(", ")
    )]
    CpuFeatures {
        /// The width asked for.
        lanes: Lanes,
        /// What the CPU lacks.
        missing: Vec<&'static str>,
    },
    /// Cranelift rejects its own settings for this machine.
    #[error("Cranelift cannot be set up for this machine")]
    Isa(#[source] Box<CodegenError>),
    /// No address space is left.
    #[error("cannot reserve {bytes} bytes of address space for code")]
    Memory {
        /// How many were asked for.
        bytes: usize,
        /// The system's reason.
        source: io::Error,
    },
    /// A kernel cannot be compiled.
    #[error(transparent)]
    Define(#[from] DefineError),
    /// The code cannot be made executable.
    #[error("compiled code cannot be made executable")]
    Finalize(#[source] Box<ModuleError>),
}

/// Compiles kernels whose programs are `lanes` wide; stages say how programs become code.
///
/// # Errors
///
/// [`JitError`]: this machine cannot run such code, memory is not to be had, or a kernel is not valid.
pub fn compile(stages: &Stages, kernels: &[Kernel], lanes: Lanes) -> Result<CompiledKernels, JitError> {
    let missing = missing_features(lanes);
    if !missing.is_empty() {
        return Err(JitError::CpuFeatures { lanes, missing });
    }
    let mut module = host_module()?;
    let ids = define_kernels(&mut module, stages, kernels, lanes)?;
    module.finalize_definitions().map_err(|error| JitError::Finalize(Box::new(error)))?;
    let functions = ids.into_iter().map(|id| {
        let address = module.get_finalized_function(id);
        // SAFETY: the address is the start of a finished function with the signature of `KernelFn`, in the default
        // calling convention of the host, which is `extern "C"`.
        unsafe { mem::transmute::<*const u8, KernelFn>(address) }
    });
    Ok(CompiledKernels { functions: functions.collect(), module: Mutex::new(Some(module)) })
}

/// Hands a program whose kernels this crate scheduled and compiled to a machine.
pub(crate) fn load(machine: &mut Machine, program: Program) -> Result<ProgramId, RunError> {
    // SAFETY: schedules touch only elements of the buffers that they are given, rounded up to a whole vector, and
    // give disjoint tasks disjoint elements to write; the kernel interpreter checks both for every schedule in tests.
    unsafe { machine.prepare(program) }
}

/// The widest vectors that this CPU has.
pub fn host_lanes() -> Lanes {
    [Lanes::L16, Lanes::L8].into_iter().find(|&lanes| missing_features(lanes).is_empty()).unwrap_or(Lanes::L4)
}

/// What this CPU lacks to run encoded programs of this width.
pub fn missing_features(lanes: Lanes) -> Vec<&'static str> {
    let needed = match lanes {
        Lanes::L4 => vec![],
        Lanes::L8 => vec![feature!("avx2"), feature!("fma")],
        Lanes::L16 => vec![feature!("avx512f"), feature!("avx512dq"), feature!("avx512vl")],
    };
    needed.into_iter().filter(|(_, present)| !present).map(|(name, _)| name).collect()
}

/// An empty module that compiles for this machine.
///
/// # Errors
///
/// If Cranelift does not know the machine, or there is no address space for code.
pub fn host_module() -> Result<JITModule, JitError> {
    let mut builder = JITBuilder::with_isa(host_isa()?, default_libcall_names());
    let memory = ArenaMemoryProvider::new_with_size(RESERVED)
        .map_err(|error| JitError::Memory { bytes: RESERVED, source: io::Error::other(error) })?;
    builder.memory_provider(Box::new(memory));
    Ok(JITModule::new(builder))
}

fn host_isa() -> Result<OwnedTargetIsa, JitError> {
    let builder = cranelift_native::builder().map_err(|reason| JitError::Host { reason })?;
    builder.finish(flags()).map_err(|error| JitError::Isa(Box::new(error)))
}

fn flags() -> Flags {
    let verify = if cfg!(debug_assertions) { "true" } else { "false" };
    let choices = [
        ("opt_level", "speed"),
        ("enable_verifier", verify),
        // The module's memory is not position-independent; library functions may be anywhere.
        ("is_pic", "false"),
        ("use_colocated_libcalls", "false"),
        // Frames are small, and nothing unwinds through kernels.
        ("enable_probestack", "false"),
        ("unwind_info", "false"),
    ];
    let mut builder = settings::builder();
    for (name, value) in choices {
        builder.set(name, value).expect("Cranelift has these settings");
    }
    Flags::new(builder)
}

/// Compiled kernels, and the memory that they lie in.
///
/// Whoever calls one of the [functions](Self::functions) keeps this alive meanwhile: a
/// [`Program`] holds it as its code.
pub struct CompiledKernels {
    functions: Vec<KernelFn>,
    /// Never locked: the mutex makes it [`Sync`]. Taken out when dropped.
    module: Mutex<Option<JITModule>>,
}

impl CompiledKernels {
    /// The kernels, in the order in which they were given.
    pub fn functions(&self) -> &[KernelFn] {
        &self.functions
    }
}

impl Code for CompiledKernels {}

impl Drop for CompiledKernels {
    fn drop(&mut self) {
        let module = self.module.get_mut().unwrap_or_else(|poisoned| poisoned.into_inner()).take();
        if let Some(module) = module {
            // SAFETY: to call a kernel is unsafe, and its caller promises to keep this value alive until the call is
            // over. So none runs now, and none will.
            unsafe { module.free_memory() }
        }
    }
}

impl fmt::Debug for CompiledKernels {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CompiledKernels").field("functions", &self.functions).finish_non_exhaustive()
    }
}
