//! Loops: the body of a scan as kernels in order.
//!
//! To its plan, a body is a function whose state is the carries: each step updates them in place where that is possible. Only a
//! carry of which the scan stacks all values lies in a stack: a step reads it in one slot and writes it to the next.

use std::sync::Arc;

use dl_ir::builder::Builder;
use dl_ir::graph::{Graph, NodeId};
use dl_ir::module::Function;
use dl_ir::ops::{Op, Scan, State};
use dl_ir::types::Dim;

use super::order::{Kind, Order, order};
use super::unit::{Kernels, Unit, UnitKind};
use crate::fuse::{Anchor, Class, FuseError, Group, Space};
use crate::schedule::operands::{is_number, shape_elements};
use crate::schedule::{Binding, fills_blocks};

/// A scan on its way into a plan.
#[derive(Clone, Debug)]
pub struct Loop {
    /// The scan's node.
    pub node: NodeId,
    /// The scan.
    pub scan: Scan,
    /// For each carry, whether its values lie in a stack.
    pub is_stacked: Vec<bool>,
    /// For each of the scan's outputs, where its stack comes from.
    pub outputs: Vec<Output>,
    /// For each carry, the kernel that copies its first value.
    pub initial: Vec<Unit>,
    /// The body as a function. Its inputs and states have the names that the scan gives its inputs; its results are the stacked carries, then
    /// those outputs that are not among them.
    pub function: Arc<Function>,
    /// The body's kernels.
    pub units: Vec<Unit>,
    /// Their order.
    pub order: Order,
}

/// Where the stack of an output comes from.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Output {
    /// It is a carry as steps take it.
    Taken(usize),
    /// It is a carry as steps return it.
    Returned(usize),
    /// A step writes it: a result of the [function](Loop::function).
    Result(usize),
}

impl Loop {
    /// Lowers the body of a scan, as number `body` of those of its function.
    ///
    /// # Errors
    /// If no kernel computes an op of the body, it has loops itself, or what is stacked does not depend on the batch.
    pub fn new(
        function: &Function,
        node: NodeId,
        scan: &Scan,
        body: usize,
        kernels: &mut Kernels,
    ) -> Result<Loop, FuseError> {
        let error = || FuseError::arrangement(function, node);
        let (is_stacked, outputs, returned) = places(scan);
        let as_function = function_of(scan, &is_stacked, &returned);
        let graph = &as_function.graph;
        let has_batch = |node: &NodeId| matches!(shape_elements(graph, *node), Dim::Batch(_));
        let slices = graph.ids().filter(|&id| match graph.op(id) {
            Op::Input(input) => !input.name.starts_with("invariant"),
            _ => false,
        });
        if !slices.chain(as_function.results.iter().map(|&(_, node)| node)).all(|node| has_batch(&node)) {
            return Err(error());
        }
        if graph.ids().any(|id| matches!(graph.op(id), Op::Scan(_))) {
            return Err(error());
        }
        let mut groups = (kernels.stages.fuse)(&as_function, kernels.target)?;
        if scan.reverse {
            groups
                .iter_mut()
                .filter(|group| writes_results(&as_function, group))
                .try_for_each(|group| if write_exactly(graph, group) { Ok(()) } else { Err(error()) })?;
        }
        let mut units = kernels.add(graph, groups, Some(body));
        let order = order(&as_function, Kind::Body, &mut units, &mut |node| {
            let mut group = Group::copy(node, shape_elements(graph, node));
            if scan.reverse {
                write_exactly(graph, &mut group);
            }
            kernels.add(graph, vec![group], Some(body)).remove(0)
        });
        let carries = &function.graph.operands(node)[..scan.carries];
        let initial = carries.iter().map(|&carry| kernels.copy(&function.graph, carry, None)).collect();
        let function = Arc::new(as_function);
        Ok(Loop { node, scan: scan.clone(), is_stacked, outputs, initial, function, units, order })
    }

