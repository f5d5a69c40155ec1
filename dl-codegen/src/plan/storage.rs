//! Gives every node in memory a buffer, and every buffer a place in the arena.

use std::collections::HashMap;

use dl_ir::graph::NodeId;
use dl_ir::module::Function;
use dl_ir::ops::Op;
use dl_ir::types::DType;
use dl_runtime::program::{Buffer, BufferId, Element, Extent, Layout, Place, StatePlan, round_up};

use super::order::{Copy, Order};
use super::pack::{Piece, pack};
use super::{BATCH_SIZE, Plan, PlanStep};
use crate::layout::layout;
use crate::schedule::operands::{buffer_use, extent, storage, stored_elements};
use crate::schedule::{Binding, Scheduled};
use crate::target::Target;

/// Assigns storage to a function's kernels in their order.
pub fn assign(
    function: &Function,
    state: &StatePlan,
    target: Target,
    kernels: &[Scheduled],
    order: &Order,
) -> Plan {
    let mut assigner = Assigner::new(function, state, target, order);
    assigner.add_inputs();
    let mut steps = Vec::new();
    for (index, phase) in order.phases.iter().enumerate() {
        if order.check_before == Some(index) {
            assigner.check(&mut steps);
        }
        let launches = phase.iter().map(|&kernel| {
            let bindings = kernels[kernel].bindings.iter();
            (kernel, bindings.map(|&binding| assigner.bind(kernel, binding, steps.len())).collect())
        });
        let launches = launches.collect();
        steps.push(PlanStep::Launches(launches));
    }
    if order.check_before == Some(order.phases.len()) {
        assigner.check(&mut steps);
    }
    assigner.finish(steps)
}

struct Assigner<'a> {
    function: &'a Function,
    target: Target,
    order: &'a Order,
    state_slots: HashMap<&'a str, usize>,
    buffers: Vec<Buffer>,
    alive: Vec<Option<(usize, usize)>>,
    buffer_of: HashMap<NodeId, BufferId>,
    inputs: Vec<(String, BufferId)>,
}

impl<'a> Assigner<'a> {
    fn new(function: &'a Function, state: &'a StatePlan, target: Target, order: &'a Order) -> Self {
        let slots = state.slots.iter().enumerate().map(|(index, slot)| (slot.name.as_str(), index));
        Assigner {
            function,
            target,
            order,
            state_slots: slots.collect(),
            buffers: Vec::new(),
            alive: Vec::new(),
            buffer_of: HashMap::new(),
            inputs: Vec::new(),
        }
    }

    /// Inputs are there from the start.
    fn add_inputs(&mut self) {
        let graph = &self.function.graph;
        for node in graph.ids() {
            let name = match graph.op(node) {
                Op::Input(input) => input.name.clone(),
                Op::BatchSize(_) => BATCH_SIZE.to_owned(),
                _ => continue,
            };
            let known = self.inputs.iter().find(|(known, _)| *known == name).map(|&(_, buffer)| buffer);
            let buffer = known.unwrap_or_else(|| {
                let buffer = self.scratch(node, name.clone(), 0);
                self.inputs.push((name, buffer));
                buffer
            });
            self.buffer_of.insert(node, buffer);
        }
    }

    fn scratch(&mut self, node: NodeId, name: String, step: usize) -> BufferId {
        let buffer = self.buffer(node, name, Place::Scratch(Extent::default()));
        self.push(buffer, Some((step, step)))
    }

    /// A buffer that a kernel needs beside those of nodes: for partial sums, or for an operand that it packs.
    fn beside(&mut self, binding: Binding, name: String, step: usize) -> BufferId {
        let node = binding.node();
        let elements = buffer_use(&self.function.graph, binding, self.target).elements;
        let total = self.buffer(node, name, Place::Scratch(Extent::default()));
        let buffer = Buffer { elements, layout: Layout::RowMajor, packed_shape: Vec::new(), ..total };
        self.push(buffer, Some((step, step)))
    }

    fn push(&mut self, buffer: Buffer, alive: Option<(usize, usize)>) -> BufferId {
        self.buffers.push(buffer);
        self.alive.push(alive);
        BufferId(self.buffers.len() as u32 - 1)
    }

    /// A buffer that holds a node.
    fn buffer(&self, node: NodeId, name: String, place: Place) -> Buffer {
        let tensor = self.function.graph.tensor(node);
        let element = if tensor.dtype == DType::I32 { Element::I32 } else { Element::F32 };
        let elements = extent(stored_elements(&self.function.graph, node, self.target));
        let layout = layout(tensor, self.target);
        let packed_shape = match layout {
            Layout::RowMajor => Vec::new(),
            Layout::Panel { .. } => tensor.shape.as_fixed().expect("panels are of fixed size"),
        };
        Buffer { name, element, elements, layout, packed_shape, place }
    }

