//! Launches of kernels as a diagram.

use std::collections::BTreeMap;

use dl_codegen::compile::Lowered;
use dl_codegen::fuse;
use dl_codegen::plan::PlanStep;
use dl_ir::module::Function;
use dl_runtime::program::{BufferId, Place};

use super::repeats::folded;
use super::{Diagram, TextBox, Tone};

/// What each kernel is launched for, in order, with the buffers that one writes and another reads; launches that repeat are drawn
/// once.
pub fn kernels(function: &Function, lowered: &Lowered) -> Diagram {
    let mut launches = Launches {
        function,
        lowered,
        diagram: Diagram::default(),
        keys: Vec::new(),
        writer: BTreeMap::new(),
    };
    for (index, step) in lowered.plan.steps.iter().enumerate() {
        launches.step(index, step);
    }
    folded(launches.diagram, &launches.keys)
}

struct Launches<'l> {
    function: &'l Function,
    lowered: &'l Lowered,
    diagram: Diagram,
    /// For each box its frame and its kernel.
    keys: Vec<(Option<usize>, Option<usize>)>,
    /// Which box wrote a buffer last.
    writer: BTreeMap<BufferId, usize>,
}

impl Launches<'_> {
    fn step(&mut self, index: usize, step: &PlanStep) {
        let frame = match step {
            PlanStep::Loop { count, .. } => {
                Some(self.diagram.frame(format!("step {index}, {count} times"), None))
            }
            PlanStep::Launches(_) => None,
            PlanStep::CheckFinite(buffer) => {
                let lines = vec![format!("{} is finite, or nothing is changed", self.name(*buffer))];
                let title = format!("step {index}");
                self.add(TextBox { title, lines, frame: None, tone: Tone::Plain }, None, &[*buffer], &[]);
                None
            }
        };
        for (group, buffers) in step.phases().1.iter().flatten() {
            let kernel = self.lowered.kernel_of[*group];
            let title = format!("step {index}: k{kernel}");
            let written = self.lowered.kernels[kernel].written(buffers);
            let lines = self.lines(*group, &written);
            self.add(TextBox { title, lines, frame, tone: Tone::Plain }, Some(kernel), buffers, &written);
        }
    }

    /// What a group is built around, its ops in order, and the buffers that it writes.
    fn lines(&self, group: usize, written: &[BufferId]) -> Vec<String> {
        let graph = self.lowered.graph(self.function, group);
        let group = &self.lowered.groups[group];
        let shown = fuse::text::show(graph, group, false);
        let headline = shown.lines().next().unwrap_or_default().trim_start_matches("group ");
        let headline = headline.split(" writes ").next().unwrap_or_default().to_owned();
        let ops: Vec<&str> = group.members.keys().map(|&member| graph.op(member).name()).collect();
        let written: Vec<&str> = written.iter().map(|&buffer| self.name(buffer)).collect();
        let ops = wrapped(&ops.join(", "));
        let written = wrapped(&format!("writes {}", written.join(", ")));
        [headline].into_iter().chain(ops).chain(written).collect()
    }

    fn add(&mut self, added: TextBox, kernel: Option<usize>, buffers: &[BufferId], written: &[BufferId]) {
        self.keys.push((added.frame, kernel));
        let index = self.diagram.add(added);
        for &buffer in buffers {
            if let Some(&from) = self.writer.get(&self.whole(buffer)) {
                let name = self.name(buffer).to_owned();
                self.diagram.connect(from, index, name);
            }
        }
        for &buffer in written {
            let whole = self.whole(buffer);
            self.writer.insert(whole, index);
        }
    }

    fn name(&self, buffer: BufferId) -> &str {
        &self.lowered.plan.buffers[buffer.0 as usize].name
    }

    /// The buffer itself, or that which it is a window of.
    fn whole(&self, buffer: BufferId) -> BufferId {
        match self.lowered.plan.buffers[buffer.0 as usize].place {
            Place::Window(window) => window.of,
            Place::State(_) | Place::Scratch(_) => buffer,
        }
    }
}

/// Text in lines.
fn wrapped(text: &str) -> Vec<String> {
    const WIDTH: usize = 56;
    let mut lines: Vec<String> = Vec::new();
    for word in text.split(' ') {
        match lines.last_mut() {
            Some(line) if line.len() + word.len() < WIDTH => *line += &format!(" {word}"),
            _ => lines.push(word.to_owned()),
        }
    }
    lines
}
