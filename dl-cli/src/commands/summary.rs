//! `dlc summary`: a network at a glance.

use std::fmt::{self, Display, Formatter};

use dl_codegen::compile::lower;
use dl_codegen::plan::plan_state;
use dl_ir::module::{Module, StateRole};
use dl_ir::network::LayerInfo;
use dl_runtime::arena::total_bytes;
use dl_runtime::program::BATCH_GRANULE;
use serde::Serialize;

use crate::args::{Net, Width, positive};
use crate::error::Result;
use crate::flops::flops;
use crate::report::{self, bytes, count};
use crate::stages;
use crate::table::{Align, Table};

#[derive(clap::Args)]
pub struct Args {
    #[command(flatten)]
    net: Net,
    /// Examples in a batch, for FLOPs and memory
    #[arg(long, value_name = "N", default_value_t = 32, value_parser = positive())]
    batch: usize,
    #[command(flatten)]
    width: Width,
    /// Print one line of JSON
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
struct Summary {
    /// In canonical form.
    network: String,
    input: Vec<usize>,
    output: Vec<usize>,
    layers: Vec<Layer>,
    loss: &'static str,
    optimizer: String,
    parameters: usize,
    batch: usize,
    flops: Flops,
    memory: Memory,
}

#[derive(Serialize)]
struct Layer {
    name: String,
    kind: &'static str,
    arguments: String,
    input: Vec<usize>,
    output: Vec<usize>,
    parameters: usize,
}

/// Of a batch.
#[derive(Serialize)]
struct Flops {
    predict: u64,
    train_step: u64,
}

#[derive(Serialize)]
struct Memory {
    parameter_bytes: usize,
    /// Kept by the optimizer and by layers.
    other_state_bytes: usize,
    /// Activations, gradients and everything else in between, in a training step.
    train_step_bytes: usize,
    /// The same in a prediction.
    predict_bytes: usize,
    /// Everything at once: state, and room for the larger of the two.
    arena_bytes: usize,
}

pub fn run(args: &Args) -> Result<()> {
    let builder = args.net.read()?;
    let network = builder.network();
    let module = stages::optimized(network)?;
    let function = |name: &str| module.function(name).expect("networks have these functions");
    let summary = Summary {
        network: network.to_string(),
        input: network.input_shape().to_vec(),
        output: network.output_shape().to_vec(),
        layers: network.layer_infos().into_iter().map(Layer::new).collect(),
        loss: network.loss().name(),
        optimizer: network.optimizer().to_string(),
        parameters: network.n_parameters(),
        batch: args.batch,
        flops: Flops {
            predict: flops(function("predict"), args.batch),
            train_step: flops(function("train_step"), args.batch),
        },
        memory: memory(&module, args)?,
    };
    report::print(&summary, args.json)
}

fn memory(module: &Module, args: &Args) -> Result<Memory> {
    let state = plan_state(module, args.width.target());
    let is_parameter =
        |name: &str| module.state(name).is_some_and(|state| state.role == StateRole::Parameter);
    let parameter_bytes =
        state.slots.iter().filter(|slot| is_parameter(&slot.name)).map(|slot| slot.bytes()).sum();
    let capacity = args.batch.next_multiple_of(BATCH_GRANULE);
    let scratch = |name: &str| -> Result<usize> {
        let function = module.function(name).expect("networks have these functions");
        Ok(lower(function, &state, args.width.target())?.plan.scratch.at(capacity))
    };
    let (train_step_bytes, predict_bytes) = (scratch("train_step")?, scratch("predict")?);
    Ok(Memory {
        parameter_bytes,
        other_state_bytes: state.bytes() - parameter_bytes,
        train_step_bytes,
        predict_bytes,
        arena_bytes: total_bytes(state.bytes(), train_step_bytes.max(predict_bytes)).unwrap_or(usize::MAX),
    })
}

impl Layer {
    fn new(info: LayerInfo) -> Self {
        let LayerInfo { name, kind, arguments, input, output, n_parameters: parameters } = info;
        Layer { name, kind, arguments, input, output, parameters }
    }
}

impl Display for Summary {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.layers())?;
        writeln!(f, "loss = {}\noptimizer = {}\n", self.loss, self.optimizer)?;
        writeln!(f, "{}", self.arithmetic())?;
        write!(f, "{}", self.memory())
    }
}

impl Summary {
    fn layers(&self) -> Table {
        let mut table = Table::new([
            ("layer", Align::Left),
            ("", Align::Left),
            ("input", Align::Left),
            ("output", Align::Left),
            ("parameters", Align::Right),
        ]);
        let shape = |sizes: &[usize]| format!("{sizes:?}");
        for layer in &self.layers {
            let call = report::layer(layer.kind, &layer.arguments);
            let (name, parameters) = (layer.name.clone(), count(layer.parameters));
            table.row([name, call, shape(&layer.input), shape(&layer.output), parameters]);
        }
        let (input, output) = (shape(&self.input), shape(&self.output));
        table.row(["all".to_owned(), String::new(), input, output, count(self.parameters)]);
        table
    }

    fn arithmetic(&self) -> Table {
        let batch = format!("batch of {}", self.batch);
        let mut table = Table::new([(&batch, Align::Left), ("arithmetic", Align::Right)]);
        table.row(["predict".to_owned(), report::flops(self.flops.predict)]);
        table.row(["train_step".to_owned(), report::flops(self.flops.train_step)]);
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
