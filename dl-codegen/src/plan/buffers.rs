//! The buffers of a plan, and their places in the arena.

use std::sync::Arc;

use dl_ir::graph::{Graph, NodeId};
use dl_ir::origin::Origin;
use dl_ir::types::DType;
use dl_runtime::program::{Buffer, BufferId, Element, Extent, Layout, Place, Window, round_up};

use super::pack::Piece;
use crate::layout::layout;
use crate::schedule::Binding;
use crate::schedule::operands::{buffer_use, extent, stored_elements};
use crate::target::Target;

/// All buffers of a plan, and when they are alive.
pub(super) struct Buffers {
    target: Target,
    pack: fn(&[Piece]) -> (Vec<usize>, usize),
    pub(super) buffers: Vec<Buffer>,
    /// For each buffer in scratch the steps, first and last, between which it is alive.
    pub(super) alive: Vec<Option<(usize, usize)>>,
    /// For each buffer where the node that it holds comes from.
    pub(super) origins: Vec<Option<Arc<Origin>>>,
}

impl Buffers {
    pub(super) fn new(target: Target, pack: fn(&[Piece]) -> (Vec<usize>, usize)) -> Self {
        Buffers { target, pack, buffers: Vec::new(), alive: Vec::new(), origins: Vec::new() }
    }

    /// A buffer that holds a node.
    pub(super) fn add(
        &mut self,
        graph: &Graph,
        node: NodeId,
        name: String,
        place: Place,
        alive: Option<(usize, usize)>,
    ) -> BufferId {
        let tensor = graph.tensor(node);
        let element = if tensor.dtype == DType::I32 { Element::I32 } else { Element::F32 };
        let elements = self.elements(graph, node);
        let layout = layout(tensor, self.target);
        let packed_shape = match layout {
            Layout::RowMajor => Vec::new(),
            Layout::Panel { .. } => tensor.shape.as_fixed().expect("panels are of fixed size"),
        };
        self.buffers.push(Buffer { name, element, elements, layout, packed_shape, place });
        self.alive.push(alive);
        self.origins.push(graph.origin(node).cloned());
        BufferId(self.buffers.len() as u32 - 1)
    }

    /// A buffer in scratch that holds a node, written at `step`.
    pub(super) fn scratch(&mut self, graph: &Graph, node: NodeId, name: String, step: usize) -> BufferId {
        self.add(graph, node, name, Place::Scratch(Extent::default()), Some((step, step)))
    }

    /// A buffer that a kernel needs beside those of nodes: for partial sums, or for an operand that it packs.
    pub(super) fn beside(&mut self, graph: &Graph, binding: Binding, name: String, step: usize) -> BufferId {
        let elements = buffer_use(graph, binding, self.target).elements;
        let id = self.scratch(graph, binding.node(), name, step);
        let buffer = &mut self.buffers[id.0 as usize];
        (buffer.elements, buffer.layout, buffer.packed_shape) = (elements, Layout::RowMajor, Vec::new());
        id
    }

    /// A buffer in scratch for the values of a node of a body in so many slots, written from `step` on.
    pub(super) fn stack(
        &mut self,
        graph: &Graph,
        node: NodeId,
        slots: usize,
        name: String,
        step: usize,
    ) -> BufferId {
        let id = self.scratch(graph, node, name, step);
        self.widen(id, slots);
        id
    }

    /// A window of `slots` slots of a stack of values of a node; where it begins, and how it moves.
    pub(super) fn window(
        &mut self,
        (graph, node): (&Graph, NodeId),
        slots: usize,
        name: String,
        of: BufferId,
        first: usize,
        advance: isize,
    ) -> BufferId {
        let slot = self.elements(graph, node);
        let (of, first) = match self.buffers[of.0 as usize].place {
            Place::Window(outer) => (outer.of, outer.first + first),
            Place::State(_) | Place::Scratch(_) => (of, first),
        };
        let id = self.add(graph, node, name, Place::Window(Window { of, slot, first, advance }), None);
        self.widen(id, slots);
        id
    }

    fn widen(&mut self, id: BufferId, slots: usize) {
        let Extent { fixed, per_example } = &mut self.buffers[id.0 as usize].elements;
        (*fixed, *per_example) = (*fixed * slots, *per_example * slots);
    }

    fn elements(&self, graph: &Graph, node: NodeId) -> Extent {
        extent(stored_elements(graph, node, self.target))
    }

    /// Keeps a buffer, or what it is a window of, alive up to `step`.
    pub(super) fn keep_alive(&mut self, buffer: BufferId, step: usize) {
        let index = match self.buffers[buffer.0 as usize].place {
            Place::Window(window) => window.of.0,
            Place::State(_) | Place::Scratch(_) => buffer.0,
        };
        if let Some((_, to)) = &mut self.alive[index as usize] {
            *to = step.max(*to);
        }
    }

    /// Places fixed buffers first, those with a batch dimension behind them, and partial sums last; gives the size of it all.
    pub(super) fn place(&mut self) -> Extent {
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
        let (offsets, total) = (self.pack)(&pieces);
        for (index, offset) in indices.into_iter().zip(offsets) {
            self.buffers[index].place = Place::Scratch(Extent::fixed(offset));
        }
        total
    }
}
