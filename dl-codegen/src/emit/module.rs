//! Defines kernels in a Cranelift module: in memory that the JIT runs from, or in an object file.

use std::collections::HashMap;

use cranelift_codegen::Context;
use cranelift_frontend::FunctionBuilderContext;
use cranelift_module::{FuncId, Module, ModuleError};
use thiserror::Error;

use super::kernel::{self, Body};
use crate::encode::EncodeError;
use crate::kernel::Kernel;
use crate::stages::Stages;
use crate::vector::{Lanes, Program};

/// Where encoded programs start: at a cache line, as their constants want.
const LEAF_ALIGNMENT: u64 = 64;

/// Why a kernel cannot be defined.
#[derive(Debug, Error)]
pub enum DefineError {
    /// A kernel has programs of another width.
    #[error("program p{program} has vectors of {} lanes, but the code is for {}", found.count(), expected.count())]
    Lanes {
        /// Which of [`Kernel::programs`].
        program: usize,
        /// The width of the code.
        expected: Lanes,
        /// The width of the program.
        found: Lanes,
    },
    /// A program cannot be encoded.
    #[error("program p{program} cannot be encoded")]
    Encode {
        /// Which of [`Kernel::programs`].
        program: usize,
        /// Why not.
        source: EncodeError,
    },
    /// Cranelift refused.
    #[error("Cranelift cannot compile a kernel")]
    Module(#[source] Box<ModuleError>),
}

impl From<ModuleError> for DefineError {
    fn from(error: ModuleError) -> Self {
        DefineError::Module(Box::new(error))
    }
}

/// Defines each kernel as a function of its own, without a name outside the module.
///
/// # Errors
///
/// If a program is not `lanes` wide or cannot be encoded, or the module refuses.
pub fn define_kernels<M: Module>(
    module: &mut M,
    stages: &Stages,
    kernels: &[Kernel],
    lanes: Lanes,
) -> Result<Vec<FuncId>, DefineError> {
    let mut definer = Definer::new(module, *stages, lanes, false);
    kernels
        .iter()
        .map(|kernel| {
            definer.emit(kernel)?;
            definer.define()
        })
        .collect()
}

/// Defines kernels one by one, in two steps so that both forms can be looked at: [`emit`](Self::emit) leaves CLIF in
/// [`context`](Self::context), [`define`](Self::define) machine code.
pub struct Definer<'m, 'k, M> {
    module: &'m mut M,
    stages: Stages,
    lanes: Lanes,
    /// Whether instructions say what they are for.
    is_located: bool,
    /// The encoded programs so far; equal ones are encoded once.
    leaves: HashMap<&'k Program, FuncId>,
    /// The kernel at hand.
    pub context: Context,
    builder_context: FunctionBuilderContext,
}

impl<'m, 'k, M: Module> Definer<'m, 'k, M> {
    /// Nothing defined yet. Where it `is_located`, instructions say what they are for: dumps ask, and nobody else.
    pub fn new(module: &'m mut M, stages: Stages, lanes: Lanes, is_located: bool) -> Self {
        let context = module.make_context();
        Definer {
            module,
            stages,
            lanes,
            is_located,
            leaves: HashMap::new(),
            context,
            builder_context: FunctionBuilderContext::new(),
        }
    }

    /// Emits the CLIF of a kernel, and defines the encoded programs that it calls.
    ///
    /// # Errors
    ///
    /// See [`define_kernels`].
    pub fn emit(&mut self, kernel: &'k Kernel) -> Result<(), DefineError> {
        let config = self.module.target_config();
        self.module.clear_context(&mut self.context);
        self.context.func.signature = kernel::kernel_signature(config);
        let programs = kernel.programs.iter().enumerate();
        let bodies = programs.map(|(idx, program)| self.body(idx, program)).collect::<Result<Vec<_>, _>>()?;
        let context = &mut self.builder_context;
        kernel::emit(&mut self.context.func, context, config, kernel, &bodies, self.is_located);
        Ok(())
    }

    /// Compiles the kernel emitted last.
    ///
    /// # Errors
    ///
    /// If Cranelift refuses.
    pub fn define(&mut self) -> Result<FuncId, DefineError> {
        let id = self.module.declare_anonymous_function(&self.context.func.signature)?;
        self.module.define_function(id, &mut self.context)?;
        Ok(id)
    }

    fn body(&mut self, idx: usize, program: &'k Program) -> Result<Body, DefineError> {
        if program.lanes != self.lanes {
            return Err(DefineError::Lanes { program: idx, expected: self.lanes, found: program.lanes });
        }
        if self.lanes == Lanes::L4 {
            return Ok(Body::Inline(self.stages.emit));
        }
        let leaf = self.leaf(idx, program)?;
        Ok(Body::Call(self.module.declare_func_in_func(leaf, &mut self.context.func)))
    }

    fn leaf(&mut self, idx: usize, program: &'k Program) -> Result<FuncId, DefineError> {
        if let Some(&leaf) = self.leaves.get(program) {
            return Ok(leaf);
        }
        let encoded =
            (self.stages.encode)(program).map_err(|source| DefineError::Encode { program: idx, source })?;
        let signature = kernel::leaf_signature(self.module.target_config());
        let leaf = self.module.declare_anonymous_function(&signature)?;
        self.module.define_function_bytes(leaf, LEAF_ALIGNMENT, &encoded.bytes, &[])?;
        self.leaves.insert(program, leaf);
        Ok(leaf)
    }
}
