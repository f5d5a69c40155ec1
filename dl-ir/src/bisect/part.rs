//! Parts of functions: small functions in which a fault still shows.

use std::collections::BTreeSet;
use std::ops::RangeInclusive;

use super::case;
use super::made_up::{SEED, made_up};
use crate::graph::{Graph, NodeId};
use crate::interp::{self, Environment};
use crate::module::{Function, StateDecl};
use crate::rewrite::rebuild;
use crate::types::{DType, Type};
use crate::value::Value;

/// Cones of up to so many nodes from operand to user are tried before whole functions.
const DEPTHS: RangeInclusive<usize> = 1..=6;

/// A part of a function: what leaves it, and the nodes in whose place there are inputs.
#[derive(Clone, Debug)]
pub struct Part {
    /// What it returns, by name.
    pub results: Vec<(String, NodeId)>,
    /// The states it changes, by name.
    pub updates: Vec<(String, NodeId)>,
    /// The nodes that are inputs of the part.
    pub cut: BTreeSet<NodeId>,
}

/// A small part that fails: the first of these parts that does, without the results and with as many nodes cut off as it can do without. `None` if none fails.
///
/// # Panics
/// If the environment lacks an input or a state of the function, or holds one of another shape.
pub fn smallest(
    function: &Function,
    environment: &Environment,
    batch: usize,
    parts: impl IntoIterator<Item = Part>,
    fails: &dyn Fn(&Function, &Environment) -> bool,
) -> Option<Part> {
    let graph = &function.graph;
    let values = interp::values(graph, environment, batch);
    let fails = |part: &Part| fails(&part.build(function), &part.environment(environment, &values));
    let mut part = parts.into_iter().find(&fails)?;
    for root in part.roots() {
        let smaller = part.without(root);
        if !smaller.roots().is_empty() && fails(&smaller) {
            part = smaller;
        }
    }
    for id in part.kept(graph).into_iter().rev() {
        let mut smaller = part.clone();
        let is_new = can_cut(graph, id) && !part.is_root(id) && smaller.cut.insert(id);
        if is_new && fails(&smaller) {
            part = smaller;
        }
    }
    Some(part)
}

/// A small part of a function in which a fault shows on values that are [made up](made_up) for it, so that its text alone shows it; if there
/// is none, one in which it shows on these values. First these parts are tried, then all others from small to large.
///
/// # Panics
/// As [`smallest`].
pub fn small<P: IntoIterator<Item = Part>>(
    states: &[StateDecl],
    function: &Function,
    environment: &Environment,
    batch: usize,
    first: &dyn Fn() -> P,
    fails: &dyn Fn(&Function, &Environment) -> bool,
) -> Part {
    let candidates = || first().into_iter().chain(cones(function)).chain(roots(function));
    let by_itself = |part: &Function, _: &Environment| {
        let module = case(states, part.clone());
        fails(part, &made_up(&module, batch, SEED))
    };
    smallest(function, environment, batch, candidates(), &by_itself)
        .or_else(|| smallest(function, environment, batch, candidates(), fails))
        .unwrap_or_else(|| Part::whole(function))
}

/// Parts from small to large: each node with its operands as inputs, with their operands, …
pub fn cones(function: &Function) -> impl Iterator<Item = Part> + '_ {
    let graph = &function.graph;
    DEPTHS.flat_map(move |depth| {
        graph.ids().filter(|&id| can_leave(graph, id)).map(move |root| Part::cone(graph, root, depth))
    })
}

/// What each result and update needs, and all of it.
pub fn roots(function: &Function) -> impl Iterator<Item = Part> + '_ {
    let results = function.results.iter().cloned();
    let results = results.map(|root| Part { results: vec![root], updates: vec![], cut: BTreeSet::new() });
    let updates = function.updates.iter().cloned();
    let updates = updates.map(|root| Part { results: vec![], updates: vec![root], cut: BTreeSet::new() });
    results.chain(updates).chain([Part::whole(function)])
}

impl Part {
    /// All of a function.
    pub fn whole(function: &Function) -> Self {
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

    /// Its last root: a node of the function.
    pub fn last(&self) -> Option<NodeId> {
        self.roots().into_iter().max()
    }

    fn is_root(&self, id: NodeId) -> bool {
        self.roots().contains(&id)
    }

    /// The nodes that it returns.
    fn roots(&self) -> Vec<NodeId> {
        self.results.iter().chain(&self.updates).map(|&(_, root)| root).collect()
    }

    /// The part that returns everything else.
    fn without(&self, root: NodeId) -> Part {
        let rest = |named: &[(String, NodeId)]| named.iter().filter(|(_, id)| *id != root).cloned().collect();
        Part { results: rest(&self.results), updates: rest(&self.updates), cut: self.cut.clone() }
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

    /// The part of this function as a function of its own.
    pub fn build(&self, function: &Function) -> Function {
        let graph = &function.graph;
        let mut is_live = vec![false; graph.n_nodes()];
        self.kept(graph).iter().for_each(|id| is_live[id.index()] = true);
        let (results, updates) = (self.results.clone(), self.updates.clone());
        let whole = Function { name: function.name.clone(), graph: graph.clone(), results, updates };
        rebuild(&whole, &is_live, &mut |builder, id, new| match self.cut.contains(&id) {
            true => builder.input(&cut_name(id), graph.tensor(id).clone()),
            false => builder.push(graph.op(id).clone(), &new.all(graph.operands(id))),
        })
    }

    /// What the part is run on: the function's environment, and the values of the nodes that are cut, out of those of all nodes.
    pub fn environment(&self, environment: &Environment, values: &[Vec<Value>]) -> Environment {
        let cut = self.cut.iter().map(|&id| (cut_name(id), values[id.index()][0].clone()));
        environment.clone().into_iter().chain(cut).collect()
    }
}

/// The name of the input that stands for a node; no input of a network has such a name.
pub fn cut_name(id: NodeId) -> String {
    format!("node.{}", id.0)
}

/// Whether a node can be a result.
fn can_leave(graph: &Graph, id: NodeId) -> bool {
    matches!(&graph.node(id).ty, Type::Tensor(ty) if ty.dtype != DType::Bool)
}

/// Whether an input can stand for a node. Leaves are simple enough, and rules look at constants.
pub fn can_cut(graph: &Graph, id: NodeId) -> bool {
    can_leave(graph, id) && !graph.operands(id).is_empty()
}
