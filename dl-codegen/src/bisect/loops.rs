//! Loops over time: the kernels of a body, step by step.

use std::collections::HashMap;

use dl_ir::graph::{Graph, NodeId};
use dl_ir::interp::Environment;
use dl_ir::ops::{Get, Op, Scan};
use dl_ir::value::Value;

use super::nodes::{Memory, Run, Scope, WrongKernel};
use super::reference::Reference;
use super::words;

/// So many steps of a loop are compared with what they mean, and kept as calls.
const STEPS_COMPARED: usize = 3;

impl Run<'_> {
    /// Runs a loop.
    pub(super) fn scan(
        &mut self,
        graph: &Graph,
        body: usize,
        memory: &mut Memory,
    ) -> Result<(), WrongKernel> {
        let (batch, target) = (self.batch, self.lowered.target);
        let node = self.lowered.plan.bodies[body].scan;
        let Op::Scan(scan) = graph.op(node) else { unreachable!("bodies are those of scans") };
        let mut outer = Reference::new(graph, memory, None, batch, target);
        let operands: Vec<Value> = graph.operands(node).iter().map(|&operand| outer.value(operand)).collect();
        let mut carries = operands[..scan.carries].to_vec();
        let get = |user: NodeId| match graph.op(user) {
            Op::Get(Get { index }) => Some((*index, user)),
            _ => None,
        };
        let gets: Vec<(usize, NodeId)> = graph.users(node).into_iter().filter_map(get).collect();
        let zeros =
            |&(index, get): &(usize, NodeId)| (index, Value::from_fn(graph.tensor(get), batch, |_| 0.0));
        let mut stacks: HashMap<usize, Value> = gets.iter().map(zeros).collect();
        for (step, slice) in scan.slices().enumerate() {
            let environment = environment(scan, &operands, &carries, slice);
            let results = self.step(body, scan, step, &environment)?;
            for (index, value) in results.iter().enumerate().skip(scan.carries) {
                if let Some(stack) = stacks.get_mut(&index) {
                    stack.set_slice(slice, value);
                }
            }
            carries = results[..scan.carries].to_vec();
        }
        for (index, get) in gets {
            let value = carries.get(index).unwrap_or_else(|| &stacks[&index]);
            memory.insert((get, false), words::of_value(value, graph.tensor(get), target));
        }
        Ok(())
    }

    /// Runs a step of a loop; gives all its results.
    fn step(
        &mut self,
        body: usize,
        scan: &Scan,
        step: usize,
        environment: &Environment,
    ) -> Result<Vec<Value>, WrongKernel> {
        let function = &self.lowered.plan.bodies[body].function;
        let is_compared = step < STEPS_COMPARED;
        let scope = Scope { graph: &function.graph, body: Some(body), is_compared };
        let memory = self.leaves(scope.graph, environment);
        let memory = self.graph(scope, memory)?;
        let mut values = Reference::new(scope.graph, &memory, None, self.batch, self.lowered.target);
        let named: HashMap<&str, NodeId> = function
            .results
            .iter()
            .chain(&function.updates)
            .map(|(name, node)| (name.as_str(), *node))
            .collect();
        let mut results: Vec<Value> = Vec::new();
        for index in 0..scan.body.results.len() {
            results.push(match named.get(scan.result_name(index).as_str()) {
                Some(&node) => values.value(node),
                None => shared(scan, index, environment, &results),
            });
        }
        self.record.bodies[body].push(memory);
        Ok(results)
    }
}

/// What the body of a scan reads in a step.
fn environment(scan: &Scan, operands: &[Value], carries: &[Value], slice: usize) -> Environment {
    let value = |(position, operand): (usize, &Value)| {
        let value = match position.checked_sub(scan.carries) {
            None => carries[position].clone(),
            Some(sequence) if sequence < scan.sequences => operand.slice(slice),
            Some(_) => operand.clone(),
        };
        (scan.input_name(position), value)
    };
    operands.iter().enumerate().map(value).collect()
}

/// An output that is a carry, as the step takes it or returns it.
fn shared(scan: &Scan, result: usize, taken: &Environment, returned: &[Value]) -> Value {
    let (_, node) = scan.body.results[result];
    let mut carries = scan.inputs().into_iter().take(scan.carries);
    if let Some(carry) = carries.position(|input| input == node) {
        return taken[&scan.input_name(carry)].clone();
    }
    let mut carries = scan.body.results[..scan.carries].iter();
    let carry = carries.position(|&(_, next)| next == node).expect("other outputs are returned by name");
    returned[carry].clone()
}
