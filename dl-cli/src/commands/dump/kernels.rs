//! Fusion groups and kernels.

use std::fmt::Write;

use dl_codegen::fuse;
use dl_codegen::plan::PlanStep;

use super::OnItsWay;

/// Launches in order, each with its kernel's number and its group; then the kernels.
pub fn text(shown: &OnItsWay) -> String {
    let (lowered, graph) = (&shown.lowered, &shown.function().graph);
    let lanes = lowered.target.lanes.count();
    let (groups, kernels) = (lowered.groups.len(), lowered.kernels.len());
    let mut text =
        format!("; {} for {lanes} lanes: {groups} launches of {kernels} kernels\n\n", lowered.name);
    for step in &lowered.plan.steps {
        match step {
            PlanStep::Launches(launches) => launches.iter().enumerate().try_for_each(|(i, (group, _))| {
                let word = if i == 0 { "launch" } else { "and at the same time" };
                let group_text = fuse::text::show(graph, &lowered.groups[*group]);
                writeln!(text, "{word} k{}: {group_text}", lowered.kernel_of[*group])
            }),
            PlanStep::CheckFinite(buffer) => {
                writeln!(text, "check that {} is finite\n", lowered.plan.buffers[buffer.0 as usize].name)
            }
        }
        .expect("writing to a string");
    }
    for (idx, kernel) in lowered.kernels.iter().enumerate() {
        writeln!(text, "k{idx}: {kernel}").expect("writing to a string");
    }
    text
}
