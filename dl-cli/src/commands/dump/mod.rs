//! `dlc dump`: what a stage of the compiler makes of a network.

mod dot;
mod json;
mod kernels;
mod layers;
mod memory;

use std::path::PathBuf;

use clap::ValueEnum;
use clap::builder::PossibleValuesParser;
use dl_codegen::compile::{Lowered, lower};
use dl_codegen::emit::listing;
use dl_codegen::jit;
use dl_codegen::plan::plan_state;
use dl_ir::module::Module;
use dl_ir::network::Network;
use dl_ir::passes::PIPELINE;
use dl_runtime::files::atomic;

use crate::args::{Net, Width, positive};
use crate::error::{Error, Result};
use crate::{report, stages};

#[derive(clap::Args)]
pub struct Args {
    #[command(flatten)]
    net: Net,
    /// The stage to show
    #[arg(long, value_enum, value_name = "S", default_value_t = Stage::Optimized)]
    stage: Stage,
    /// The function to show [default: all of them where the stage is optimized, predict where it is forward, else train_step]
    #[arg(long, value_enum, value_name = "F")]
    function: Option<Function>,
    /// How to show it; dot and json are for layers and graphs
    #[arg(long, value_enum, value_name = "FORMAT", default_value_t = Format::Text)]
    format: Format,
    /// Examples in a batch, where the stage is memory
    #[arg(long, value_name = "N", default_value_t = 32, value_parser = positive())]
    batch: usize,
    /// Show the graphs after this pass, or after each
    #[arg(long, value_name = "PASS", value_parser = pass_names())]
    print_after: Option<String>,
    /// A file to write instead of standard output
    #[arg(long, value_name = "F")]
    output: Option<PathBuf>,
    #[command(flatten)]
    width: Width,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Stage {
    /// The layers as they were understood
    Layers,
    /// The graph of a prediction, before passes
    Forward,
    /// The graph of a training step (forward, loss, backward and update), before passes
    Training,
    /// Graphs after all passes
    Optimized,
    /// Fusion groups, kernels and their vector programs
    Kernels,
    /// Buffers, their places and when they are alive
    Memory,
    /// What Cranelift compiles
    Clif,
    /// Machine code
    Asm,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
#[value(rename_all = "snake_case")]
enum Function {
    TrainStep,
    Predict,
    Evaluate,
    Gradients,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// The compiler's own form
    Text,
    /// For Graphviz
    Dot,
    /// One line
    Json,
}

pub fn run(args: &Args) -> Result<()> {
    args.check()?;
    let builder = args.net.read()?;
    let text = show(args, builder.network())?;
    match &args.output {
        Some(path) => Ok(atomic::write(path, text.as_bytes())?),
        None => report::print_text(&text),
    }
}

fn show(args: &Args, network: &Network) -> Result<String> {
    if let Some(pass) = &args.print_after {
        return after_passes(args, network, pass);
    }
    match args.stage {
        Stage::Layers => Ok(match args.format {
            Format::Text => layers::text(network),
            Format::Dot => dot::layers(network),
            Format::Json => json::layers(network),
        }),
        Stage::Forward | Stage::Training => Ok(graphs(args, stages::built(network))),
        Stage::Optimized => Ok(graphs(args, stages::optimized(network)?)),
        Stage::Kernels => Ok(kernels::text(&lowered(args, network)?)),
        Stage::Memory => Ok(memory::text(&lowered(args, network)?, args.batch)),
        Stage::Clif => {
            let lowered = lowered(args, network)?.lowered;
            Ok(listing::clif(&mut jit::host_module()?, &lowered.kernels, lowered.target.lanes)?)
        }
        Stage::Asm => {
            let lowered = lowered(args, network)?.lowered;
            Ok(listing::asm(&mut jit::host_module()?, &lowered.kernels, lowered.target.lanes)?)
        }
    }
}

/// A module, restricted to the function asked for.
fn graphs(args: &Args, mut module: Module) -> String {
    if let Some(name) = args.function_name() {
        module.functions.retain(|function| function.name == name);
    }
    match args.format {
        Format::Text => module.to_string(),
        Format::Dot => dot::module(&module),
        Format::Json => json::module(&module),
    }
}

fn after_passes(args: &Args, network: &Network, wanted: &str) -> Result<String> {
    let mut text = String::new();
    stages::optimized_with(network, |pass, module| {
        if wanted == ALL || wanted == pass.name {
            text += &format!("; after {}\n{}", pass.name, graphs(args, module.clone()));
        }
    })?;
    Ok(text)
}

/// A function on its way to machine code, with the module that it is from.
struct OnItsWay {
    module: Module,
    lowered: Lowered,
}

impl OnItsWay {
    fn function(&self) -> &dl_ir::module::Function {
        self.module.function(&self.lowered.name).expect("it was lowered")
    }
}

fn lowered(args: &Args, network: &Network) -> Result<OnItsWay> {
    let module = stages::optimized(network)?;
    let name = args.function_name().expect("all stages of code generation have a default");
    let function = module.function(name).expect("networks have these functions");
    let target = args.width.target();
    let lowered = lower(function, &plan_state(&module, target), target)?;
    Ok(OnItsWay { module, lowered })
}

const ALL: &str = "all";

fn pass_names() -> PossibleValuesParser {
    PIPELINE.iter().map(|pass| pass.name).chain([ALL]).into()
}

impl Args {
    /// That the arguments go together.
    fn check(&self) -> Result<()> {
        let is_graph = matches!(self.stage, Stage::Forward | Stage::Training | Stage::Optimized);
        if self.format != Format::Text && !is_graph && self.stage != Stage::Layers {
            return Err(Error::usage(
                "--format dot and json are for stages layers, forward, training and optimized",
            ));
        }
        if self.print_after.is_some() && (self.stage != Stage::Optimized || self.format != Format::Text) {
            return Err(Error::usage("--print-after is for stage optimized in format text"));
        }
        if self.function.is_some() && self.stage == Stage::Layers {
            return Err(Error::usage("--function is for stages after layers"));
        }
        Ok(())
    }

    /// The function to show; `None` for all.
    fn function_name(&self) -> Option<&'static str> {
        let default = match self.stage {
            Stage::Layers | Stage::Optimized => None,
            Stage::Forward => Some(Function::Predict),
            _ => Some(Function::TrainStep),
        };
        Some(match self.function.or(default)? {
            Function::TrainStep => "train_step",
            Function::Predict => "predict",
            Function::Evaluate => "evaluate",
            Function::Gradients => "gradients",
        })
    }
}
