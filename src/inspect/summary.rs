//! A network at a glance.

use std::collections::BTreeMap;
use std::fmt::{self, Display, Formatter};

use dl_codegen::compile::{CompileError, lower};
use dl_codegen::plan::plan_state;
use dl_codegen::target::Target;
use dl_ir::flops::{flops, flops_by_layer};
use dl_ir::layers::CheckedLayer;
use dl_ir::module::{Module, StateRole};
use dl_ir::network::{LayerInfo, Network};
use dl_runtime::arena::total_bytes;
use dl_runtime::program::StatePlan;
use serde::Serialize;

use super::table::{Align, Table};
use super::units::{self, bytes, count};
use super::{layer_text, optimized, room};
use crate::error::Result;
use crate::function::Function;

/// A network at a glance: its text is a table of layers, and what calls cost.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct Summary {
    /// The network in canonical form.
    pub network: String,
    /// The shape of an example.
    pub input: Vec<usize>,
    /// The shape of an output.
    pub output: Vec<usize>,
    /// Its layers, in order.
    pub layers: Vec<LayerSummary>,
    /// The loss.
    pub loss: &'static str,
    /// The optimizer with its arguments.
    pub optimizer: String,
    /// The number of trained elements.
    pub parameters: usize,
    /// The size of the batch that the rest is about.
    pub batch: usize,
    /// Arithmetic of calls.
    pub flops: Flops,
    /// Memory of calls.
    pub memory: Memory,
}

/// A layer of a [`Summary`].
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct LayerSummary {
    /// Its label, or its kind with its ordinal.
    pub name: String,
    /// Its kind.
    pub kind: &'static str,
    /// Its arguments, without those that are as by default.
    pub arguments: String,
    /// The shape that goes in, without the batch.
    pub input: Vec<usize>,
    /// The shape that comes out, without the batch.
    pub output: Vec<usize>,
    /// The number of trained elements.
    pub parameters: usize,
    /// Arithmetic of calls on a batch, in training forward and backward.
    pub flops: Flops,
    /// The bytes of its output for a batch.
    pub activation_bytes: usize,
}

/// Floating-point operations of a call on a batch; see [`flops`](fn@flops).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
pub struct Flops {
    /// Of a prediction.
    pub predict: u64,
    /// Of a step of training.
    pub train_step: u64,
}

/// Bytes of memory for a batch.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
pub struct Memory {
    /// Parameters.
    pub parameter_bytes: usize,
    /// Kept by the optimizer and by layers.
    pub other_state_bytes: usize,
    /// Activations, gradients and everything else in between, in a training step.
    pub train_step_bytes: usize,
    /// The same in a prediction.
    pub predict_bytes: usize,
    /// Everything at once: state, and room for the larger of the two.
    pub arena_bytes: usize,
}

impl Summary {
    /// Of a network on a target, for batches of `batch` examples.
    ///
    /// # Errors
    /// If no memory could hold such a batch, or the network does not compile, which is a bug of dl.
    pub fn new(network: &Network, target: Target, batch: usize) -> Result<Self> {
        let of = |function| optimized(network, Some(function));
        let (predict, train_step) = (of(Function::Predict)?, of(Function::TrainStep)?);
        // First of all: sizes that no memory has are not worth a table.
        let memory = Memory::new(&predict, &train_step, target, batch)?;
        Ok(Summary {
            network: network.to_string(),
            input: network.input_shape().to_vec(),
            output: network.output_shape().to_vec(),
            layers: layers(network, &predict, &train_step, batch),
            loss: network.loss().name(),
            optimizer: network.optimizer().to_string(),
            parameters: network.n_parameters(),
            batch,
            flops: Flops {
                predict: flops(&predict.functions[0], batch),
                train_step: flops(&train_step.functions[0], batch),
            },
            memory,
        })
    }
}

