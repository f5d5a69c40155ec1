//! Runs a whole function as users do, and compares what it returns and leaves with what its kernels compute one by one.

use dl_ir::interp::Environment;
use dl_ir::module::{Function, StateDecl};
use dl_ir::types::{DType, TensorType};
use dl_ir::value::Value;
use dl_runtime::machine::{Machine, RunError};
use dl_runtime::program::{Element, Program, StatePlan};

use super::arena::is_equal;
use super::nodes::Record;
use super::reference::Reference;
use crate::compile::Lowered;
use crate::jit;
use crate::plan::BATCH_SIZE;

/// A function with its code, and what it is run on.
pub struct Whole<'w> {
    /// The function.
    pub function: &'w Function,
    /// The same, lowered.
    pub lowered: &'w Lowered,
    /// Its code.
    pub program: &'w Program,
    /// The states of its module.
    pub states: &'w [StateDecl],
    /// Where they lie.
    pub plan: &'w StatePlan,
}

impl Whole<'_> {
    /// The first result or state that differs on so many threads. A loss that is not finite ends a run; there is nothing to compare then.
    ///
    /// # Errors
    /// If the function is refused.
    pub fn first_other(
        &self,
        record: &Record,
        environment: &Environment,
        batch: usize,
        threads: usize,
    ) -> Result<Option<String>, RunError> {
        let (results, states) = match self.run(environment, batch, threads) {
            Err(RunError::NotFinite { .. }) => return Ok(None),
            outcome => outcome?,
        };
        let graph = &self.function.graph;
        let mut values = Reference::new(graph, &record.nodes, None, batch, self.lowered.target);
        let named = self.function.results.iter().zip(results);
        for ((name, node), found) in named {
            let expected = values.value(*node);
            if !is_equal(&expected, &Value { shape: expected.shape.clone(), ..found }) {
                return Ok(Some(name.clone()));
            }
        }
        for (state, found) in self.states.iter().zip(states) {
            let update = self.function.updates.iter().find(|(name, _)| *name == state.name);
            let expected = match update {
                Some((_, node)) => values.value(*node),
                None => environment[&state.name].clone(),
            };
            if !is_equal(&expected, &found) {
                return Ok(Some(state.name.clone()));
            }
        }
        Ok(None)
    }

    /// All results and states after a run.
    fn run(
        &self,
        environment: &Environment,
        batch: usize,
        threads: usize,
    ) -> Result<(Vec<Value>, Vec<Value>), RunError> {
        let mut machine = Machine::new(self.plan.clone(), threads)?;
        for (slot, state) in self.states.iter().enumerate() {
            let data = &environment[&state.name].data;
            match state.ty.dtype {
                DType::F32 => machine.set_state(slot, &floats(data))?,
                _ => machine.set_state(slot, &integers(data))?,
            }
        }
        let id = jit::load(&mut machine, self.program.clone())?;
        let mut call = machine.call(id, batch)?;
        for (name, buffer) in call.program().inputs.clone() {
            if name == BATCH_SIZE {
                call.input::<f32>(buffer)[0] = batch as f32;
                continue;
            }
            let data = &environment[&name].data;
            match call.program().buffers[buffer.0 as usize].element {
                Element::F32 => call.set_plain_input(buffer, &floats(data)),
                Element::I32 => call.set_plain_input(buffer, &integers(data)),
            }
        }
        call.run()?;
        let results = call.program().results.iter().map(|&(_, id)| {
            match call.program().buffers[id.0 as usize].element {
                Element::F32 => value(DType::F32, call.plain_result::<f32>(id).into_iter().map(f64::from)),
                Element::I32 => value(DType::I32, call.plain_result::<i32>(id).into_iter().map(f64::from)),
            }
        });
        let results = results.collect();
        let states = self.states.iter().enumerate().map(|(slot, state)| {
            let TensorType { dtype, shape } = &state.ty;
            let data = match dtype {
                DType::F32 => machine.state::<f32>(slot).into_iter().map(f64::from).collect(),
                _ => machine.state::<i32>(slot).into_iter().map(f64::from).collect(),
            };
            Value::new(*dtype, shape.at(batch), data)
        });
        Ok((results, states.collect()))
    }
}

fn floats(data: &[f64]) -> Vec<f32> {
    data.iter().map(|&element| element as f32).collect()
}

fn integers(data: &[f64]) -> Vec<i32> {
    data.iter().map(|&element| element as i32).collect()
}

/// Elements in a row; only they are compared.
fn value(dtype: DType, data: impl Iterator<Item = f64>) -> Value {
    let data: Vec<f64> = data.collect();
    Value::new(dtype, vec![data.len()], data)
}
