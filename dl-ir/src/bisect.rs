//! Which pass is wrong: passes one by one, each against the interpreter, and a small function that shows the first wrong one.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::graph::{Graph, NodeId};
use crate::interp::{self, Environment, Outcome};
use crate::module::{Function, Module};
use crate::ops::Op;
use crate::origin::Origin;
use crate::passes::Pass;
use crate::rewrite::rebuild;
use crate::types::{DType, Type};
use crate::value::Value;
use crate::verify::{VerifyError, verify_module};

/// The largest relative error in L2 norm, in f64: passes may take sums in another order, and no more.
pub const TOLERANCE: f64 = 1e-8;

/// Tensors with a smaller norm are compared as if they had this one: where all cancels out, rounding is left.
const SMALL: f64 = 1e-3;

/// Cones of up to so many nodes from operand to user are tried before whole functions.
const DEPTHS: std::ops::RangeInclusive<usize> = 1..=6;

/// The first pass that is wrong.
#[derive(Clone, Debug)]
pub struct Fault {
    /// Its name.
    pub pass: &'static str,
    /// The function that it breaks.
    pub function: String,
    /// What is wrong with what it made.
    pub symptom: Symptom,
    /// A small part of that function that it breaks, too, as a module. Where operands were cut off, there are inputs.
    pub case: Module,
    /// Where the part's last node comes from.
    pub origin: Option<Arc<Origin>>,
}

/// What is wrong with what a pass made.
#[derive(Clone, PartialEq, Debug, thiserror::Error)]
pub enum Symptom {
    /// The verifier refuses it.
    #[error("{}: {}", .0.place, .0.violation)]
    Invalid(VerifyError),
    /// It gives something else.
    #[error("{tensor} differs, relative error {relative:.1e}")]
    Differs {
        /// The result, or the updated state, with the largest error.
        tensor: String,
        /// Its error in L2 norm, relative to that of what is right.
        relative: f64,
    },
}

/// Runs passes one by one; gives the first that changes what a function computes for this environment and batch size, or makes a
/// function that the verifier refuses.
///
/// # Panics
/// If the environment lacks an input or a state of the module, or holds one of another shape.
pub fn first_wrong<'p>(
    passes: impl IntoIterator<Item = &'p Pass>,
    mut module: Module,
    environment: &Environment,
    batch: usize,
) -> Option<Fault> {
    for pass in passes {
        for function in &module.functions {
            let trial = Trial { pass, module: &module, batch };
            if let Some(symptom) = trial.symptom(function, environment) {
                return Some(trial.fault(function, environment, symptom));
            }
        }
        module = pass.apply(module);
    }
    None
}

/// A pass, to be tried on functions of a module.
struct Trial<'t> {
    pass: &'t Pass,
    module: &'t Module,
    batch: usize,
}

impl Trial<'_> {
    /// What is wrong with the function behind the pass.
    fn symptom(&self, function: &Function, environment: &Environment) -> Option<Symptom> {
        let after = self.module_of((self.pass.run)(function));
        if let Err(error) = verify_module(&after) {
            return Some(Symptom::Invalid(error));
        }
        let expected = interp::run(function, environment, self.batch);
        let found = interp::run(&after.functions[0], environment, self.batch);
        let (tensor, relative) = worst(&expected, &found)?;
        (relative > TOLERANCE).then_some(Symptom::Differs { tensor, relative })
    }

    fn module_of(&self, function: Function) -> Module {
        Module { network: String::new(), states: self.module.states.clone(), functions: vec![function] }
    }

    /// Makes the function small.
    fn fault(&self, function: &Function, environment: &Environment, symptom: Symptom) -> Fault {
        let values = interp::values(&function.graph, environment, self.batch);
        let fails = |part: &Part| {
            let environment = part.environment(environment, &values);
            self.symptom(&part.build(function), &environment).is_some()
        };
        let mut part = parts(function).find(&fails).unwrap_or_else(|| Part::whole(function));
        for id in part.kept(&function.graph).into_iter().rev() {
            let mut smaller = part.clone();
            let is_new = can_cut(&function.graph, id) && !part.is_root(id) && smaller.cut.insert(id);
            if is_new && fails(&smaller) {
                part = smaller;
            }
        }
        let mut case = self.module_of(part.build(function));
        let read = states(&case.functions[0]);
        case.states.retain(|state| read.contains(&state.name));
        let last = part.results.iter().chain(&part.updates).map(|&(_, id)| id).max();
        let origin = last.and_then(|last| function.graph.origin(last).cloned());
        Fault { pass: self.pass.name, function: function.name.clone(), symptom, case, origin }
    }
}

/// A part of a function: what leaves it, and the nodes in whose place there are inputs.
#[derive(Clone)]
struct Part {
    results: Vec<(String, NodeId)>,
    updates: Vec<(String, NodeId)>,
    cut: BTreeSet<NodeId>,
}

/// Parts from small to large: each node with its operands as inputs, with their operands, …; and all that a root needs.
fn parts(function: &Function) -> impl Iterator<Item = Part> + '_ {
    let graph = &function.graph;
    let cones = DEPTHS.flat_map(move |depth| {
        graph.ids().filter(|&id| can_leave(graph, id)).map(move |root| Part::cone(graph, root, depth))
    });
    let results = function.results.iter().cloned();
    let results = results.map(|root| Part { results: vec![root], updates: vec![], cut: BTreeSet::new() });
    let updates = function.updates.iter().cloned();
    let updates = updates.map(|root| Part { results: vec![], updates: vec![root], cut: BTreeSet::new() });
    cones.chain(results).chain(updates)
}

