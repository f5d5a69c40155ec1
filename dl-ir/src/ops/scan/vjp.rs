//! The gradient of a scan: a scan in the other direction.
//!
//! A step back rebuilds the step's primal values from the residuals that the scan has stacked: carries as the step took them, and
//! results of contractions or activations of these, none of which is computed again. It takes the cotangents of the next carries and of the step's outputs,
//! and hands on the cotangents of the carries; those of sequences it stacks. What the steps contribute to the cotangents of
//! invariants is summed outside, where that can be one contraction over time and batch ([`sums`](super::sums)).

use std::sync::Arc;

use rustc_hash::FxHashMap;

use super::sums::Sum;
use super::{Scan, body};
use crate::autodiff;
use crate::builder::Builder;
use crate::graph::NodeId;
use crate::ops::{Op, VjpNode};
use crate::rewrite;
use crate::types::TensorType;

/// The cotangents of a scan's operands.
pub(super) fn vjp(scan: &Scan, builder: &mut Builder, node: &VjpNode<'_>) -> Vec<Option<NodeId>> {
    let mut back = Back { body: builder.beside(), ..Back::default() };
    let primal = Primal::new(&mut back, builder, scan, node.operands);
    let seeds = primal.seeds(&mut back, builder, node);
    let wrt: Vec<NodeId> =
        primal.inputs.iter().copied().filter(|&input| !back.body.is_discrete(input)).collect();
    let cotangents = autodiff::vjp(&mut back.body, &seeds, &wrt);
    let cotangents: FxHashMap<NodeId, NodeId> = wrt.into_iter().zip(cotangents).collect();

    let (carries, rest) = primal.inputs.split_at(scan.carries);
    let (sequences, invariants) = rest.split_at(scan.sequences);
    back.next = carries.iter().filter_map(|carry| cotangents.get(carry).copied()).collect();
    // Where nothing flows, autodiff gives a number.
    let flows = |back: &Back, input: &NodeId| {
        let cotangent = cotangents.get(input).copied();
        cotangent.filter(|&cotangent| !matches!(back.body.graph().op(cotangent), Op::Constant(_)))
    };
    let stacks: Vec<Option<Stack>> =
        sequences.iter().map(|input| flows(&back, input).map(|cotangent| back.stack(cotangent))).collect();
    let sums: Vec<Option<Sum>> = invariants
        .iter()
        .map(|input| flows(&back, input).map(|cotangent| Sum::plan(&mut back, builder, cotangent)))
        .collect();

    let done = back.finish(builder, scan);
    let mut of_carries = 0..;
    let mut carried = |carry: &NodeId| {
        let index = cotangents.contains_key(carry).then(|| of_carries.next()).flatten()?;
        Some(done.carry(builder, index))
    };
    let mut all: Vec<Option<NodeId>> = carries.iter().map(&mut carried).collect();
    all.extend(stacks.iter().map(|stack| stack.as_ref().map(|stack| done.stack(builder, stack))));
    all.extend(sums.iter().map(|sum| sum.as_ref().map(|sum| sum.build(builder, &done))));
    all
}

/// The primal values of a step, as the step back knows them.
struct Primal {
    /// The scan with all that its gradient reads among its outputs.
    scan: Scan,
    /// The inputs of its body, in the order of the operands.
    inputs: Vec<NodeId>,
    /// The results of its body.
    results: Vec<NodeId>,
}

impl Primal {
    fn new(back: &mut Back, builder: &mut Builder, scan: &Scan, operands: &[NodeId]) -> Self {
        let scan = scan.with_residuals();
        let graph = &scan.body.graph;
        // The same node again, if the residuals are there already.
        let tuple = builder.push(scan.clone(), operands);
        let residuals: Vec<(NodeId, NodeId)> = scan
            .results()
            .enumerate()
            .skip(scan.carries)
            .map(|(index, node)| (node, builder.get(tuple, index)))
            .collect();
        let residual = |node: NodeId| {
            let found = residuals.iter().find(|(known, _)| *known == node);
            found.expect("the scan stacks it").1
        };

        let mut copies: Vec<Option<NodeId>> = vec![None; graph.n_nodes()];
        let inputs = scan.inputs();
        for (position, (&input, &operand)) in inputs.iter().zip(operands).enumerate() {
            copies[input.index()] = Some(match position.checked_sub(scan.carries) {
                None => back.sequence(builder, residual(input)),
                Some(sequence) if sequence < scan.sequences => back.sequence(builder, operand),
                Some(_) => back.invariant(builder, operand),
            });
        }
        let computed = &scan.residuals()[scan.carries..];
        for id in graph.ids().filter(|id| !inputs.contains(id)) {
            let operands: Vec<NodeId> =
                graph.operands(id).iter().map(|o| copies[o.index()].expect("operands come first")).collect();
            let op = graph.op(id).clone();
            let origin = graph.origin(id).map(|origin| Arc::new(origin.vjp(op.name(), id)));
            let copy = back.body.within(origin, |body| body.push(op, &operands));
            if computed.contains(&id) {
                let value = back.sequence(builder, residual(id));
                back.residuals.insert(copy, value);
            }
            copies[id.index()] = Some(copy);
        }
        let copy = |node: NodeId| copies[node.index()].expect("all nodes are copied");
        for &(node, stack) in &residuals {
            back.stacks.entry(copy(node)).or_insert(stack);
        }
        let (inputs, results) = (inputs.into_iter().map(copy).collect(), scan.results().map(copy).collect());
        Primal { inputs, results, scan }
    }

