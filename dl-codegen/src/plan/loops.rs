//! Places what a loop works on: its operands, carries and results.

use std::collections::HashMap;
use std::ops::Range;

use dl_ir::graph::{Graph, NodeId};
use dl_ir::ops::{Get, Op};
use dl_runtime::program::BufferId;

use super::body::{Loop, Output};
use super::buffers::Buffers;
use super::scope::{Scope, name_of};
use super::unit::UnitKind;
use super::{Launches, PlanStep};

/// The slots of a stack of carries: one for each step, and one more.
#[derive(Clone, Copy)]
struct Slots {
    /// As the first step takes it.
    initial: usize,
    /// As the first step returns it.
    next: usize,
    /// As the last step returns it.
    last: usize,
    /// The first slot of what all steps take, in the order of the sequences.
    taken: usize,
    /// The first slot of what all steps return.
    returned: usize,
}

impl Slots {
    fn new(length: usize, reverse: bool) -> Self {
        match reverse {
            false => Slots { initial: 0, next: 1, last: length, taken: 0, returned: 1 },
            true => Slots { initial: length, next: length - 1, last: 0, taken: 1, returned: 0 },
        }
    }
}

/// A loop with the places of its carries and results.
pub(super) struct Placed<'l> {
    repeated: &'l Loop,
    body: Scope<'l>,
    /// For each carry, where its first value belongs.
    initial: Vec<BufferId>,
    /// The step in which first values are copied, and the loop itself.
    steps: Range<usize>,
}

impl<'l> Placed<'l> {
    /// Places carries and results, for a loop in step `steps.end` whose first values are copied in step `steps.start`; results in the
    /// graph outside get their buffers.
    pub(super) fn new(
        repeated: &'l Loop,
        outside: &mut Scope<'_>,
        buffers: &mut Buffers,
        steps: Range<usize>,
    ) -> Self {
        let Loop { scan, node, function, order, .. } = repeated;
        let slots = Slots::new(scan.length, scan.reverse);
        let advance = if scan.reverse { -1 } else { 1 };
        let mut body = Scope::of_body(&function.graph, order, *node);
        let gets = gets(outside.graph, *node);
        let name = |result: usize| match gets.get(&result) {
            Some(&get) => name_of(None, get),
            None => format!("%{}.{}", node.0, scan.result_name(result)),
        };
        let inside = |what: String| format!("%{}.{what}", node.0);
        let inputs = inputs(&function.graph);
        let (mut results, mut initial, mut stacks) = (Vec::new(), Vec::new(), Vec::new());
        for (carry, &is_stacked) in repeated.is_stacked.iter().enumerate() {
            let input = inputs[scan.input_name(carry).as_str()];
            let value = (&function.graph, input);
            if !is_stacked {
                let own = buffers.scratch(value.0, input, name(carry), steps.start);
                buffers.keep_alive(own, steps.end);
                body.set_state(scan.input_name(carry), own);
                initial.push(own);
                results.push(own);
                stacks.push(own);
                continue;
            }
            let stack =
                buffers.stack(value.0, input, scan.length + 1, inside(format!("stack{carry}")), steps.start);
            buffers.keep_alive(stack, steps.end);
            let mut slot = |name, first, advance| buffers.window(value, 1, name, stack, first, advance);
            initial.push(slot(inside(format!("first{carry}")), slots.initial, 0));
            body.set(input, slot(inside(scan.input_name(carry)), slots.initial, advance));
            body.push_result(slot(inside(format!("next{carry}")), slots.next, advance));
            results.push(slot(name(carry), slots.last, 0));
            stacks.push(stack);
        }
        let start = if scan.reverse { scan.length - 1 } else { 0 };
        for (output, &from) in repeated.outputs.iter().enumerate() {
            let result = scan.carries + output;
            let mut of_carry = |carry: usize, first| {
                let value = (&function.graph, inputs[scan.input_name(carry).as_str()]);
                buffers.window(value, scan.length, name(result), stacks[carry], first, 0)
            };
            results.push(match from {
                Output::Taken(carry) => of_carry(carry, slots.taken),
                Output::Returned(carry) => of_carry(carry, slots.returned),
                Output::Result(position) => {
                    let value = (&function.graph, function.results[position].1);
                    let stack = buffers.stack(value.0, value.1, scan.length, name(result), steps.end);
                    let slice = inside(scan.result_name(result));
                    body.push_result(buffers.window(value, 1, slice, stack, start, advance));
                    stack
                }
            });
        }
        gets.iter().for_each(|(&result, &get)| outside.set(get, results[result]));
        Placed { repeated, body, initial, steps }
    }

