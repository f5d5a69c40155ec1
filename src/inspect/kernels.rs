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
        text += &shown.step(idx, step);
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

impl Shown<'_> {
    /// A step with its launches; nothing if none of them is shown.
    fn step(&self, idx: usize, step: &PlanStep) -> String {
        let times = match step {
            PlanStep::CheckFinite(buffer) if self.is_whole() => {
                return format!("step {idx}\n  check that {} is finite\n\n", self.name(*buffer));
            }
            PlanStep::CheckFinite(_) | PlanStep::Launches(_) => String::new(),
            PlanStep::Loop { count, .. } => format!(", {count} times"),
        };
        let phases: Vec<String> = step.phases().1.iter().map(|launches| self.phase(launches)).collect();
        let phases: Vec<String> = phases.into_iter().filter(|phase| !phase.is_empty()).collect();
        if phases.is_empty() {
            return String::new();
        }
        format!("step {idx}{times}\n{}\n", phases.join("\n  then\n"))
    }

    fn phase(&self, launches: &Launches) -> String {
        let launches = launches.iter().filter(|(group, _)| (self.is_shown)(*group));
        launches.map(|(group, buffers)| self.launch(*group, buffers)).collect()
    }

    fn launch(&self, group: usize, buffers: &[BufferId]) -> String {
        let kernel = self.lowered.kernel_of[group];
        let buffers: Vec<&str> = buffers.iter().map(|&buffer| self.name(buffer)).collect();
        let graph = self.lowered.graph(self.function, group);
        let group = fuse::text::show(graph, &self.lowered.groups[group], self.locations.is_some());
        format!("  k{kernel}({})\n    {}\n", buffers.join(", "), group.trim_end().replace('\n', "\n    "))
    }

    fn name(&self, buffer: BufferId) -> &str {
        &self.lowered.plan.buffers[buffer.0 as usize].name
    }

    /// Whether nothing is left out.
    fn is_whole(&self) -> bool {
        (0..self.lowered.groups.len()).all(self.is_shown)
    }
}
