//! The plan of a function: in which order kernels run, and where everything lies.

mod order;
mod pack;
mod storage;
mod text;

use dl_ir::graph::NodeId;
use dl_ir::module::{Function, Module};
use dl_ir::types::DType;
use dl_runtime::program::{Buffer, BufferId, Element, Extent, StatePlan, StateSlot};

use crate::layout::layout;
use crate::schedule::Scheduled;
use crate::target::Target;

/// A planned function: a program without its code.
#[derive(Clone, Debug)]
pub struct Plan {
    /// All storage.
    pub buffers: Vec<Buffer>,
    /// The size of the scratch region.
    pub scratch: Extent,
    /// The inputs by name.
    pub inputs: Vec<(String, BufferId)>,
    /// The results by name.
    pub results: Vec<(String, BufferId)>,
    /// What happens, in order.
    pub steps: Vec<PlanStep>,
    /// For each buffer in scratch the steps, first and last, between which it is alive.
    pub alive: Vec<Option<(usize, usize)>>,
}

/// A step of a plan.
#[derive(Clone, PartialEq, Debug)]
pub enum PlanStep {
    /// Run kernels that do not depend on each other: for each its index among the scheduled groups, and its buffers.
    Launches(Vec<(usize, Vec<BufferId>)>),
    /// Stop unless this buffer is finite.
    CheckFinite(BufferId),
}

/// The name under which programs that need the batch size as a number expect it among their inputs.
pub const BATCH_SIZE: &str = "batch_size";

/// Where the state of a module lies on a target, the same for all its functions.
pub fn plan_state(module: &Module, target: Target) -> StatePlan {
    let mut offset = 0;
    let slots = module.states.iter().map(|state| {
        let slot = StateSlot {
            name: state.name.clone(),
            shape: state
                .ty
                .shape
                .as_fixed()
                .expect("checked by the verifier: states do not depend on the batch"),
            element: if state.ty.dtype == DType::I32 { Element::I32 } else { Element::F32 },
            layout: layout(&state.ty, target),
            offset,
        };
        offset += slot.bytes();
        slot
    });
    StatePlan { slots: slots.collect() }
}

/// Plans a function from its kernels. `groups` gains copies that no kernel makes on its own.
pub fn plan(
    function: &Function,
    state: &StatePlan,
    target: Target,
    mut kernels: Vec<Scheduled>,
    mut copy: impl FnMut(NodeId) -> Scheduled,
) -> (Plan, Vec<Scheduled>) {
    let order = order::order(function, &mut kernels, &mut copy);
    let plan = storage::assign(function, state, target, &kernels, &order);
    (plan, kernels)
}
