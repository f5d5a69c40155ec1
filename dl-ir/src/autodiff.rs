//! Symbolic reverse-mode differentiation: gradients as more nodes of the same graph.
//!
//! The vector–Jacobian product of a whole graph is that of its nodes, users before operands, cotangents added where
//! paths meet (Griewank and Walther, *Evaluating Derivatives*, 2008). Each op's rule is in its file; this is only the
//! walk.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::builder::Builder;
use crate::graph::NodeId;
use crate::ops::{Op, VjpNode};
use crate::types::Type;

/// Appends the cotangents of `wrt`, given the cotangents `seeds` of some nodes: pairs of a node and its cotangent, of
/// the same shape. Where nothing flows, the cotangent is a constant zero.
///
/// # Panics
/// If a seed's shape is not its node's, or a node of `wrt` holds integers: bugs of the caller.
pub fn vjp(builder: &mut Builder, seeds: &[(NodeId, NodeId)], wrt: &[NodeId]) -> Vec<NodeId> {
    let last = seeds.iter().map(|(node, _)| node.index() + 1).max().unwrap_or(0);
    let active = builder.graph().reached_from(wrt);
    let mut cotangents = Cotangents::default();
    for &(node, seed) in seeds {
        cotangents.add(builder, node, 0, seed);
    }
    for node in (0..last as u32).rev().map(NodeId) {
        if active[node.index()] && cotangents.any(node) {
            propagate(builder, node, &active, &mut cotangents);
        }
    }
    wrt.iter()
        .map(|&node| cotangents.get(node, 0).unwrap_or_else(|| builder.constant_like(0.0, node)))
        .collect()
}

/// Hands the cotangents of `node` on to its operands.
fn propagate(builder: &mut Builder, node: NodeId, active: &[bool], cotangents: &mut Cotangents) {
    let op = builder.graph().op(node).clone();
    let operands = builder.graph().operands(node).to_vec();
    if let Op::Get(get) = &op {
        if let Some(cotangent) = cotangents.get(node, 0) {
            cotangents.add(builder, operands[0], get.index, cotangent);
        }
        return;
    }
    let n_results = match &builder.graph().node(node).ty {
        Type::Tensor(_) => 1,
        Type::Tuple(parts) => parts.len(),
    };
    let of_results: Vec<Option<NodeId>> = (0..n_results).map(|index| cotangents.get(node, index)).collect();
    let view = VjpNode { operands: &operands, result: node, cotangents: &of_results };
    let origin = builder.graph().origin(node).map(|origin| Arc::new(origin.vjp(op.name(), node)));
    builder.within(origin, |builder| {
        let of_operands = op.vjp(builder, &view);
        for (&operand, cotangent) in operands.iter().zip(of_operands) {
            if let Some(cotangent) = cotangent.filter(|_| active[operand.index()]) {
                cotangents.add(builder, operand, 0, cotangent);
            }
        }
    });
}

/// The cotangents collected so far, by node and result.
#[derive(Default)]
struct Cotangents(BTreeMap<(NodeId, usize), NodeId>);

impl Cotangents {
    fn add(&mut self, builder: &mut Builder, node: NodeId, result: usize, cotangent: NodeId) {
        let sum = match self.get(node, result) {
            Some(sum) => builder.add(sum, cotangent),
            None => cotangent,
        };
        self.0.insert((node, result), sum);
    }

    fn get(&self, node: NodeId, result: usize) -> Option<NodeId> {
        self.0.get(&(node, result)).copied()
    }

    fn any(&self, node: NodeId) -> bool {
        self.0.range((node, 0)..=(node, usize::MAX)).next().is_some()
    }
}
