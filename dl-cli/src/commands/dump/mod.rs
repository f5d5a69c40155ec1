//! `dlc dump`: what a stage of the compiler makes of a network.

mod dot;
mod json;

use std::path::PathBuf;

use clap::ValueEnum;
use clap::builder::{PossibleValue, PossibleValuesParser, TypedValueParser};
use dl::Function;
use dl::inspect::{self, Stage};
use dl_ir::module::Module;
use dl_ir::network::Network;
use dl_ir::passes::PIPELINE;
use dl_runtime::files::atomic;

use crate::args::{Net, Width, function, positive};
use crate::error::{Error, Result};
use crate::report;

#[derive(clap::Args)]
pub struct Args {
    #[command(flatten)]
    net: Net,
    /// The stage to show
    #[arg(long, value_name = "S", default_value = Stage::Optimized.name(), value_parser = stage())]
    stage: Stage,
    /// The function to show [default: all of them where the stage is optimized, predict where it is forward, else train_step]
    #[arg(long, value_name = "F", value_parser = function())]
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
    let function = args.function();
    match (args.format, args.stage) {
        (Format::Text, stage) => {
            Ok(inspect::text(network, args.width.target(), stage, function, args.batch)?)
        }
        (Format::Dot, Stage::Layers) => Ok(dot::layers(network)),
        (Format::Json, Stage::Layers) => Ok(json::layers(network)),
        (Format::Dot, _) => Ok(dot::module(&args.module(network)?)),
        (Format::Json, _) => Ok(json::module(&args.module(network)?)),
    }
}

fn after_passes(args: &Args, network: &Network, wanted: &str) -> Result<String> {
    let mut text = String::new();
    inspect::optimized_with(network, args.function(), |pass, module| {
        if wanted == ALL || wanted == pass.name {
            text += &format!("; after {}\n{module}", pass.name);
        }
    })?;
    Ok(text)
}

/// The name of a stage.
fn stage() -> impl TypedValueParser<Value = Stage> {
    let named = |name: String| Stage::ALL.into_iter().find(|stage| stage.name() == name);
    PossibleValuesParser::new(Stage::ALL.map(|stage| PossibleValue::new(stage.name()).help(stage.about())))
        .map(move |name| named(name).expect("one of these names"))
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
    fn function(&self) -> Option<Function> {
        self.function.or(self.stage.default_function())
    }

    /// The graphs of a stage.
    fn module(&self, network: &Network) -> Result<Module> {
        Ok(match self.stage {
            Stage::Optimized => inspect::optimized(network, self.function())?,
            _ => inspect::built(network, self.function()),
        })
    }
}