    /// The launches that copy the first values of carries.
    pub(super) fn first_values(&self, outside: &mut Scope<'_>, buffers: &mut Buffers) -> Launches {
        let copies = self.repeated.initial.iter().zip(&self.initial);
        let launch = copies.map(|(copy, &place)| {
            let UnitKind::Kernel(group) = copy.kind else { unreachable!("copies are kernels") };
            let bound = copy.bindings.iter().map(|binding| match binding.is_write() {
                true => place,
                false => outside.read(buffers, binding.node(), self.steps.start),
            });
            (group, bound.collect())
        });
        launch.collect()
    }

    /// Gives the body's other inputs their buffers: windows of sequences, and invariants as they lie.
    pub(super) fn add_operands(
        &mut self,
        outside: &mut Scope<'_>,
        buffers: &mut Buffers,
        batch_size: Option<BufferId>,
    ) {
        let Loop { scan, node, function, .. } = self.repeated;
        let (start, advance) = if scan.reverse { (scan.length - 1, -1) } else { (0, 1) };
        let inputs = inputs(&function.graph);
        for (position, operand) in
            outside.graph.operands(*node).iter().copied().enumerate().skip(scan.carries)
        {
            let name = scan.input_name(position);
            let input = inputs[name.as_str()];
            let mut buffer = outside.read(buffers, operand, self.steps.end);
            if position < scan.carries + scan.sequences {
                let name = format!("%{}.{name}", node.0);
                buffer = buffers.window((&function.graph, input), 1, name, buffer, start, advance);
            }
            self.body.set(input, buffer);
        }
        for node in function.graph.ids() {
            if let (Op::BatchSize(_), Some(buffer)) = (function.graph.op(node), batch_size) {
                buffers.keep_alive(buffer, self.steps.end);
                self.body.set(node, buffer);
            }
        }
    }

    /// The loop as a step.
    pub(super) fn into_step(mut self, buffers: &mut Buffers) -> PlanStep {
        let Loop { scan, units, order, .. } = self.repeated;
        let phases = order.phases.iter().map(|phase| {
            let launches = phase.iter().map(|&unit| {
                let UnitKind::Kernel(group) = units[unit].kind else { unreachable!("bodies have no loops") };
                (group, self.body.bind_all(buffers, unit, &units[unit].bindings, self.steps.end))
            });
            launches.collect()
        });
        PlanStep::Loop { count: scan.length, phases: phases.collect() }
    }
}

/// The nodes that take results of a scan, by result.
fn gets(graph: &Graph, scan: NodeId) -> HashMap<usize, NodeId> {
    let get = |node: NodeId| match graph.op(node) {
        Op::Get(Get { index }) => Some((*index, node)),
        _ => None,
    };
    graph.users(scan).into_iter().filter_map(get).collect()
}

/// The inputs and states of a body, by name.
fn inputs(graph: &Graph) -> HashMap<&str, NodeId> {
    let named = graph.ids().filter_map(|node| match graph.op(node) {
        Op::Input(input) => Some((input.name.as_str(), node)),
        Op::State(state) => Some((state.name.as_str(), node)),
        _ => None,
    });
    named.collect()
}
