//! What a kernel should compute: the meaning of its nodes in f64, given the very numbers that it reads.

use std::collections::HashMap;

use dl_ir::bisect::compare::{distance, norm};
use dl_ir::graph::{Graph, NodeId};
use dl_ir::interp::Environment;
use dl_ir::ops::{EvalContext, Op};
use dl_ir::types::DType;
use dl_ir::value::Value;

use super::nodes::Memory;
use super::words;
use crate::fuse::{Anchor, Group};
use crate::target::Target;

/// The largest relative error in L2 norm that single precision explains.
pub const TOLERANCE: f64 = 2e-5;

/// Tensors with a smaller norm are compared as if they had this one: where all cancels out, rounding is left.
const SMALL: f64 = 1e-3;

/// How much larger than what the rounding of operands makes an error may be where that is more than the tolerance: a kernel rounds at each
/// step.
const STEPS: f64 = 32.0;

/// How often that is tried.
const TRIES: u64 = 3;

/// Evaluates nodes of a graph from those that are in memory.
pub struct Reference<'r> {
    graph: &'r Graph,
    memory: &'r Memory,
    /// The group whose nodes are evaluated though they are in memory.
    group: Option<&'r Group>,
    batch: usize,
    target: Target,
    /// Where operands are to be off by as much as single precision may be: a seed.
    noise: Option<u64>,
    known: HashMap<NodeId, Vec<Value>>,
    /// No op that is evaluated reads it: inputs and states are in memory.
    environment: Environment,
}

impl<'r> Reference<'r> {
    /// Of a group, or of what lies in memory as it is.
    pub fn new(
        graph: &'r Graph,
        memory: &'r Memory,
        group: Option<&'r Group>,
        batch: usize,
        target: Target,
    ) -> Self {
        let (known, environment) = (HashMap::new(), Environment::new());
        Reference { graph, memory, group, batch, target, noise: None, known, environment }
    }

    /// The value of a node with one result.
    pub fn value(&mut self, node: NodeId) -> Value {
        self.all(node).swap_remove(0)
    }

    fn all(&mut self, node: NodeId) -> Vec<Value> {
        if let Some(values) = self.known.get(&node) {
            return values.clone();
        }
        let values = match self.memory.get(&(node, false)).filter(|_| !self.computes(node)) {
            Some(words) => {
                let value = words::to_value(words, self.graph.tensor(node), self.batch, self.target);
                vec![self.noisy(node, value)]
            }
            None => {
                let operands: Vec<Value> =
                    self.graph.operands(node).iter().flat_map(|&operand| self.all(operand)).collect();
                let operands: Vec<&Value> = operands.iter().collect();
                let ty = &self.graph.node(node).ty;
                let context = EvalContext { batch: self.batch, ty, environment: &self.environment };
                self.graph.op(node).eval(&operands, &context)
            }
        };
        self.known.insert(node, values.clone());
        values
    }

    /// Whether the group computes a node, and does not only read it: kernels read the size of a batch, and multiply it.
    fn computes(&self, node: NodeId) -> bool {
        if matches!(self.graph.op(node), Op::BatchSize(_)) {
            return true;
        }
        let is_of =
            |group: &Group| group.members.contains_key(&node) || group.anchor.map(Anchor::node) == Some(node);
        self.group.is_some_and(is_of)
    }

    fn noisy(&self, node: NodeId, mut value: Value) -> Value {
        let Some(seed) = self.noise.filter(|_| value.dtype == DType::F32) else { return value };
        for (index, element) in value.data.iter_mut().enumerate() {
            let hash =
                (seed << 40 ^ u64::from(node.0) << 20 ^ index as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15);
            let sign = if hash >> 63 == 0 { 1.0 } else { -1.0 };
            *element += sign * *element * f64::from(f32::EPSILON) / 2.0;
        }
        value
    }

    /// The relative error of what was found for a node, and whether single precision explains it.
    pub fn error(&mut self, node: NodeId, found: &Value) -> (f64, bool) {
        let expected = self.value(node);
        let error = distance(&expected, found);
        let scale = norm(&expected).max(SMALL);
        if error <= TOLERANCE * scale {
            return (error / scale, true);
        }
        let noise = (1..=TRIES).map(|seed| {
            let mut noisy = Reference {
                noise: Some(seed),
                ..Reference::new(self.graph, self.memory, self.group, self.batch, self.target)
            };
            distance(&expected, &noisy.value(node))
        });
        let explained = STEPS * noise.fold(0.0, f64::max);
        (error / scale, error <= explained)
    }
}
