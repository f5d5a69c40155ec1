//! `dlc dump`: what a stage of the compiler makes of a network, or of a module given as text.

mod diff;
mod dot;
mod json;
mod layer;
pub mod passes;
mod why;

use std::io::{self, IsTerminal};
use std::path::PathBuf;

use clap::ValueEnum;
use clap::builder::{PossibleValue, PossibleValuesParser, TypedValueParser};
use dl::Function;
use dl::inspect::{self, MemoryMap, Stage, View};
use dl_codegen::compile::{Lowered, lower};
use dl_codegen::plan::plan_state;
use dl_ir::module::{self, Module};
use dl_ir::network::Network;

use crate::args::{Width, positive};
use crate::error::{Error, Result};
use crate::picture;
use crate::report;
use crate::subject::{Subject, SubjectArg, function_of};

#[derive(clap::Args)]
pub struct Args {
    #[command(flatten)]
    subject: SubjectArg,
    /// The stage to show [default: optimized; the module as it is, where it is given as text]
    #[arg(long, value_name = "S", value_parser = stage())]
    stage: Option<Stage>,
    /// The function to show [default: all of them where the stage is optimized, predict where it is forward, else train_step]
    #[arg(long, value_name = "F")]
    function: Option<String>,
    /// How to show it; dot, json and svg are for stages before clif
    #[arg(long, value_enum, value_name = "FORMAT", default_value_t = Format::Text)]
    format: Format,
    /// Examples in a batch, where the stage is memory
    #[arg(long, value_name = "N", default_value_t = 32, value_parser = positive())]
    batch: usize,
    /// Show the graphs after this pass, or after each
    #[arg(long, value_name = "PASS", value_parser = passes::names_or_all())]
    print_after: Option<String>,
    /// Show what this pass changes, in colour on a terminal unless NO_COLOR is set
    #[arg(long, value_name = "PASS", value_parser = passes::names(), conflicts_with = "print_after")]
    diff: Option<String>,
    /// Show where nodes, kernels, lines and machine code come from: layer, place, rule and passes
    #[arg(long)]
    locations: bool,
    /// Show only what came from this layer, forward and backward
    #[arg(long, value_name = "NAME", conflicts_with = "diff")]
    layer: Option<String>,
    /// Tell whether two nodes of the function, or nodes of two layers, share a kernel, and why not
    #[arg(long, num_args = 2, value_names = ["A", "B"], conflicts_with_all = ["stage", "print_after", "diff", "layer"])]
    why: Option<Vec<String>>,
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
    /// A picture
    Svg,
}

pub fn run(args: &Args) -> Result<()> {
    args.check()?;
    let subject = args.subject.read()?;
    report::print_or_write(&show(args, &subject)?, args.output.as_deref())
}

fn show(args: &Args, subject: &Subject) -> Result<String> {
    if let Some(wanted) = &args.print_after {
        return passes::after(subject.module(args.function())?, wanted, |module| graph(args, module));
    }
    if let Some(pass) = &args.diff {
        return passes::difference(subject.module(args.function())?, pass, args.is_styled());
    }
    if let Some(names) = &args.why {
        let whole = args.as_lowered(subject, args.function.as_deref())?;
        return why::text(one_function(&whole, args.function.as_deref())?, names);
    }
    match args.stage {
        Some(Stage::Layers) => layers(args.format, network(subject)?),
        Some(Stage::Forward | Stage::Training) => {
            network(subject)?;
            graph(args, &subject.module(args.function())?)
        }
        Some(Stage::Optimized) => graph(args, &optimized(subject.module(args.function())?)?),
        None => graph(args, &args.as_lowered(subject, args.function())?),
        Some(stage) => lowered(args, subject, stage),
    }
}

fn layers(format: Format, network: &Network) -> Result<String> {
    match format {
        Format::Text => Ok(inspect::layers_text(network)),
        Format::Dot => Ok(dot::layers(network)),
        Format::Json => Ok(json::layers(network)),
        Format::Svg => picture::svg(&picture::layers(network)),
    }
}

fn graph(args: &Args, module: &Module) -> Result<String> {
    if let Some(name) = &args.layer {
        layer::check(module.functions.iter().map(|function| &function.graph), name)?;
    }
    match args.format {
        Format::Text => Ok(args.view().graphs(module)),
        Format::Dot => Ok(dot::module(module)),
        Format::Json => Ok(json::module(module)),
        Format::Svg => picture::svg(&picture::functions(module)),
    }
}

