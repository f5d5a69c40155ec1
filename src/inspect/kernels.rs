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

/// Steps in order with what each launches: a kernel on buffers, and its fusion group, of those groups that are shown. Then their kernels.
pub(super) fn text(
    function: &Function,
    lowered: &Lowered,
    locations: Option<&Locations<'_>>,
    is_shown: &dyn Fn(usize) -> bool,
) -> String {
    let shown = Shown { function, lowered, locations, is_shown };
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
    let is_used = |idx: &usize| {
        (0..lowered.groups.len()).any(|group| lowered.kernel_of[group] == *idx && is_shown(group))
    };
    for idx in (0..lowered.kernels.len()).filter(is_used) {
        let kernel = &lowered.kernels[idx];
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
    /// Which groups are shown.
    is_shown: &'a dyn Fn(usize) -> bool,
}

fn phase(shown: &Shown<'_>, launches: &Launches) -> String {
    let launches = launches.iter().filter(|(group, _)| (shown.is_shown)(*group));
    launches.map(|(group, buffers)| launch(shown, *group, buffers)).collect()
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