impl Part {
    fn whole(function: &Function) -> Self {
        Part { results: function.results.clone(), updates: function.updates.clone(), cut: BTreeSet::new() }
    }

    /// A node and what it needs that is less than `depth` edges away, and further away where it cannot be an input.
    fn cone(graph: &Graph, root: NodeId, depth: usize) -> Self {
        let mut cut = BTreeSet::new();
        let mut distances = vec![None; graph.n_nodes()];
        distances[root.index()] = Some(0);
        for id in graph.ids().rev() {
            let Some(distance) = distances[id.index()] else { continue };
            if distance >= depth && can_cut(graph, id) {
                cut.insert(id);
                continue;
            }
            for operand in graph.operands(id) {
                let known = &mut distances[operand.index()];
                *known = Some(known.map_or(distance + 1, |known: usize| known.min(distance + 1)));
            }
        }
        Part { results: vec![("result".to_owned(), root)], updates: Vec::new(), cut }
    }

    fn is_root(&self, id: NodeId) -> bool {
        self.results.iter().chain(&self.updates).any(|&(_, root)| root == id)
    }

    /// Its nodes in topological order, those that are cut among them.
    fn kept(&self, graph: &Graph) -> Vec<NodeId> {
        let mut needed = vec![false; graph.n_nodes()];
        self.results.iter().chain(&self.updates).for_each(|(_, root)| needed[root.index()] = true);
        for id in graph.ids().rev().filter(|id| !self.cut.contains(id)) {
            if needed[id.index()] {
                graph.operands(id).iter().for_each(|operand| needed[operand.index()] = true);
            }
        }
        graph.ids().filter(|id| needed[id.index()]).collect()
    }

    fn build(&self, function: &Function) -> Function {
        let graph = &function.graph;
        let mut is_live = vec![false; graph.n_nodes()];
        self.kept(graph).iter().for_each(|id| is_live[id.index()] = true);
        let (results, updates) = (self.results.clone(), self.updates.clone());
        let whole = Function { name: function.name.clone(), graph: graph.clone(), results, updates };
        rebuild(&whole, &is_live, &mut |builder, id, new| match self.cut.contains(&id) {
            true => builder.input(&cut_name(id), graph.tensor(id).clone()),
            false => builder.push(graph.op(id).clone(), &new.all(&graph.operands(id))),
        })
    }

    /// The environment, and the values of the nodes that are cut.
    fn environment(&self, environment: &Environment, values: &[Vec<Value>]) -> Environment {
        let cut = self.cut.iter().map(|&id| (cut_name(id), values[id.index()][0].clone()));
        environment.clone().into_iter().chain(cut).collect()
    }
}

/// The name of the input that stands for a node; no input of a network has such a name.
fn cut_name(id: NodeId) -> String {
    format!("node.{}", id.0)
}

/// Whether a node can be a result.
fn can_leave(graph: &Graph, id: NodeId) -> bool {
    matches!(&graph.node(id).ty, Type::Tensor(ty) if ty.dtype != DType::Bool)
}

/// Whether an input can stand for a node. Leaves are simple enough, and rules look at constants.
fn can_cut(graph: &Graph, id: NodeId) -> bool {
    can_leave(graph, id) && !graph.operands(id).is_empty()
}

/// The names of the states that a function reads or changes.
fn states(function: &Function) -> BTreeSet<String> {
    let read = function.graph.ids().filter_map(|id| match function.graph.op(id) {
        Op::State(state) => Some(state.name.clone()),
        _ => None,
    });
    read.chain(function.updates.iter().map(|(name, _)| name.clone())).collect()
}

/// The tensor with the largest relative error.
fn worst(expected: &Outcome, found: &Outcome) -> Option<(String, f64)> {
    let errors = |expected: &Environment, found: &Environment| -> Vec<(String, f64)> {
        let error = |(name, value): (&String, &Value)| {
            let relative = found.get(name).map_or(f64::INFINITY, |found| relative_error(value, found));
            (name.clone(), relative)
        };
        expected.iter().map(error).collect()
    };
    let all = [errors(&expected.results, &found.results), errors(&expected.updates, &found.updates)].concat();
    all.into_iter().max_by(|(_, a), (_, b)| a.total_cmp(b))
}

/// The error in L2 norm, relative to that of the expected.
fn relative_error(expected: &Value, found: &Value) -> f64 {
    if (expected.dtype, &expected.shape) != (found.dtype, &found.shape) {
        return f64::INFINITY;
    }
    let is_same = |a: f64, b: f64| a == b || (a.is_nan() && b.is_nan());
    let pairs = expected.data.iter().zip(&found.data);
    let differences = pairs.map(|(&a, &b)| if is_same(a, b) { 0.0 } else { b - a });
    let error = norm(differences);
    // A value that is not a number, where there should be one, is the worst of all.
    if error.is_finite() { error / norm(expected.data.iter().copied()).max(SMALL) } else { f64::INFINITY }
}

fn norm(values: impl Iterator<Item = f64>) -> f64 {
    values.filter(|value| *value != 0.0).map(|value| value * value).sum::<f64>().sqrt()
}