    /// The loop as a unit of the plan of the graph that the scan is in.
    pub fn into_unit(self, graph: &Graph) -> Unit {
        let reads = graph.operands(self.node).iter().copied().enumerate();
        // A number is written by the kernel that would copy it.
        let reads = reads.filter(|&(i, operand)| i >= self.scan.carries || !is_number(graph, operand));
        let reads = reads.map(|(_, operand)| Binding::Read(operand, Class::Full));
        let writes = graph.users(self.node).into_iter().map(|get| Binding::Write(get, Class::Full));
        let bindings = reads.chain(writes).collect();
        Unit { bindings, kind: UnitKind::Loop(Box::new(self)) }
    }
}

/// Which carries lie in stacks, where outputs come from, and the nodes of the body that steps write as results.
fn places(scan: &Scan) -> (Vec<bool>, Vec<Output>, Vec<(String, NodeId)>) {
    let inputs = scan.inputs();
    let (next, outputs) = scan.body.results.split_at(scan.carries);
    let is_stacked: Vec<bool> = (0..scan.carries)
        .map(|carry| outputs.iter().any(|(_, node)| *node == inputs[carry] || *node == next[carry].1))
        .collect();
    let stacked = next.iter().zip(&is_stacked).filter(|(_, is_stacked)| **is_stacked);
    let mut results: Vec<(String, NodeId)> = stacked.map(|(result, _)| result.clone()).collect();
    let outputs = outputs.iter().map(|(name, node)| {
        if let Some(carry) = inputs[..scan.carries].iter().position(|input| input == node) {
            return Output::Taken(carry);
        }
        if let Some(carry) = next.iter().position(|(_, next)| next == node) {
            return Output::Returned(carry);
        }
        results.push((name.clone(), *node));
        Output::Result(results.len() - 1)
    });
    let outputs = outputs.collect();
    (is_stacked, outputs, results)
}

/// The body as a function, whose states are the carries that lie in no stack.
fn function_of(scan: &Scan, is_stacked: &[bool], results: &[(String, NodeId)]) -> Function {
    let graph = &scan.body.graph;
    let inputs = scan.inputs();
    let is_state = |node: &NodeId| {
        let carry = inputs[..scan.carries].iter().position(|input| input == node);
        carry.is_some_and(|carry| !is_stacked[carry])
    };
    let mut builder = Builder::new();
    let mut new: Vec<NodeId> = Vec::with_capacity(graph.n_nodes());
    for id in graph.ids() {
        let operands: Vec<NodeId> = graph.operands(id).iter().map(|operand| new[operand.index()]).collect();
        new.push(builder.within(graph.origin(id).cloned(), |builder| match graph.op(id) {
            Op::Input(input) if is_state(&id) => {
                builder.push(State { name: input.name.clone(), ty: input.ty.clone() }, &[])
            }
            op => builder.push(op.clone(), &operands),
        }));
    }
    let renamed = |named: &(String, NodeId)| (named.0.clone(), new[named.1.index()]);
    let updates = scan.body.results.iter().zip(is_stacked).filter(|(_, is_stacked)| !**is_stacked);
    Function {
        name: scan.body.name.clone(),
        results: results.iter().map(renamed).collect(),
        updates: updates.map(|(result, _)| renamed(result)).collect(),
        graph: builder.finish(),
    }
}

fn writes_results(function: &Function, group: &Group) -> bool {
    function.results.iter().any(|(_, result)| group.outputs.contains(result))
}

/// Has a group's kernel write nothing behind the last element, where the slice of the step before lies. `false` if it cannot.
fn write_exactly(graph: &Graph, group: &mut Group) -> bool {
    if matches!(group.anchor, Some(Anchor::Random(_))) {
        return false;
    }
    if fills_blocks(graph, group) {
        let shape = &graph.tensor(group.outputs[0]).shape;
        let rows = match (Space::rows_of(shape), group.space.elements()) {
            (Some(rows), _) => rows,
            (None, Some(rows)) => Space::Grid { rows, cols: 1 },
            (None, None) => return false,
        };
        return group.arrange(rows).is_ok();
    }
    true
}