    /// The cotangents that a step back begins with: of what the step returns.
    fn seeds(&self, back: &mut Back, builder: &mut Builder, node: &VjpNode<'_>) -> Vec<(NodeId, NodeId)> {
        let mut seeds = Vec::new();
        for (index, &result) in self.results.iter().enumerate() {
            let cotangent = node.cotangents.get(index).copied().flatten();
            if back.body.is_discrete(result) {
                continue;
            }
            if index < self.scan.carries {
                let zero = || builder.constant_like(0.0, node.operands[index]);
                let last = cotangent.unwrap_or_else(zero);
                seeds.push((result, back.carry(builder, last)));
            } else if let Some(cotangent) = cotangent {
                seeds.push((result, back.sequence(builder, cotangent)));
            }
        }
        seeds
    }
}

/// The scan back while it is built.
#[derive(Default)]
pub(super) struct Back {
    pub(super) body: Builder,
    /// Operands: nodes outside.
    carries: Vec<NodeId>,
    sequences: Vec<NodeId>,
    invariants: Vec<NodeId>,
    /// Results: nodes of the body.
    pub(super) next: Vec<NodeId>,
    outputs: Vec<NodeId>,
    /// Nodes of the body whose values of all steps are stacked outside, and the stacks.
    stacks: FxHashMap<NodeId, NodeId>,
    /// Residuals of the primal step, and the inputs that have their values.
    residuals: FxHashMap<NodeId, NodeId>,
}

/// The values of all steps of a node of the body.
pub(super) enum Stack {
    /// It is there outside.
    Outside(NodeId),
    /// The scan back stacks it: which of its outputs.
    Output(usize),
}

impl Back {
    /// A new carry, which begins with a node outside: its input.
    pub(super) fn carry(&mut self, builder: &Builder, initial: NodeId) -> NodeId {
        self.carries.push(initial);
        self.body.input(&body::carry_name(self.carries.len() - 1), builder.tensor(initial).clone())
    }

    fn sequence(&mut self, builder: &Builder, stack: NodeId) -> NodeId {
        let ty = builder.tensor(stack);
        let slice = TensorType::new(ty.dtype, ty.shape.without(&[0]));
        self.sequences.push(stack);
        let input = self.body.input(&body::sequence_name(self.sequences.len() - 1), slice);
        self.stacks.insert(input, stack);
        input
    }

    fn invariant(&mut self, builder: &Builder, operand: NodeId) -> NodeId {
        self.invariants.push(operand);
        self.body.input(&body::invariant_name(self.invariants.len() - 1), builder.tensor(operand).clone())
    }

    /// The values of all steps of a node of the body.
    pub(super) fn stack(&mut self, node: NodeId) -> Stack {
        if let Some(&stack) = self.stacks.get(&node) {
            return Stack::Outside(stack);
        }
        let known = self.outputs.iter().position(|&output| output == node);
        Stack::Output(known.unwrap_or_else(|| {
            self.outputs.push(node);
            self.outputs.len() - 1
        }))
    }

    /// Which nodes of the body differ from step to step.
    pub(super) fn varying(&self) -> Vec<bool> {
        let graph = self.body.graph();
        let is_varying = |id: &NodeId| match graph.op(*id) {
            Op::Input(input) => !input.name.starts_with("invariant"),
            _ => false,
        };
        graph.reached_from(&graph.ids().filter(is_varying).collect::<Vec<_>>())
    }

    /// Adds the scan to the graph outside.
    fn finish(self, builder: &mut Builder, primal: &Scan) -> Done {
        let n_carries = self.carries.len();
        let results = [self.next, self.outputs].concat();
        if results.is_empty() {
            return Done { tuple: None, n_carries };
        }
        let mut scan = Scan {
            body: primal.body.clone(),
            carries: n_carries,
            sequences: self.sequences.len(),
            invariants: self.invariants.len(),
            length: primal.length,
            reverse: !primal.reverse,
        };
        scan.set_body(self.body.finish(), results.into_iter());
        let graph = &scan.body.graph;
        let body = rewrite::rebuild(&scan.body, &rewrite::live(&scan.body), &mut |body, id, new| {
            match self.residuals.get(&id) {
                Some(&value) => body.push(graph.op(value).clone(), &[]),
                None => body.push(graph.op(id).clone(), &new.all(graph.operands(id))),
            }
        });
        scan.body = Arc::new(rewrite::sweep(body));
        let operands = [self.carries, self.sequences, self.invariants].concat();
        Done { tuple: Some(builder.push(scan.with_residuals(), &operands)), n_carries }
    }
}

/// The scan back in the graph outside.
pub(super) struct Done {
    /// `None` if there is nothing to compute step by step.
    tuple: Option<NodeId>,
    n_carries: usize,
}

impl Done {
    /// The value of a carry after the last step.
    pub(super) fn carry(&self, builder: &mut Builder, carry: usize) -> NodeId {
        builder.get(self.tuple.expect("a scan with carries has results"), carry)
    }

    /// A stack as a node outside.
    pub(super) fn stack(&self, builder: &mut Builder, stack: &Stack) -> NodeId {
        match stack {
            Stack::Outside(node) => *node,
            Stack::Output(output) => self.carry(builder, self.n_carries + output),
        }
    }
}
