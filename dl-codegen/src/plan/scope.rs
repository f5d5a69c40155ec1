//! Where the nodes of a graph lie: of the function, or of the body of a loop.

use std::collections::HashMap;

use dl_ir::graph::{Graph, NodeId};
use dl_ir::ops::Op;
use dl_runtime::program::{BufferId, Place};

use super::buffers::Buffers;
use super::order::{Copy, Order};
use crate::schedule::Binding;
use crate::schedule::operands::storage;

/// The buffers of a graph's nodes.
pub(super) struct Scope<'a> {
    /// The graph.
    pub(super) graph: &'a Graph,
    order: &'a Order,
    /// The scan that it is the body of.
    scan: Option<NodeId>,
    buffer_of: HashMap<NodeId, BufferId>,
    /// The slots of a function's states.
    slots: HashMap<&'a str, usize>,
    /// The buffers of states: of a body's when it is placed, of others when they are first used.
    states: HashMap<String, BufferId>,
    /// The places of a body's results.
    results: Vec<BufferId>,
}

impl<'a> Scope<'a> {
    /// A function, whose states have these slots.
    pub(super) fn of_function(graph: &'a Graph, order: &'a Order, slots: HashMap<&'a str, usize>) -> Self {
        let (buffer_of, states) = (HashMap::new(), HashMap::new());
        Scope { graph, order, scan: None, buffer_of, slots, states, results: Vec::new() }
    }

    /// The body of a scan.
    pub(super) fn of_body(graph: &'a Graph, order: &'a Order, scan: NodeId) -> Self {
        Scope { scan: Some(scan), ..Scope::of_function(graph, order, HashMap::new()) }
    }

    /// Gives a node its buffer.
    pub(super) fn set(&mut self, node: NodeId, buffer: BufferId) {
        self.buffer_of.insert(node, buffer);
    }

    /// Gives a state its buffer.
    pub(super) fn set_state(&mut self, name: String, buffer: BufferId) {
        self.states.insert(name, buffer);
    }

    /// Gives the next result its place.
    pub(super) fn push_result(&mut self, buffer: BufferId) {
        self.results.push(buffer);
    }

    /// The buffers of a unit, in use at `step`.
    pub(super) fn bind_all(
        &mut self,
        buffers: &mut Buffers,
        unit: usize,
        bindings: &[Binding],
        step: usize,
    ) -> Vec<BufferId> {
        bindings.iter().map(|&binding| self.bind(buffers, unit, binding, step)).collect()
    }

    fn bind(&mut self, buffers: &mut Buffers, unit: usize, binding: Binding, step: usize) -> BufferId {
        let node = storage(self.graph, binding.node());
        match binding {
            Binding::WritePartials(_) => {
                let name = format!("{} in chunks", self.name(node));
                let buffer = buffers.beside(self.graph, binding, name, step);
                self.set(node, buffer);
                return buffer;
            }
            Binding::Packed(_) => {
                let name = format!("{} in panels", self.name(node));
                return buffers.beside(self.graph, binding, name, step);
            }
            Binding::Sums(_) => {
                let name = format!("sums of {}", self.name(node));
                return buffers.beside(self.graph, binding, name, step);
            }
            _ => {}
        }
        if binding.is_write() {
            return self.bind_write(buffers, unit, node, step);
        }
        self.read(buffers, node, step)
    }

    /// The buffer of a node that is read at `step`.
    pub(super) fn read(&mut self, buffers: &mut Buffers, node: NodeId, step: usize) -> BufferId {
        let node = storage(self.graph, node);
        let buffer = match (self.graph.op(node), self.buffer_of.get(&node)) {
            (_, Some(&buffer)) => buffer,
            (Op::State(state), None) => self.state(buffers, node, &state.name),
            (_, None) => unreachable!("what a kernel reads has been written, or is an input"),
        };
        buffers.keep_alive(buffer, step);
        buffer
    }

    /// The buffer that holds a result of the function at `step`.
    pub(super) fn result(&mut self, buffers: &mut Buffers, node: NodeId, step: usize) -> BufferId {
        let buffer = self.buffer_of[&storage(self.graph, node)];
        buffers.keep_alive(buffer, step);
        buffer
    }

    fn bind_write(&mut self, buffers: &mut Buffers, unit: usize, node: NodeId, step: usize) -> BufferId {
        let state = match self.order.copies.get(&unit) {
            Some(Copy::Update(state)) => return self.state(buffers, node, state),
            Some(Copy::Result(result)) => return self.results[*result],
            Some(Copy::Tensor) => None,
            None => self.order.in_place.get(&node),
        };
        let buffer = match (state, self.order.placed.get(&node)) {
            (Some(state), _) => self.state(buffers, node, state),
            (None, Some(&result)) => self.results[result],
            (None, None) => buffers.scratch(self.graph, node, self.name(node), step),
        };
        self.set(node, buffer);
        buffer
    }

    fn state(&mut self, buffers: &mut Buffers, node: NodeId, name: &str) -> BufferId {
        if let Some(&buffer) = self.states.get(name) {
            return buffer;
        }
        let place = Place::State(self.slots[name]);
        let buffer = buffers.add(self.graph, node, name.to_owned(), place, None);
        self.states.insert(name.to_owned(), buffer);
        buffer
    }

    fn name(&self, node: NodeId) -> String {
        name_of(self.scan, node)
    }
}

/// The name of a node's buffer: that of a body's node has the scan before it.
pub(crate) fn name_of(scan: Option<NodeId>, node: NodeId) -> String {
    match scan {
        Some(scan) => format!("%{}.{}", scan.0, node.0),
        None => format!("%{}", node.0),
    }
}
