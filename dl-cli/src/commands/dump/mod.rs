//! `dlc dump`: what a stage of the compiler makes of a network, or of a module given as text.

mod diff;
mod dot;
mod json;
mod layer;
pub mod passes;
mod rules;
mod why;

use std::io::{self, IsTerminal};
use std::path::PathBuf;

use clap::ValueEnum;
use clap::builder::{PossibleValue, PossibleValuesParser, TypedValueParser};
use dl::Function;
use dl::inspect::{self, MemoryMap, Stage, View};
use dl_codegen::compile::{Lowered, lower};
use dl_codegen::plan::plan_state;
use dl_ir::graph::Graph;
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
    /// The function to show: train_step, predict, evaluate, gradients, forward, vjp or apply_gradients; of a .dlir file, one that it has
    /// [default: all of them where the stage is optimized, predict where it is forward, else train_step]
    #[arg(long, value_name = "F")]
    function: Option<String>,
    /// How to show it: stages clif and asm are text only, and memory is no dot
    #[arg(long, value_enum, value_name = "FORMAT", default_value_t = Format::Text)]
    format: Format,
    /// Examples in a batch, where the stage is memory
    #[arg(long, value_name = "N", default_value_t = 32, value_parser = positive())]
    batch: usize,
    /// Show the graphs after this pass, or after each, as text
    #[arg(long, value_name = "PASS", value_parser = passes::names_or_all())]
    print_after: Option<String>,
    /// Show what this pass changes, in colour on a terminal unless NO_COLOR is set
    #[arg(long, value_name = "PASS", value_parser = passes::names(), conflicts_with = "print_after")]
    diff: Option<String>,
    /// Show where things come from. Layers: their places; graphs, kernels, memory, CLIF and machine code: layer, place, rule and passes;
    /// boxes of pictures: layer and place
    #[arg(long, conflicts_with = "diff")]
    locations: bool,
    /// Show only what came from this layer, forward and backward: nodes, launches and kernels that have some, buffers that these use
    #[arg(long, value_name = "NAME", conflicts_with = "diff")]
    layer: Option<String>,
    /// Tell whether two nodes of the function, or nodes of two layers, share a kernel, and why not. Nodes are named as `dump --function F`
    /// prints them: %12
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
    rules::check(args)?;
    let subject = args.subject.read()?;
    let shown = show(args, &subject).map_err(|error| match subject {
        Subject::Network(_) => error,
        Subject::Module(_) => error.of_module(),
    })?;
    report::print_or_write(&shown, args.output.as_deref())
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
        let function = one_function(&whole, args.function.as_deref())?;
        return why::text(function, args.width.target(), names, &whole.network);
    }
    match args.stage {
        Some(Stage::Layers) => layers(args, network(subject)?),
        Some(Stage::Forward | Stage::Training) => {
            network(subject)?;
            graph(args, &subject.module(args.function())?)
        }
        Some(Stage::Optimized) => graph(args, &optimized(subject.module(args.function())?)?),
        None => graph(args, &args.as_lowered(subject, args.function())?),
        Some(stage) => lowered(args, subject, stage),
    }
}

fn layers(args: &Args, network: &Network) -> Result<String> {
    let locations = args.locations;
    match args.format {
        Format::Text => Ok(inspect::layers_text(network, locations)),
        Format::Dot => Ok(dot::layers(network, locations)),
        Format::Json => Ok(json::layers(network, locations)),
        Format::Svg => picture::svg(picture::layers(network, locations)),
    }
}

fn graph(args: &Args, module: &Module) -> Result<String> {
    args.check_origins(module.functions.iter().map(|function| &function.graph), &module.network)?;
    match args.format {
        Format::Text => Ok(args.view().graphs(module)),
        Format::Dot => Ok(dot::module(module, &args.view())),
        Format::Json => Ok(json::module(module, &args.view())),
        Format::Svg => picture::svg(picture::functions(module, &args.view())),
    }
}

/// A function behind the stage of graphs.
fn lowered(args: &Args, subject: &Subject, stage: Stage) -> Result<String> {
    let whole = match subject {
        Subject::Network(_) => args.as_lowered(subject, args.function())?,
        Subject::Module(module) => module.clone(),
    };
    let function = one_function(&whole, args.function.as_deref())?;
    args.check_origins([&function.graph], &whole.network)?;
    let view = args.view();
    let memory = || MemoryMap::with_view(&whole, function, &view);
    let kernels =
        || -> Result<Lowered> { Ok(lower(function, &plan_state(&whole, view.target), view.target)?) };
    match args.format {
        Format::Text => Ok(inspect::module_text(&whole, function, stage, &view)?),
        Format::Json if stage == Stage::Memory => Ok(json::memory(&memory()?)),
        Format::Svg if stage == Stage::Memory => Ok(picture::memory(&memory()?)),
        Format::Dot => Ok(dot::diagram(&picture::kernels(function, &kernels()?, &view))),
        Format::Json => Ok(json::kernels(function, &kernels()?, &view)),
        Format::Svg => picture::svg(picture::kernels(function, &kernels()?, &view)),
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
    /// That these graphs, of the network of this text, know where they come from, as far as that is to be shown.
    fn check_origins<'g>(
        &self,
        graphs: impl IntoIterator<Item = &'g Graph, IntoIter: Clone>,
        network: &str,
    ) -> Result<()> {
        let graphs = graphs.into_iter();
        if self.locations {
            layer::check_located(graphs.clone())?;
        }
        self.layer.iter().try_for_each(|name| layer::check(graphs.clone(), name, network))
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
