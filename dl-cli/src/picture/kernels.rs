//! Launches of kernels as a diagram.

use std::collections::BTreeMap;

use dl::inspect::View;
use dl_codegen::compile::Lowered;
use dl_codegen::fuse;
use dl_codegen::locations::Locations;
use dl_codegen::plan::PlanStep;
use dl_ir::module::Function;
use dl_ir::origin::Rule;
use dl_runtime::program::{BufferId, Place};

use super::repeats::folded;
use super::{Diagram, TextBox, Tone, wrapped};

/// What each kernel is launched for, in order, with the buffers that one writes and another reads; launches that repeat are drawn
/// once.
pub fn kernels(function: &Function, lowered: &Lowered, view: &View<'_>) -> Diagram {
    let mut launches = Launches {
        function,
        lowered,
        view,
        locations: Locations::new(function, lowered),
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
    view: &'l View<'l>,
    locations: Locations<'l>,
    diagram: Diagram,
    /// For each box its frame and its kernel.
    keys: Vec<(Option<usize>, Option<usize>)>,
    /// Which box wrote a buffer last.
    writer: BTreeMap<BufferId, usize>,
}

impl Launches<'_> {
    fn step(&mut self, index: usize, step: &PlanStep) {
        let is_shown = |(group, _): &&(usize, Vec<BufferId>)| self.view.shows_group(&self.locations, *group);
        let launches: Vec<_> = step.phases().1.iter().flatten().filter(is_shown).collect();
        let frame = match step {
            PlanStep::Loop { count, .. } if !launches.is_empty() => {
                Some(self.diagram.frame(format!("step {index}, {count} times"), None))
            }
            PlanStep::CheckFinite(buffer) if self.view.layer.is_none() => {
                let lines = vec![format!("{} is finite, or nothing is changed", self.name(*buffer))];
                let title = format!("step {index}");
                self.add(TextBox { title, lines, ..TextBox::default() }, None, &[*buffer], &[]);
                None
            }
            PlanStep::Launches(_) | PlanStep::Loop { .. } | PlanStep::CheckFinite(_) => None,
        };
        for (group, buffers) in launches {
            let kernel = self.lowered.kernel_of[*group];
            let title = format!("step {index}: k{kernel}");
            let written = self.lowered.kernels[kernel].written(buffers);
            let (source, lines) = (self.source(*group), self.lines(*group, &written));
            let tone = self.tone(*group);
            let drawn = TextBox { title, source, lines, frame, tone, ..TextBox::default() };
            self.add(drawn, Some(kernel), buffers, &written);
        }
    }

    /// What a group is built around, its ops in order, and the buffers that it writes.
    fn lines(&self, group: usize, written: &[BufferId]) -> Vec<String> {
        let graph = self.lowered.graph(self.function, group);
        let group = &self.lowered.groups[group];
        let shown = fuse::text::show(graph, group, false);
        let headline = shown.lines().next().unwrap_or_default().trim_start_matches("group ");
        let headline = headline.split(" writes ").next().unwrap_or_default().to_owned();
        let ops = counted(group.members.keys().map(|&member| graph.op(member).name()));
        let written: Vec<&str> = written.iter().map(|&buffer| self.name(buffer)).collect();
        let ops = wrapped(&ops);
        let written = wrapped(&format!("writes {}", written.join(", ")));
        [headline].into_iter().chain(ops).chain(written).collect()
    }

    /// What a group is for: the parts of the network that its results are of, each once.
    fn source(&self, group: usize) -> String {
        let mut sources: Vec<String> = Vec::new();
        for origin in self.locations.of_results(group) {
            let source = if self.view.locations { origin.source() } else { origin.in_words() };
            if !sources.contains(&source) {
                sources.push(source);
            }
        }
        format!("of {}", sources.join("; "))
    }

    /// That of an update, if there is one of a parameter; else of gradients, if there are any.
    fn tone(&self, group: usize) -> Tone {
        let rules = self.locations.of_results(group).map(|origin| &origin.rule);
        let tones = rules.map(|rule| match rule {
            Rule::Update { .. } => Tone::Update,
            Rule::Vjp { .. } => Tone::Backward,
            Rule::Built => Tone::Plain,
        });
        tones.max().unwrap_or_default()
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

/// Each name once, with how often it is there: `mul ×3, add, sqrt`.
fn counted<'n>(names: impl Iterator<Item = &'n str>) -> String {
    let mut counts: Vec<(&str, usize)> = Vec::new();
    for name in names {
        match counts.iter_mut().find(|(known, _)| *known == name) {
            Some((_, count)) => *count += 1,
            None => counts.push((name, 1)),
        }
    }
    let shown = counts.into_iter().map(|(name, count)| match count {
        1 => name.to_owned(),
        _ => format!("{name}\u{a0}×{count}"),
    });
    shown.collect::<Vec<_>>().join(", ")
}

#[test]
fn ops_are_counted() {
    assert_eq!(counted(["mul", "add", "mul"].into_iter()), "mul\u{a0}×2, add");
}