impl Memory {
    fn new(predict: &Module, train_step: &Module, target: Target, batch: usize) -> Result<Self> {
        let state = plan_state(train_step, target);
        let is_parameter =
            |name: &str| train_step.state(name).is_some_and(|state| state.role == StateRole::Parameter);
        let parameter_bytes =
            state.slots.iter().filter(|slot| is_parameter(&slot.name)).map(|slot| slot.bytes()).sum();
        let train_step_bytes = scratch(train_step, &state, target, batch)?;
        let predict_bytes = scratch(predict, &state, target, batch)?;
        Ok(Memory {
            parameter_bytes,
            other_state_bytes: state.bytes() - parameter_bytes,
            train_step_bytes,
            predict_bytes,
            arena_bytes: total_bytes(state.bytes(), train_step_bytes.max(predict_bytes))
                .unwrap_or(usize::MAX),
        })
    }
}

/// The bytes that the only function of a module needs besides state.
fn scratch(module: &Module, state: &StatePlan, target: Target, batch: usize) -> Result<usize> {
    let lowered = lower(&module.functions[0], state, target).map_err(CompileError::from)?;
    room(&lowered, batch).map(|(_, bytes)| bytes)
}

/// The layers with what they cost, those inside included.
fn layers(network: &Network, predict: &Module, train_step: &Module, batch: usize) -> Vec<LayerSummary> {
    let [predict, train_step] =
        [predict, train_step].map(|module| flops_by_layer(&module.functions[0], batch));
    let summary = |(info, layer): (LayerInfo, &CheckedLayer)| {
        let names: Vec<&str> = layer.flattened().into_iter().map(|layer| layer.name.as_str()).collect();
        let sum = |of: &BTreeMap<String, u64>| {
            names.iter().filter_map(|&name| of.get(name)).copied().fold(0, u64::saturating_add)
        };
        let flops = Flops { predict: sum(&predict), train_step: sum(&train_step) };
        let activation_bytes = batch.saturating_mul(4 * info.output.iter().product::<usize>());
        let LayerInfo { name, kind, arguments, input, output, n_parameters: parameters } = info;
        LayerSummary { name, kind, arguments, input, output, parameters, flops, activation_bytes }
    };
    network.layer_infos().into_iter().zip(network.layers()).map(summary).collect()
}

impl Display for Summary {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.layers())?;
        writeln!(f, "loss = {}\noptimizer = {}\n", self.loss, self.optimizer)?;
        write!(f, "{}", self.memory())
    }
}

impl Summary {
    fn layers(&self) -> Table {
        let mut table = Table::new([
            ("layer", Align::Left),
            ("", Align::Left),
            ("output", Align::Left),
            ("parameters", Align::Right),
            ("forward", Align::Right),
            ("training", Align::Right),
            ("activations", Align::Right),
        ]);
        let cost = |flops: u64| if flops == 0 { "–".to_owned() } else { units::flops(flops) };
        let costs = |flops: Flops| [cost(flops.predict), cost(flops.train_step)];
        for layer in &self.layers {
            let call = layer_text(layer.kind, &layer.arguments);
            let [forward, training] = costs(layer.flops);
            let (name, parameters) = (layer.name.clone(), count(layer.parameters));
            let output = format!("{:?}", layer.output);
            let activations = bytes(layer.activation_bytes);
            table.row([name, call, output, parameters, forward, training, activations]);
        }
        let activations =
            self.layers.iter().map(|layer| layer.activation_bytes).fold(0, usize::saturating_add);
        let [forward, training] = costs(self.flops);
        let (about, parameters) = (format!("batch of {}", self.batch), count(self.parameters));
        table.row([
            "all".to_owned(),
            about,
            String::new(),
            parameters,
            forward,
            training,
            bytes(activations),
        ]);
        table
    }

    fn memory(&self) -> Table {
        let memory = &self.memory;
        let mut table = Table::new([("memory", Align::Left), ("", Align::Right)]);
        let mut row = |name: &str, size: usize| table.row([name.to_owned(), bytes(size)]);
        row("parameters", memory.parameter_bytes);
        row("other state", memory.other_state_bytes);
        row("between, predict", memory.predict_bytes);
        row("between, train_step", memory.train_step_bytes);
        row("all (arena)", memory.arena_bytes);
        table
    }
}
