//! The reference interpreter: every op by its f64 meaning, one node after the other.

use std::collections::BTreeMap;

use crate::graph::{Graph, NodeId};
use crate::module::Function;
use crate::ops::EvalContext;
use crate::value::Value;

/// Inputs and states by name. State names have a dot or come from the optimizer, so they never meet `x` and `y`.
pub type Environment = BTreeMap<String, Value>;

/// What a function returns: results and new states by name.
#[derive(Clone, PartialEq, Debug)]
pub struct Outcome {
    /// Results, by name.
    pub results: Environment,
    /// New values of the states it changes, by name.
    pub updates: Environment,
}

/// Runs a function on a batch of `batch` examples.
///
/// # Panics
/// If the environment lacks an input or a state, or holds one of another shape.
pub fn run(function: &Function, environment: &Environment, batch: usize) -> Outcome {
    let values = values(&function.graph, environment, batch);
    let pick = |named: &[(String, NodeId)]| {
        named.iter().map(|(name, id)| (name.clone(), values[id.index()][0].clone())).collect()
    };
    Outcome { results: pick(&function.results), updates: pick(&function.updates) }
}

/// The values of all nodes, by id; each node has one value, or as many as its tuple.
///
/// # Panics
/// As [`run`].
pub fn values(graph: &Graph, environment: &Environment, batch: usize) -> Vec<Vec<Value>> {
    let mut values: Vec<Vec<Value>> = Vec::with_capacity(graph.n_nodes());
    for id in graph.ids() {
        let operands = graph.operands(id);
        let operands: Vec<&Value> = operands.iter().flat_map(|o| &values[o.index()]).collect();
        let context = EvalContext { batch, ty: &graph.node(id).ty, environment };
        let value = graph.op(id).eval(&operands, &context);
        values.push(value);
    }
    values
}
