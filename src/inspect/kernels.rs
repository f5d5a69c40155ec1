//! Fusion groups and kernels.

use std::fmt::Write;

use dl_codegen::fuse;
use dl_codegen::plan::{Launches, PlanStep};
use dl_runtime::program::BufferId;

use super::Shown;

/// Steps in order with what each launches: a kernel on buffers, and its fusion group. Then the kernels.
pub(super) fn text(shown: &Shown) -> String {
    let lowered = &shown.lowered;
    let (lanes, kernels) = (lowered.target.lanes.count(), lowered.kernels.len());
    let mut text = format!("; {} for {lanes} lanes, {kernels} kernels\n\n", lowered.name);
    for (idx, step) in lowered.plan.steps.iter().enumerate() {
        match step {
            PlanStep::Launches(launches) => writeln!(text, "step {idx}\n{}", phase(shown, launches)),
            PlanStep::CheckFinite(buffer) => {
                writeln!(text, "step {idx}\n  check that {} is finite\n", name(shown, *buffer))
            }
            PlanStep::Loop { count, phases } => {
                let phases = phases.iter().map(|launches| phase(shown, launches)).collect::<Vec<_>>();
                writeln!(text, "step {idx}, {count} times\n{}", phases.join("\n  then\n"))
            }
        }
        .expect("writing to a string");
    }
    for (idx, kernel) in lowered.kernels.iter().enumerate() {
        writeln!(text, "k{idx}: {kernel}").expect("writing to a string");
    }
    text
}

fn phase(shown: &Shown, launches: &Launches) -> String {
    launches.iter().map(|(group, buffers)| launch(shown, *group, buffers)).collect()
}

fn launch(shown: &Shown, group: usize, buffers: &[BufferId]) -> String {
    let kernel = shown.lowered.kernel_of[group];
    let buffers: Vec<&str> = buffers.iter().map(|&buffer| name(shown, buffer)).collect();
    let graph = shown.lowered.graph(shown.function(), group);
    let group = fuse::text::show(graph, &shown.lowered.groups[group]);
    format!("  k{kernel}({})\n    {}\n", buffers.join(", "), group.trim_end().replace('\n', "\n    "))
}

fn name(shown: &Shown, buffer: BufferId) -> &str {
    &shown.lowered.plan.buffers[buffer.0 as usize].name
}
