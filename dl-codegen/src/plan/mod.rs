//! The plan of a function: in which order kernels run, and where everything lies.

mod body;
mod buffers;
mod loops;
mod order;
mod pack;
mod scope;
mod storage;
mod text;
mod unit;

use std::sync::Arc;

use dl_ir::graph::NodeId;
use dl_ir::module::{Function, Module};
use dl_ir::ops::Op;
use dl_ir::origin::Origin;
use dl_ir::types::DType;
use dl_runtime::program::{Buffer, BufferId, Element, Extent, StatePlan, StateSlot};

pub use pack::{Piece, pack};
pub(crate) use scope::name_of;
pub use unit::Kernels;

use crate::fuse::{FuseError, Group};
use crate::layout::layout;
use crate::stages::Stages;
use crate::target::Target;
use body::Loop;
use order::{Kind, order};

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
    /// For each buffer where the node that it holds comes from.
    pub origins: Vec<Option<Arc<Origin>>>,
    /// The bodies of its loops.
    pub bodies: Vec<Body>,
}

/// The body of a loop: a function whose state is the carries.
#[derive(Clone, Debug)]
pub struct Body {
    /// The scan that it is the body of.
    pub scan: NodeId,
    /// The body as a function.
    pub function: Arc<Function>,
}

/// Kernels that do not depend on each other: for each the index of its group, and its buffers.
pub type Launches = Vec<(usize, Vec<BufferId>)>;

/// A step of a plan.
#[derive(Clone, PartialEq, Debug)]
pub enum PlanStep {
    /// Run kernels.
    Launches(Launches),
    /// Stop unless this buffer is finite.
    CheckFinite(BufferId),
    /// Run phases of kernels again and again.
    Loop {
        /// How often.
        count: usize,
        /// The phases of an iteration.
        phases: Vec<Launches>,
    },
}

impl PlanStep {
    /// Its phases in order, and how often they are run.
    pub fn phases(&self) -> (usize, &[Launches]) {
        match self {
            PlanStep::Launches(launches) => (1, std::slice::from_ref(launches)),
            PlanStep::CheckFinite(_) => (1, &[]),
            PlanStep::Loop { count, phases } => (*count, phases),
        }
    }
}

/// A plan, and all kernels: of the groups, of the bodies of loops, and copies; or an op that none computes.
pub type Planned = Result<(Plan, Kernels), FuseError>;

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

/// Plans a function, given its groups. Gives the plan, and all kernels: of the groups, of the bodies of loops, and copies.
///
/// # Errors
/// If no kernel computes an op of a loop.
pub fn plan(
    stages: &Stages,
    function: &Function,
    groups: Vec<Group>,
    state: &StatePlan,
    target: Target,
) -> Planned {
    let graph = &function.graph;
    let mut kernels = Kernels::new(*stages, target);
    let mut units = kernels.add(graph, groups, None);
    let is_live = graph.needed_by(function.roots());
    let mut bodies = Vec::new();
    for node in graph.ids().filter(|id| is_live[id.index()]) {
        let Op::Scan(scan) = graph.op(node) else { continue };
        let repeated = Loop::new(function, node, scan, bodies.len(), &mut kernels)?;
        bodies.push(Body { scan: node, function: repeated.function.clone() });
        units.push(repeated.into_unit(graph));
    }
    let order = order(function, Kind::Function, &mut units, &mut |node| kernels.copy(graph, node, None));
    let plan = storage::assign(function, state, &kernels, &units, &order, bodies);
    Ok((plan, kernels))
}
