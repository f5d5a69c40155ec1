//! The part of a network's budget that depends on the target: memory.

use dl_codegen::target::Target;
use dl_ir::network::{DEFAULT_BATCH, Network};

use crate::error::{Error, Result};
use crate::function::Function;
use crate::inspect::{LiveBuffer, MemoryMap, Summary, optimized};

/// How many buffers a message names.
const NAMED: usize = 3;

/// Checks the memory that a network needs on a target against its budget, if that has a limit for it.
pub fn check(network: &Network, target: Target) -> Result<()> {
    let Some((budget, limit)) = network.budget().and_then(|budget| Some((budget, budget.arena?))) else {
        return Ok(());
    };
    let batch = usize::try_from(budget.batch.unwrap_or(DEFAULT_BATCH)).unwrap_or(usize::MAX);
    let needed = Summary::new(network, target, batch)?.memory.arena_bytes;
    if needed as u64 <= limit {
        return Ok(());
    }
    let module = optimized(network, Some(Function::TrainStep))?;
    let map = MemoryMap::new(&module, &module.functions[0], target, batch)?;
    let largest = map.at_peak().into_iter().take(NAMED).map(shown).collect::<Vec<_>>().join(", ");
    let (state, peak_step) = (map.state_bytes, map.peak);
    Err(Error::ArenaBudget { batch, needed, limit, state, peak_step, largest })
}

fn shown(buffer: &LiveBuffer) -> String {
    let part = if buffer.part.is_empty() { &buffer.name } else { &buffer.part };
    format!("{part} ({})", buffer.bytes)
}