    fn state(&mut self, node: NodeId, name: &str) -> BufferId {
        let place = Place::State(self.state_slots[name]);
        if let Some(index) = self.buffers.iter().position(|buffer| buffer.place == place) {
            return BufferId(index as u32);
        }
        let buffer = self.buffer(node, name.to_owned(), place);
        self.push(buffer, None)
    }

    /// The buffer of a kernel's binding, alive at `step`.
    fn bind(&mut self, kernel: usize, binding: Binding, step: usize) -> BufferId {
        let node = storage(&self.function.graph, binding.node());
        match binding {
            Binding::WritePartials(_) => {
                let buffer = self.beside(binding, format!("%{} in chunks", node.0), step);
                self.buffer_of.insert(node, buffer);
                return buffer;
            }
            Binding::Packed(_) => return self.beside(binding, format!("%{} in panels", node.0), step),
            _ => {}
        }
        if binding.is_write() {
            return self.bind_write(kernel, node, step);
        }
        if let (Op::State(state), false) = (self.function.graph.op(node), self.buffer_of.contains_key(&node))
        {
            let name = state.name.clone();
            return self.state(node, &name);
        }
        let buffer = self.buffer_of[&node];
        self.keep_alive(buffer, step);
        buffer
    }

    fn bind_write(&mut self, kernel: usize, node: NodeId, step: usize) -> BufferId {
        let state = match self.order.copies.get(&kernel) {
            Some(Copy::Update(state)) => return self.state(node, &state.clone()),
            Some(Copy::Tensor) => None,
            None => self.order.in_place.get(&node).cloned(),
        };
        let buffer = match state {
            Some(state) => self.state(node, &state),
            None => self.scratch(node, format!("%{}", node.0), step),
        };
        self.buffer_of.insert(node, buffer);
        buffer
    }

    fn keep_alive(&mut self, buffer: BufferId, step: usize) {
        if let Some((_, to)) = &mut self.alive[buffer.0 as usize] {
            *to = step.max(*to);
        }
    }

    /// Every result must be finite before state is written.
    fn check(&mut self, steps: &mut Vec<PlanStep>) {
        for (_, node) in &self.function.results {
            let buffer = self.buffer_of[&storage(&self.function.graph, *node)];
            self.keep_alive(buffer, steps.len());
            steps.push(PlanStep::CheckFinite(buffer));
        }
    }

    fn finish(mut self, steps: Vec<PlanStep>) -> Plan {
        let mut results = Vec::new();
        for (name, node) in &self.function.results {
            let buffer = self.buffer_of[&storage(&self.function.graph, *node)];
            self.keep_alive(buffer, steps.len());
            results.push((name.clone(), buffer));
        }
        let scratch = self.place();
        let (buffers, inputs, alive) = (self.buffers, self.inputs, self.alive);
        Plan { buffers, scratch, inputs, results, steps, alive }
    }

    /// Places fixed buffers first, those with a batch dimension behind them, and partial sums last; gives the size of it all.
    fn place(&mut self) -> Extent {
        let is_fixed = |extent: Extent| extent.per_example == 0;
        let is_tensor = |extent: Extent| extent.fixed == 0 && extent.per_example > 0;
        let fixed = self.place_some(is_fixed, |elements| round_up(4 * elements.fixed));
        // Capacities are multiples of 16 examples: these sizes need no rounding.
        let per_example = self.place_some(is_tensor, |elements| 4 * elements.per_example);
        let mut end = Extent { fixed, per_example };
        for buffer in &mut self.buffers {
            let Place::Scratch(offset) = &mut buffer.place else { continue };
            if is_tensor(buffer.elements) {
                *offset = Extent { fixed, per_example: offset.fixed };
            } else if !is_fixed(buffer.elements) {
                *offset = end;
                end.fixed += round_up(4 * buffer.elements.fixed);
                end.per_example += 4 * buffer.elements.per_example;
            }
        }
        end
    }

    fn place_some(&mut self, which: impl Fn(Extent) -> bool, size: impl Fn(Extent) -> usize) -> usize {
        let chosen = self.buffers.iter().zip(&self.alive).enumerate();
        let chosen = chosen.filter(|(_, (buffer, _))| which(buffer.elements));
        let (indices, pieces): (Vec<usize>, Vec<Piece>) = chosen
            .filter_map(|(index, (buffer, alive))| {
                let (from, to) = (*alive)?;
                Some((index, Piece { size: size(buffer.elements), from, to }))
            })
            .unzip();
        let (offsets, total) = pack(&pieces);
        for (index, offset) in indices.into_iter().zip(offsets) {
            self.buffers[index].place = Place::Scratch(Extent::fixed(offset));
        }
        total
    }
}
