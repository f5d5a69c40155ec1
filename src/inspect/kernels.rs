//! Fusion groups and kernels.

use std::fmt::Write;

use dl_codegen::compile::Lowered;
use dl_codegen::fuse;
use dl_codegen::kernel::text::with_comments;
use dl_codegen::locations::{Locations, Runs};
use dl_codegen::plan::{Launches, PlanStep};
use dl_codegen::vector::Inst;
use dl_ir::module::Function;
use dl_runtime::program::BufferId;

/// Steps in order with what each launches: a kernel on buffers, and its fusion group. Then the kernels.
pub(super) fn text(function: &Function, lowered: &Lowered, locations: Option<&Locations<'_>>) -> String {
    let shown = Shown { function, lowered, locations };
    let (lanes, kernels) = (lowered.target.lanes.count(), lowered.kernels.len());
    let mut text = format!("; {} for {lanes} lanes, {kernels} kernels\n\n", lowered.name);
    for (idx, step) in lowered.plan.steps.iter().enumerate() {
        match step {
            PlanStep::Launches(launches) => {
                writeln!(text, "step {idx}\n{}", phase(&shown, launches))
            }
            PlanStep::CheckFinite(buffer) => {
                writeln!(text, "step {idx}\n  check that {} is finite\n", name(lowered, *buffer))
            }
            PlanStep::Loop { count, phases } => {
                let phases = phases.iter().map(|launches| phase(&shown, launches)).collect::<Vec<_>>();
                writeln!(text, "step {idx}, {count} times\n{}", phases.join("\n  then\n"))
            }
        }
        .expect("writing to a string");
    }
    for (idx, kernel) in lowered.kernels.iter().enumerate() {
        let mut runs = locations.map(|locations| Runs::new(locations, idx));
        let comment = &mut |inst: &Inst| runs.as_mut().and_then(|runs| runs.next(inst.mark));
        writeln!(text, "k{idx}: {}", with_comments(kernel, comment)).expect("writing to a string");
    }
    text
}

struct Shown<'a> {
    function: &'a Function,
    lowered: &'a Lowered,
    locations: Option<&'a Locations<'a>>,
}

fn phase(shown: &Shown<'_>, launches: &Launches) -> String {
    launches.iter().map(|(group, buffers)| launch(shown, *group, buffers)).collect()
}

fn launch(shown: &Shown<'_>, group: usize, buffers: &[BufferId]) -> String {
    let lowered = shown.lowered;
    let kernel = lowered.kernel_of[group];
    let buffers: Vec<&str> = buffers.iter().map(|&buffer| name(lowered, buffer)).collect();
    let graph = lowered.graph(shown.function, group);
    let group = fuse::text::show(graph, &lowered.groups[group], shown.locations.is_some());
    format!("  k{kernel}({})\n    {}\n", buffers.join(", "), group.trim_end().replace('\n', "\n    "))
}

fn name(lowered: &Lowered, buffer: BufferId) -> &str {
    &lowered.plan.buffers[buffer.0 as usize].name
}
