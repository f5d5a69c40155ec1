//! Looking inside: what each stage of the compiler makes of a network, as text.
//!
//! `dlc` shows the same.

mod kernels;
mod layers;
mod memory;
mod memory_map;
mod stage;
mod stages;
mod summary;
#[doc(hidden)]
pub mod table;
#[doc(hidden)]
pub mod units;
mod view;

use dl_codegen::compile::{CompileError, Lowered, lower};
use dl_codegen::emit::{DefineError, listing};
use dl_codegen::jit::{self, JitError};
use dl_codegen::locations::Locations;
use dl_codegen::plan::plan_state;
use dl_codegen::target::Target;
use dl_ir::module::{self, Module};
use dl_ir::network::Network;
use dl_runtime::arena::ArenaError;
use dl_runtime::machine::RunError;
use dl_runtime::program::BATCH_GRANULE;

use crate::error::{Error, Result};
use crate::function::Function;

pub use dl_ir::flops::flops;
pub use layers::{layer_text, layers_text};
pub use memory_map::{LiveBuffer, MemoryMap};
pub use stage::Stage;
pub use stages::{built, optimized, optimized_with};
pub use summary::{Flops, LayerSummary, Memory, Summary};
pub use view::View;

/// What a stage makes of a network on a target, as text: of one function, or of all where `function` is `None` and the stage is a
/// graph. The plan of memory is for batches of `batch` examples.
///
/// # Errors
/// If no memory could hold such a batch, or the network does not compile, which is a bug of dl.
pub fn text(
    network: &Network,
    target: Target,
    stage: Stage,
    function: Option<Function>,
    batch: usize,
) -> Result<String> {
    match stage {
        Stage::Layers => Ok(layers_text(network, false)),
        Stage::Forward | Stage::Training => Ok(built(network, function).to_string()),
        Stage::Optimized => Ok(optimized(network, function)?.to_string()),
        _ => {
            let module = optimized(network, Some(function.unwrap_or(Function::TrainStep)))?;
            module_text(&module, &module.functions[0], stage, &View::new(target, batch))
        }
    }
}

/// What a stage makes of a module as it is, as text: of one of its functions, where the stage is behind graphs. No pass is run.
///
/// # Errors
/// If no memory could hold such a batch, or the function does not compile. For one that passes made, that is a bug of dl.
pub fn module_text(
    module: &Module,
    function: &module::Function,
    stage: Stage,
    view: &View<'_>,
) -> Result<String> {
    if !stage.is_lowered() {
        return Ok(view.graphs(module));
    }
    let (state, target) = (plan_state(module, view.target), view.target);
    let lowered = lower(function, &state, target).map_err(CompileError::from)?;
    let all = Locations::new(function, &lowered);
    let locations = view.locations.then_some(&all);
    let is_shown = |group: usize| view.shows_group(&all, group);
    let shown = all.kernels(is_shown);
    let host_module = || jit::host_module().map_err(CompileError::from);
    match stage {
        Stage::Memory => memory::text(&state, &lowered, view, &is_shown),
        Stage::Clif => {
            let clif = listing::clif(&mut host_module()?, &lowered.kernels, &shown, target.lanes, locations);
            clif.map_err(defined)
        }
        Stage::Asm => {
            let asm = listing::asm(&mut host_module()?, &lowered.kernels, &shown, target.lanes, locations);
            asm.map_err(defined)
        }
        _ => Ok(kernels::text(function, &lowered, locations, &is_shown)),
    }
}

/// How many examples a plan has room for where batches have `batch`, and its bytes besides state.
fn room(lowered: &Lowered, batch: usize) -> Result<(usize, usize)> {
    let examples = batch.checked_next_multiple_of(BATCH_GRANULE);
    let bytes = examples.and_then(|examples| Some((examples, lowered.plan.scratch.checked_at(examples)?)));
    bytes.ok_or_else(|| RunError::from(ArenaError::TooLarge { examples: batch }).into())
}

fn defined(error: DefineError) -> Error {
    CompileError::from(JitError::from(error)).into()
}