/// A function behind the stage of graphs.
fn lowered(args: &Args, subject: &Subject, stage: Stage) -> Result<String> {
    let whole = match subject {
        Subject::Network(_) => args.as_lowered(subject, args.function())?,
        Subject::Module(module) => module.clone(),
    };
    let function = one_function(&whole, args.function.as_deref())?;
    if let Some(name) = &args.layer {
        layer::check([&function.graph], name)?;
    }
    let (target, batch) = (args.width.target(), args.batch);
    let memory = || MemoryMap::new(&whole, function, target, batch);
    let kernels = || -> Result<Lowered> { Ok(lower(function, &plan_state(&whole, target), target)?) };
    match args.format {
        Format::Text => Ok(inspect::module_text(&whole, function, stage, &args.view())?),
        Format::Json if stage == Stage::Memory => Ok(json::memory(&memory()?)),
        Format::Svg if stage == Stage::Memory => Ok(picture::memory(&memory()?)),
        Format::Dot => Ok(dot::diagram(&picture::kernels(function, &kernels()?))),
        Format::Json => Ok(json::kernels(&kernels()?)),
        Format::Svg => picture::svg(&picture::kernels(function, &kernels()?)),
    }
}

/// The function of this name; without a name that which trains, or the only one.
fn one_function<'m>(module: &'m Module, name: Option<&str>) -> Result<&'m module::Function> {
    match (name, module.functions.as_slice()) {
        (None, [only]) => Ok(only),
        (name, _) => function_of(module, name.unwrap_or(Function::TrainStep.name())),
    }
}

fn optimized(module: Module) -> Result<Module> {
    Ok(dl_ir::passes::optimize(module, |_, _| ())?)
}

fn network(subject: &Subject) -> Result<&Network> {
    match subject {
        Subject::Network(builder) => Ok(builder.network()),
        Subject::Module(_) => Err(Error::usage(
            "stages layers, forward and training are of networks, not of modules; without --stage a module is shown as it is",
        )),
    }
}

/// The name of a stage.
fn stage() -> impl TypedValueParser<Value = Stage> {
    let named = |name: String| Stage::ALL.into_iter().find(|stage| stage.name() == name);
    PossibleValuesParser::new(Stage::ALL.map(|stage| PossibleValue::new(stage.name()).help(stage.about())))
        .map(move |name| named(name).expect("one of these names"))
}

impl Args {
    /// That the arguments go together.
    fn check(&self) -> Result<()> {
        let refused = match (self.stage, self.format) {
            (Some(Stage::Clif | Stage::Asm), format) if format != Format::Text => {
                "stages clif and asm are text: --format dot, json and svg are for stages before them"
            }
            (Some(Stage::Memory), Format::Dot) => "memory is no graph: --format text, json and svg show it",
            _ => "",
        };
        if !refused.is_empty() {
            return Err(Error::usage(refused));
        }
        let is_optimized = matches!(self.stage, None | Some(Stage::Optimized));
        let shows_passes = self.print_after.is_some() || self.diff.is_some();
        if shows_passes && (!is_optimized || self.format != Format::Text) {
            return Err(Error::usage("--print-after and --diff are for stage optimized in format text"));
        }
        let is_layers = self.stage == Some(Stage::Layers);
        if (self.locations || self.layer.is_some()) && (is_layers || self.format != Format::Text) {
            return Err(Error::usage("--locations and --layer are for stages after layers in format text"));
        }
        if self.function.is_some() && is_layers {
            return Err(Error::usage("--function is for stages after layers"));
        }
        Ok(())
    }

    /// Whether what is shown may have colours.
    fn is_styled(&self) -> bool {
        let no_color = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        self.output.is_none() && !no_color && io::stdout().is_terminal()
    }

    fn view(&self) -> View<'_> {
        let (target, batch) = (self.width.target(), self.batch);
        View { target, batch, locations: self.locations, layer: self.layer.as_deref() }
    }

    /// The function to show; `None` for all.
    fn function(&self) -> Option<&str> {
        let default = self.stage.and_then(Stage::default_function).map(Function::name);
        self.function.as_deref().or(default)
    }

    /// What kernels are made of: the network's module after all passes, or the module that was given.
    fn as_lowered(&self, subject: &Subject, function: Option<&str>) -> Result<Module> {
        let module = subject.module(function)?;
        match subject {
            Subject::Network(_) => optimized(module),
            Subject::Module(_) => Ok(module),
        }
    }
}
