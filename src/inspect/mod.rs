//! Looking inside: what each stage of the compiler makes of a network, as text.
//!
//! `dlc` shows the same.

mod flops;
mod kernels;
mod layers;
mod memory;
mod stage;
mod stages;
mod summary;
#[doc(hidden)]
pub mod table;
#[doc(hidden)]
pub mod units;

use dl_codegen::compile::{CompileError, Lowered, lower};
use dl_codegen::emit::{DefineError, listing};
use dl_codegen::jit::{self, JitError};
use dl_codegen::plan::plan_state;
use dl_codegen::target::Target;
use dl_ir::module::{self, Module};
use dl_ir::network::Network;

use crate::error::{Error, Result};
use crate::function::Function;

pub use flops::flops;
pub use layers::layer_text;
pub use stage::Stage;
pub use stages::{built, optimized, optimized_with};
pub use summary::{Flops, LayerSummary, Memory, Summary};

/// What a stage makes of a network on a target, as text: of one function, or of all where `function` is `None` and the stage is a
/// graph. The plan of memory is for batches of `batch` examples.
///
/// # Errors
/// If the network does not compile, which is a bug of dl.
pub fn text(
    network: &Network,
    target: Target,
    stage: Stage,
    function: Option<Function>,
    batch: usize,
) -> Result<String> {
    match stage {
        Stage::Layers => Ok(layers::text(network)),
        Stage::Forward | Stage::Training => Ok(built(network, function).to_string()),
        Stage::Optimized => Ok(optimized(network, function)?.to_string()),
        Stage::Kernels => Ok(kernels::text(&Shown::new(network, target, function)?)),
        Stage::Memory => Ok(memory::text(&Shown::new(network, target, function)?, batch)),
        Stage::Clif => {
            let lowered = Shown::new(network, target, function)?.lowered;
            let mut module = jit::host_module().map_err(CompileError::from)?;
            listing::clif(&mut module, &lowered.kernels, target.lanes).map_err(defined)
        }
        Stage::Asm => {
            let lowered = Shown::new(network, target, function)?.lowered;
            let mut module = jit::host_module().map_err(CompileError::from)?;
            listing::asm(&mut module, &lowered.kernels, target.lanes).map_err(defined)
        }
    }
}

fn defined(error: DefineError) -> Error {
    CompileError::from(JitError::from(error)).into()
}

/// A function on its way to machine code, with the module that it is from.
struct Shown {
    module: Module,
    lowered: Lowered,
}

impl Shown {
    /// Of a training step, if nothing else is asked for.
    fn new(network: &Network, target: Target, function: Option<Function>) -> Result<Self> {
        let module = optimized(network, Some(function.unwrap_or(Function::TrainStep)))?;
        let lowered = lower(&module.functions[0], &plan_state(&module, target), target);
        Ok(Shown { lowered: lowered.map_err(CompileError::from)?, module })
    }

    fn function(&self) -> &module::Function {
        &self.module.functions[0]
    }
}
