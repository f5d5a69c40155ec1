//! `dlc profile`: where the time of a function goes, kernel by kernel.

mod launches;
mod measure;
mod report;

use std::collections::{BTreeMap, BTreeSet};

use dl::Function;
use dl_codegen::compile::lower;
use dl_codegen::limits::Limits;
use dl_codegen::plan::plan_state;
use dl_ir::module::StateRole;
use dl_runtime::machine::Machine;
use dl_runtime::tensor::Data;

use crate::args::{Net, Run, function, positive, seconds};
use crate::error::Result;
use measure::Subject;
use report::Report;

#[derive(clap::Args)]
pub struct Args {
    #[command(flatten)]
    net: Net,
    /// The function to measure
    #[arg(long, value_name = "F", default_value_t = Function::TrainStep, value_parser = function())]
    function: Function,
    /// Examples in a batch
    #[arg(long, value_name = "N", default_value_t = 32, value_parser = positive())]
    batch: usize,
    /// How long to measure
    #[arg(long, value_name = "S", default_value_t = 1.0, value_parser = seconds)]
    seconds: f64,
    #[command(flatten)]
    run: Run,
    /// Print one line of JSON
    #[arg(long)]
    json: bool,
}

pub fn run(args: &Args) -> Result<()> {
    let net = args.run.configure(args.net.read()?).build()?;
    let (module, target, threads) = (net.module()?, args.run.width.target(), net.threads());
    let function = module.function(args.function.name()).expect("networks have these functions");
    let state = plan_state(&module, target);
    let lowered = lower(function, &state, target)?;
    let mut machine = Machine::new(state, threads)?;
    for (slot, (declared, (_, value))) in module.states.iter().zip(net.states()).enumerate() {
        match value.into_data() {
            // With a learning rate of zero parameters stay as they are, however many steps the measurement takes.
            Data::F32(values) if declared.role == StateRole::Hyper => {
                machine.set_state(slot, &vec![0.0f32; values.len()])?;
            }
            Data::F32(values) => machine.set_state(slot, &values)?,
            Data::I32(values) => machine.set_state(slot, &values)?,
            Data::I64(_) | Data::U8(_) => unreachable!("no state is of this type"),
        }
    }
    let program = lowered.load(&mut machine)?;
    let mut subject = Subject::new(net.network(), &mut machine, program, args.batch)?;
    let times = subject.measure(args.seconds)?;

    let launches = launches::describe(&module, function, &lowered, args.batch, threads);
    let memory = machine.arena_bytes();
    let counts: BTreeSet<usize> = launches.iter().map(|launch| launch.threads).collect();
    let limits = counts.into_iter().map(|count| Ok((count, Limits::measure(target, count, memory)?)));
    let limits = limits.collect::<Result<BTreeMap<usize, Limits>>>()?;
    let report = Report::new(args, threads, target, memory, &launches, &times, &limits);
    crate::report::print(&report, args.json)
}
