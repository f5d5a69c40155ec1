//! `scatter-updates`: adds to the rows of a state that indices name, and leaves the others alone. The new value w − k·scatter_add(0, i, u)
//! of a state w becomes scatter_add(w, i, −k·u): the gradient of a large table never is a table itself.
//!
//! That is a step of gradient descent without momentum and weight decay; other optimizers change every row.

use super::Pass;
use crate::builder::Builder;
use crate::graph::{Graph, NodeId};
use crate::ops::{Constant, Op, ScatterAdd};
use crate::rewrite::{self, NewIds};

pub(super) const PASS: Pass = Pass {
    name: "scatter-updates",
    description: "adds to the rows of a table that indices name, and leaves the others alone",
    run: |function| {
        let mut n_roots = vec![0; function.graph.n_nodes()];
        function.roots().for_each(|root| n_roots[root.index()] += 1);
        let updates: Vec<(NodeId, Update)> = function
            .updates
            .iter()
            .filter_map(|(name, new)| Some((*new, update(&function.graph, &n_roots, name, *new)?)))
            .collect();
        if updates.is_empty() {
            return rewrite::sweep(function);
        }
        let rewritten =
            rewrite::rebuild(&function, &rewrite::live(&function), &mut |builder, id, new| match updates
                .iter()
                .find(|(update, _)| *update == id)
            {
                Some((_, update)) => {
                    builder.by_pass(PASS.name, |builder| update.build(builder, &function.graph, new))
                }
                None => builder.push(function.graph.op(id).clone(), &new.all(function.graph.operands(id))),
            });
        rewrite::sweep(rewritten)
    },
};

/// The change of a state by rows added to zeros.
struct Update {
    state: NodeId,
    scatter: NodeId,
    /// What the rows are multiplied by: tensors in which all elements are the same.
    factors: Vec<NodeId>,
    /// Whether they are subtracted.
    is_negative: bool,
}

/// The new value of a state, if it is of this form and nothing else needs its parts; `n_roots` tells how many results and new values
/// each node is.
fn update(graph: &Graph, n_roots: &[usize], name: &str, new: NodeId) -> Option<Update> {
    let (operands, is_negative) = match graph.op(new) {
        Op::Sub(_) => (graph.operands(new), true),
        Op::Add(_) => (graph.operands(new), false),
        _ => return None,
    };
    let is_state = |node: NodeId| matches!(graph.op(node), Op::State(state) if state.name == name);
    let (state, mut change) = match operands[..] {
        [state, change] if is_state(state) => (state, change),
        [change, state] if is_state(state) && !is_negative => (state, change),
        _ => return None,
    };
    let is_alone = |node: NodeId| graph.users(node).len() == 1 && n_roots[node.index()] == 0;
    if !graph.users(new).is_empty() || n_roots[new.index()] > 1 {
        return None;
    }
    let mut factors = Vec::new();
    while let Op::Mul(_) = graph.op(change) {
        let operands = graph.operands(change);
        let place = operands.iter().position(|&operand| is_same_everywhere(graph, operand))?;
        if !is_alone(change) {
            return None;
        }
        factors.push(operands[place]);
        change = operands[1 - place];
    }
    let is_of_zeros =
        matches!(graph.op(change), Op::ScatterAdd(_)) && is_zero(graph, graph.operands(change)[0]);
    (is_of_zeros && is_alone(change)).then_some(Update { state, scatter: change, factors, is_negative })
}

fn is_same_everywhere(graph: &Graph, node: NodeId) -> bool {
    match graph.op(node) {
        Op::Constant(_) => true,
        Op::Broadcast(broadcast) => broadcast.axes.is_empty(),
        _ => false,
    }
}

fn is_zero(graph: &Graph, node: NodeId) -> bool {
    matches!(graph.op(node), Op::Constant(number) if number.value() == 0.0)
}

impl Update {
    fn build(&self, builder: &mut Builder, graph: &Graph, new: &NewIds) -> NodeId {
        let [_, indices, mut rows] = graph.operands(self.scatter)[..] else {
            unreachable!("infer admits three operands")
        };
        rows = new.get(rows);
        for &factor in self.factors.iter().rev() {
            rows = times(builder, graph, new, factor, rows);
        }
        if self.is_negative {
            rows = builder.neg(rows);
        }
        builder.push(ScatterAdd, &[new.get(self.state), new.get(indices), rows])
    }
}

/// Rows times a factor, in their shape.
fn times(builder: &mut Builder, graph: &Graph, new: &NewIds, factor: NodeId, rows: NodeId) -> NodeId {
    let factor = match graph.op(factor) {
        Op::Constant(number) => builder.constant_like(Constant::value(number), rows),
        _ => builder.broadcast_like(new.get(graph.operands(factor)[0]), rows),
    };
    builder.mul(factor, rows)
}
