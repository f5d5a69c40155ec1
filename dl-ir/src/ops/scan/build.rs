//! Builds scans: bodies by a nested builder, and the outputs that reverse mode will read.

use std::sync::Arc;

use super::{BODY, Scan};
use crate::builder::Builder;
use crate::graph::{Graph, NodeId};
use crate::module::Function;
use crate::ops::{Op, Structure};
use crate::types::TensorType;

/// How many steps there are, and in which order they go through the slices.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Steps {
    /// The number of steps, at least 1.
    pub length: usize,
    /// Whether they go from the last slice to the first.
    pub reverse: bool,
}

/// A scan's operands, or what its body sees of them.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Operands<T = NodeId> {
    /// Outside the values before the first step; inside the values before the step.
    pub carries: Vec<T>,
    /// Outside all slices along the first axis; inside the step's slice.
    pub sequences: Vec<T>,
    /// The same outside and inside.
    pub invariants: Vec<T>,
}

/// What a step returns, or the scan as a whole.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Results {
    /// Inside the values after the step; outside the values after the last step.
    pub carries: Vec<NodeId>,
    /// Inside the step's outputs; outside those of all steps, stacked along a new first axis.
    pub outputs: Vec<NodeId>,
}

impl<T: Copy> Operands<T> {
    /// All of them, in the order of the op's operands.
    pub fn all(&self) -> Vec<T> {
        [&self.carries[..], &self.sequences, &self.invariants].concat()
    }
}

impl Builder {
    /// A loop: `step` builds what a step does in a graph of its own, from what the step sees. Nodes of this builder mean nothing in
    /// there.
    ///
    /// Behind the step's outputs the scan stacks what its gradient will read ([`Scan::with_residuals`]); the pass `prune-scans`
    /// drops what nobody reads.
    ///
    /// # Panics
    /// If a sequence has no first axis of the number of steps, or a carry changes its type: bugs of the caller.
    pub fn scan(
        &mut self,
        steps: Steps,
        operands: &Operands,
        step: impl FnOnce(&mut Builder, &Operands) -> Results,
    ) -> Results {
        let types = |nodes: &[NodeId]| nodes.iter().map(|&node| self.tensor(node).clone()).collect();
        let slices = |nodes: &[NodeId]| nodes.iter().map(|&node| slice(self.tensor(node))).collect();
        let seen: Operands<TensorType> = Operands {
            carries: types(&operands.carries),
            sequences: slices(&operands.sequences),
            invariants: types(&operands.invariants),
        };
        let scan = Scan::build_in(self.beside(), steps, &seen, step);
        let n_results = scan.body.results.len();
        let tuple = self.push(scan.with_residuals(), &operands.all());
        let mut carries: Vec<NodeId> = (0..n_results).map(|index| self.get(tuple, index)).collect();
        let outputs = carries.split_off(operands.carries.len());
        Results { carries, outputs }
    }
}

/// The type of a step's slice.
fn slice(stack: &TensorType) -> TensorType {
    TensorType::new(stack.dtype, stack.shape.without(&[0]))
}

impl Scan {
    /// A scan of a body that `step` builds, given the types of what a step sees.
    pub fn build(
        steps: Steps,
        seen: &Operands<TensorType>,
        step: impl FnOnce(&mut Builder, &Operands) -> Results,
    ) -> Self {
        Scan::build_in(Builder::new(), steps, seen, step)
    }

    fn build_in(
        mut body: Builder,
        steps: Steps,
        seen: &Operands<TensorType>,
        step: impl FnOnce(&mut Builder, &Operands) -> Results,
    ) -> Self {
        let Operands { carries, sequences, invariants } = seen;
        let mut scan = Scan {
            body: Arc::new(function(Graph::default(), Vec::new())),
            carries: carries.len(),
            sequences: sequences.len(),
            invariants: invariants.len(),
            length: steps.length,
            reverse: steps.reverse,
        };
        let types = carries.iter().chain(sequences).chain(invariants).enumerate();
        let mut carries: Vec<NodeId> =
            types.map(|(operand, ty)| body.input(&scan.input_name(operand), ty.clone())).collect();
        let mut sequences = carries.split_off(scan.carries);
        let invariants = sequences.split_off(scan.sequences);
        let results = step(&mut body, &Operands { carries, sequences, invariants });
        scan.set_body(body.finish(), results.carries.into_iter().chain(results.outputs));
        scan
    }

    /// Sets the body, given its results in order.
    pub(super) fn set_body(&mut self, graph: Graph, results: impl Iterator<Item = NodeId>) {
        let named = results.enumerate().map(|(index, node)| (self.result_name(index), node)).collect();
        self.body = Arc::new(function(graph, named));
    }

    /// This scan, with all that its gradient reads among its outputs: each carry as the step takes it, and each contraction that
    /// depends on a carry, or the sum that it goes into, or activations of that. What is there already is not stacked again.
    pub fn with_residuals(&self) -> Self {
        let mut outputs: Vec<NodeId> = self.results().skip(self.carries).collect();
        for residual in self.residuals() {
            if !outputs.contains(&residual) {
                outputs.push(residual);
            }
        }
        let carries: Vec<NodeId> = self.results().take(self.carries).collect();
        let mut scan = self.clone();
        scan.set_body(self.body.graph.clone(), carries.into_iter().chain(outputs));
        scan
    }

    /// The nodes of the body that its gradient reads instead of computing them again, carries first.
    pub(super) fn residuals(&self) -> Vec<NodeId> {
        let graph = &self.body.graph;
        let mut residuals = self.inputs();
        residuals.truncate(self.carries);
        let depends = graph.reached_from(&residuals);
        let is_contraction = |id: &NodeId| depends[id.index()] && graph.op(*id).structure() == Structure::Contract;
        for contraction in graph.ids().filter(is_contraction) {
            let sum = self.only_sum(contraction);
            for residual in self.activations(sum).unwrap_or_else(|| vec![sum]) {
                if !residuals.contains(&residual) {
                    residuals.push(residual);
                }
            }
        }
        residuals
    }

    /// The activations that read a node, each a part of its own or one all of it, if nothing else does: where their gradients need no more
    /// than their results, these serve in the node's stead, and spare the activations.
    fn activations(&self, node: NodeId) -> Option<Vec<NodeId>> {
        let graph = &self.body.graph;
        let users = graph.users(node);
        let is_result = self.results().any(|result| result == node);
        match users[..] {
            _ if is_result => None,
            [user] if matches!(graph.op(user), Op::Logistic(_) | Op::Tanh(_)) => Some(users),
            _ if users.iter().all(|&user| matches!(graph.op(user), Op::Slice(_))) => {
                let of_parts = users.into_iter().map(|part| self.activations(part));
                Some(of_parts.collect::<Option<Vec<_>>>()?.concat())
            }
            _ => None,
        }
    }

    /// The sum that a node is a term of, if it is of no other use: it serves in the node's stead, and spares the other terms.
    fn only_sum(&self, node: NodeId) -> NodeId {
        let graph = &self.body.graph;
        match graph.users(node)[..] {
            [user] if matches!(graph.op(user), Op::Add(_)) && !self.results().any(|result| result == node) => {
                self.only_sum(user)
            }
            _ => node,
        }
    }
}

fn function(graph: Graph, results: Vec<(String, NodeId)>) -> Function {
    Function { name: BODY.to_owned(), graph, results, updates: Vec::new() }
}
