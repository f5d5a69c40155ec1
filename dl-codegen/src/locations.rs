//! Where the parts of a lowered function come from: which nodes the lines of kernels are for, and the origins of these.
//!
//! A line of a vector program has a [mark](Mark), a position among the nodes that its kernel computes; CLIF instructions and machine code follow
//! the lines. Groups that are alike share a kernel, so that a line may be for a node of each.

use std::fmt::Write;

use dl_ir::graph::NodeId;
use dl_ir::module::Function;
use dl_ir::origin::Origin;

use crate::compile::Lowered;
use crate::fuse::Group;
use crate::kernel::Kernel;
use crate::plan::name_of;
use crate::vector::{Inst, Mark};

/// The most origins that a remark lists.
const SHOWN: usize = 4;

/// Looks up what the parts of a lowered function are for.
pub struct Locations<'a> {
    function: &'a Function,
    lowered: &'a Lowered,
    /// The groups that each kernel is for.
    groups: Vec<Vec<usize>>,
}

impl<'a> Locations<'a> {
    /// Of a function that was lowered.
    pub fn new(function: &'a Function, lowered: &'a Lowered) -> Self {
        let mut groups = vec![Vec::new(); lowered.kernels.len()];
        for (group, &kernel) in lowered.kernel_of.iter().enumerate() {
            groups[kernel].push(group);
        }
        Locations { function, lowered, groups }
    }

    /// The nodes that lines of this mark are for, by name, with their origins: one for each group that the kernel is for.
    pub fn of(&self, kernel: usize, mark: Mark) -> impl Iterator<Item = (String, Option<&'a Origin>)> + '_ {
        self.groups[kernel].iter().map(move |&group| {
            let node = self.lowered.nodes[group][mark.0 as usize];
            self.of_node(group, node)
        })
    }

    fn of_node(&self, group: usize, node: NodeId) -> (String, Option<&'a Origin>) {
        let scan = self.lowered.body_of[group].map(|body| self.lowered.plan.bodies[body].scan);
        let origin = self.lowered.graph(self.function, group).origin(node);
        (name_of(scan, node), origin.map(AsRef::as_ref))
    }

    /// The nodes of a group, by name, with their origins.
    pub fn of_group(&self, group: usize) -> impl Iterator<Item = (String, Option<&'a Origin>)> + '_ {
        let nodes = self.lowered.groups[group].nodes();
        nodes.into_iter().map(move |node| self.of_node(group, node))
    }

    /// Where a group's main node and what it writes come from.
    pub fn of_results(&self, group: usize) -> impl Iterator<Item = &'a Origin> + '_ {
        let Group { outputs, .. } = &self.lowered.groups[group];
        let nodes = std::iter::once(self.lowered.groups[group].main()).chain(outputs.iter().copied());
        nodes.filter_map(move |node| self.of_node(group, node).1)
    }

    /// Whether a group has nodes of a layer.
    pub fn is_of_layer(&self, group: usize, layer: &str) -> bool {
        self.of_group(group).any(|(_, origin)| origin.is_some_and(|origin| origin.layer() == Some(layer)))
    }

    /// The kernels of those groups that `is_shown` names.
    pub fn kernels(&self, is_shown: impl Fn(usize) -> bool) -> Vec<usize> {
        let kernels = 0..self.groups.len();
        kernels.filter(|&kernel| self.groups[kernel].iter().any(|&group| is_shown(group))).collect()
    }

    /// The parts of the network that a kernel is for, each once: `layer dense1, loss`.
    pub fn parts(&self, kernel: usize) -> String {
        let mut parts: Vec<String> = Vec::new();
        for &group in &self.groups[kernel] {
            for (_, origin) in self.of_group(group) {
                let part = origin.map(|origin| origin.part.to_string());
                parts.extend(part.filter(|part| !parts.contains(part)));
            }
        }
        parts.join(", ")
    }

    /// What lines of this mark are for, in a line: `%12 layer dense1 at 1:26 vjp max %7`.
    pub fn remark(&self, kernel: usize, mark: Mark) -> String {
        let mut text = String::new();
        for (idx, (name, origin)) in self.of(kernel, mark).take(SHOWN).enumerate() {
            let separator = if idx == 0 { "" } else { ", " };
            write!(text, "{separator}{name}").expect("writing to a string");
            if let Some(origin) = origin {
                write!(text, " {origin}").expect("writing to a string");
            }
        }
        match self.groups[kernel].len().saturating_sub(SHOWN) {
            0 => text,
            more => format!("{text}, and {more} more"),
        }
    }
}

/// Remarks on lines, one for each run of lines that are for the same.
pub struct Runs<'a> {
    locations: &'a Locations<'a>,
    kernel: usize,
    last: Option<u32>,
}

impl<'a> Runs<'a> {
    /// On the lines of a kernel.
    pub fn new(locations: &'a Locations<'a>, kernel: usize) -> Self {
        Runs { locations, kernel, last: None }
    }

    /// What lines of this mark are for, unless the line before has the same.
    pub fn next(&mut self, mark: Mark) -> Option<String> {
        let is_new = self.last.replace(mark.0) != Some(mark.0);
        is_new.then(|| self.locations.remark(self.kernel, mark))
    }
}

/// The nodes for each mark of `first`, a kernel, given those for each mark of an equal one: equal groups may have their nodes in
/// different orders.
pub(crate) fn aligned(first: &Kernel, equal: &Kernel, nodes: &[NodeId]) -> Vec<NodeId> {
    let mut aligned = vec![nodes[0]];
    for (Inst { mark, .. }, other) in first.insts().zip(equal.insts()) {
        let position = mark.0 as usize;
        aligned.resize(aligned.len().max(position + 1), nodes[0]);
        aligned[position] = nodes[other.mark.0 as usize];
    }
    aligned
}

#[cfg(test)]
mod tests {
    use dl_runtime::program::Extent;

    use super::*;
    use crate::vector::{Address, Lanes, ProgramBuilder};

    #[test]
    fn equal_kernels_may_have_their_nodes_in_another_order() {
        let kernel = |marks: [u32; 3]| {
            let mut b = ProgramBuilder::new(Lanes::L4);
            let here = Address { arg: b.arg(), offset: 0, step: 0 };
            let mut value = b.load(here);
            for mark in marks {
                b.set_mark(Mark(mark));
                value = b.sqrt(value);
            }
            b.store(here, value);
            let (buffers, body) = (Vec::new(), Vec::new());
            Kernel { buffers, programs: vec![b.finish()], n_vars: 0, body, tasks: Extent::fixed(1).into() }
        };
        let (first, other) = (kernel([1, 2, 3]), kernel([2, 1, 3]));
        assert_eq!(first, other);
        let nodes = [30, 10, 20, 30].map(NodeId);
        assert_eq!(aligned(&first, &first, &nodes), nodes);
        assert_eq!(aligned(&first, &other, &nodes), [30, 20, 10, 30].map(NodeId));
    }
}
