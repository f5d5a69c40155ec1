//! Gives every node in memory a buffer, and every buffer a place in the arena.

use dl_ir::graph::{Graph, NodeId};
use dl_ir::module::Function;
use dl_ir::ops::Op;
use dl_runtime::program::{BufferId, StatePlan};

use super::buffers::Buffers;
use super::loops::Placed;
use super::order::Order;
use super::scope::Scope;
use super::unit::{Kernels, Unit, UnitKind};
use super::{BATCH_SIZE, Body, Plan, PlanStep};

/// Assigns storage to a function's units in their order.
pub fn assign(
    function: &Function,
    state: &StatePlan,
    kernels: &Kernels,
    units: &[Unit],
    order: &Order,
    bodies: Vec<Body>,
) -> Plan {
    let slots = state.slots.iter().enumerate().map(|(index, slot)| (slot.name.as_str(), index));
    let mut assigner = Assigner {
        function,
        units,
        buffers: Buffers::new(kernels.target, kernels.stages.pack),
        scope: Scope::of_function(&function.graph, order, slots.collect()),
        inputs: Vec::new(),
        steps: Vec::new(),
    };
    assigner.add_inputs(&bodies);
    for (index, phase) in order.phases.iter().enumerate() {
        if order.check_before == Some(index) {
            assigner.check();
        }
        assigner.add_phase(phase);
    }
    if order.check_before == Some(order.phases.len()) {
        assigner.check();
    }
    assigner.finish(bodies)
}

struct Assigner<'a> {
    function: &'a Function,
    units: &'a [Unit],
    buffers: Buffers,
    scope: Scope<'a>,
    inputs: Vec<(String, BufferId)>,
    steps: Vec<PlanStep>,
}

impl Assigner<'_> {
    /// Inputs are there from the start; bodies may need the batch size too.
    fn add_inputs(&mut self, bodies: &[Body]) {
        let graphs = bodies.iter().map(|body| &body.function.graph);
        let in_bodies = graphs.flat_map(|graph| graph.ids().map(move |node| (graph, node)));
        let sizes = in_bodies.filter(|(graph, node)| matches!(graph.op(*node), Op::BatchSize(_)));
        let graph = &self.function.graph;
        let nodes = graph.ids().map(|node| (graph, node));
        for (graph, node) in nodes.filter(|(graph, node)| is_input(graph, *node)).chain(sizes) {
            let name = match graph.op(node) {
                Op::Input(input) => input.name.clone(),
                _ => BATCH_SIZE.to_owned(),
            };
            let known = self.inputs.iter().find(|(known, _)| *known == name).map(|&(_, buffer)| buffer);
            let buffer = known.unwrap_or_else(|| {
                let buffer = self.buffers.scratch(graph, node, name.clone(), 0);
                self.inputs.push((name, buffer));
                buffer
            });
            if std::ptr::eq(graph, &self.function.graph) {
                self.scope.set(node, buffer);
            }
        }
    }

    /// The kernels of a phase, with those that copy the first values of carries; then its loops.
    fn add_phase(&mut self, phase: &[usize]) {
        let step = self.steps.len();
        let mut launches = Vec::new();
        let mut loops = Vec::new();
        for &unit in phase {
            let Unit { bindings, kind } = &self.units[unit];
            match kind {
                UnitKind::Kernel(group) => {
                    launches.push((*group, self.scope.bind_all(&mut self.buffers, unit, bindings, step)));
                }
                UnitKind::Loop(repeated) => loops.push(repeated),
            }
        }
        let is_first = launches.is_empty() && loops.iter().all(|repeated| repeated.initial.is_empty());
        let batch_size = self.inputs.iter().find(|(name, _)| name == BATCH_SIZE).map(|&(_, buffer)| buffer);
        let mut placed = Vec::new();
        for (repeated, at) in loops.into_iter().zip(step + usize::from(!is_first)..) {
            let mut place = Placed::new(repeated, &mut self.scope, &mut self.buffers, step..at);
            launches.append(&mut place.first_values(&mut self.scope, &mut self.buffers));
            place.add_operands(&mut self.scope, &mut self.buffers, batch_size);
            placed.push(place);
        }
        if !is_first {
            self.steps.push(PlanStep::Launches(launches));
        }
        self.steps.extend(placed.into_iter().map(|place| place.into_step(&mut self.buffers)));
    }

    /// Every result must be finite before state is written.
    fn check(&mut self) {
        for (_, node) in &self.function.results {
            let buffer = self.scope.result(&mut self.buffers, *node, self.steps.len());
            self.steps.push(PlanStep::CheckFinite(buffer));
        }
    }

    fn finish(mut self, bodies: Vec<Body>) -> Plan {
        let mut results = Vec::new();
        for (name, node) in &self.function.results {
            let buffer = self.scope.result(&mut self.buffers, *node, self.steps.len());
            results.push((name.clone(), buffer));
        }
        let scratch = self.buffers.place();
        let Buffers { buffers, alive, origins, .. } = self.buffers;
        Plan { buffers, scratch, inputs: self.inputs, results, steps: self.steps, alive, origins, bodies }
    }
}

fn is_input(graph: &Graph, node: NodeId) -> bool {
    matches!(graph.op(node), Op::Input(_) | Op::BatchSize(_))
}
