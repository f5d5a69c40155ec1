//! Runs a plan by the interpreter of kernels, in its arena, launch by launch; each must find and leave in its buffers what the same kernel does in
//! memory of its own.

use std::collections::BTreeSet;
use std::ops::Range;

use dl_ir::module::Function;
use dl_ir::ops::Op;
use dl_ir::value::Value;
use dl_runtime::program::{BATCH_GRANULE, Buffer, BufferId, Layout, Place, StatePlan, round_up};

use super::misplaced::Misplaced;
use super::nodes::{Memory, Record, ranges, started, stored};
use super::reference::Reference;
use super::words::{self, GRANULE, POISON};
use crate::compile::Lowered;
use crate::fuse::Group;
use crate::kernel::interp;
use crate::plan::{Launches, PlanStep};
use crate::schedule::operands::storage;

/// Runs a plan, given what its kernels compute elsewhere; gives the first thing that is wrong with it.
pub fn check(
    lowered: &Lowered,
    function: &Function,
    state: &StatePlan,
    record: &Record,
    batch: usize,
) -> Result<(), Misplaced> {
    let mut arena = Arena::new(lowered, function, state, batch)?;
    arena.begin(record);
    let mut checked = BTreeSet::new();
    for (step, what) in lowered.plan.steps.iter().enumerate() {
        if let PlanStep::CheckFinite(buffer) = what {
            checked.insert(*buffer);
        }
        let (count, phases) = what.phases();
        for iteration in 0..count {
            for launches in phases {
                let at = At { step, iteration };
                arena.check_writes_of_state(launches, at, &checked)?;
                arena.check_independence(launches, at)?;
                for (group, buffers) in launches.iter().rev() {
                    arena.launch(record, *group, buffers, at)?;
                }
            }
        }
    }
    arena.end(record)
}

/// When something is launched.
#[derive(Clone, Copy)]
struct At {
    step: usize,
    iteration: usize,
}

/// Who wrote a word.
#[derive(Clone, Copy)]
struct Writer {
    group: usize,
    step: usize,
    buffer: BufferId,
}

struct Arena<'a> {
    lowered: &'a Lowered,
    function: &'a Function,
    state: &'a StatePlan,
    batch: usize,
    memory: Vec<u32>,
    writers: Vec<Option<Writer>>,
}

impl<'a> Arena<'a> {
    fn new(
        lowered: &'a Lowered,
        function: &'a Function,
        state: &'a StatePlan,
        batch: usize,
    ) -> Result<Self, Misplaced> {
        let capacity = batch.next_multiple_of(BATCH_GRANULE);
        let len = (round_up(state.bytes()) + round_up(lowered.plan.scratch.at(capacity))) / 4;
        let (memory, writers) = (vec![POISON; len], vec![None; len]);
        let arena = Arena { lowered, function, state, batch, memory, writers };
        for id in (0..lowered.plan.buffers.len() as u32).map(BufferId) {
            if arena.elements(id, 0).end > len {
                return Err(Misplaced::Outside { buffer: arena.name(id) });
            }
        }
        Ok(arena)
    }

    /// Inputs and states.
    fn begin(&mut self, record: &Record) {
        let graph = &self.function.graph;
        for node in graph.ids() {
            let name = match graph.op(node) {
                Op::Input(input) => &input.name,
                Op::State(state) => &state.name,
                _ => continue,
            };
            let place = match self.state.slots.iter().find(|slot| slot.name == *name) {
                Some(slot) => slot.offset / 4,
                None => match self.lowered.plan.inputs.iter().find(|(known, _)| known == name) {
                    Some(&(_, id)) => self.elements(id, 0).start,
                    None => continue,
                },
            };
            let words = &record.nodes[&(node, false)];
            let len = words.iter().rposition(|&word| word != POISON).map_or(0, |last| last + 1);
            self.memory[place..][..len].copy_from_slice(&words[..len]);
        }
        let batch_size = self.lowered.plan.inputs.iter().find(|(name, _)| name == crate::plan::BATCH_SIZE);
        if let Some(&(_, id)) = batch_size {
            let place = self.elements(id, 0).start;
            self.memory[place] = (self.batch as f32).to_bits();
        }
    }

    /// Where a buffer begins, in words.
    fn start(&self, BufferId(id): BufferId, iteration: usize) -> usize {
        let capacity = self.batch.next_multiple_of(BATCH_GRANULE);
        match self.lowered.plan.buffers[id as usize].place {
            Place::State(slot) => self.state.slots[slot].offset / 4,
            Place::Scratch(offset) => (round_up(self.state.bytes()) + offset.at(capacity)) / 4,
            Place::Window(window) => {
                let slot = window.slot_at(iteration).unwrap_or(window.first);
                self.start(window.of, iteration) + slot * window.slot.at(self.batch)
            }
        }
    }

    /// The words of a buffer, without what may be written behind them.
    fn elements(&self, id: BufferId, iteration: usize) -> Range<usize> {
        let start = self.start(id, iteration);
        start..start + self.lowered.plan.buffers[id.0 as usize].elements.at(self.batch)
    }

    fn name(&self, id: BufferId) -> String {
        self.lowered.plan.buffers[id.0 as usize].name.clone()
    }

    /// The first word of a buffer that is not as expected. What panels have beside their matrix may be anything.
    fn first_other(&self, id: BufferId, expected: &[u32], iteration: usize) -> Option<usize> {
        let Buffer { element, layout, packed_shape, .. } = &self.lowered.plan.buffers[id.0 as usize];
        let place = self.elements(id, iteration);
        let found = &self.memory[place.clone()];
        let is_other = |word: &usize| {
            expected[*word] != POISON && !words::is_same(*element, expected[*word], found[*word])
        };
        let mut others = (0..found.len().min(expected.len())).filter(is_other);
        let word = match layout {
            Layout::RowMajor => others.next(),
            Layout::Panel { .. } => {
                let is_used = words::used(*layout, packed_shape);
                others.find(|&word| is_used[word])
            }
        };
        word.map(|word| place.start + word)
    }

    fn launch_name(&self, group: usize, step: usize) -> String {
        format!("the launch of {} in step {step}", self.lowered.launch_name(group))
    }

    fn writes(&self, group: usize, buffers: &[BufferId]) -> Vec<BufferId> {
        self.lowered.kernels[self.lowered.kernel_of[group]].written(buffers)
    }

    fn check_writes_of_state(
        &self,
        launches: &Launches,
        at: At,
        checked: &BTreeSet<BufferId>,
    ) -> Result<(), Misplaced> {
        let plan = &self.lowered.plan;
        if self.function.updates.is_empty() || plan.results.iter().all(|(_, id)| checked.contains(id)) {
            return Ok(());
        }
        for (group, buffers) in launches {
            let is_state = |id: &&BufferId| matches!(plan.buffers[id.0 as usize].place, Place::State(_));
            if let Some(&id) = self.writes(*group, buffers).iter().find(is_state) {
                return Err(Misplaced::Unchecked {
                    launch: self.launch_name(*group, at.step),
                    buffer: self.name(id),
                });
            }
        }
        Ok(())
    }

    fn check_independence(&self, launches: &Launches, at: At) -> Result<(), Misplaced> {
        for (first, (writer, written)) in launches.iter().enumerate() {
            for id in self.writes(*writer, written) {
                let place = self.elements(id, at.iteration);
                for (_, (other, used)) in launches.iter().enumerate().filter(|&(second, _)| second != first) {
                    let meets = |&&other: &&BufferId| {
                        let used = self.elements(other, at.iteration);
                        used.start < place.end && place.start < used.end
                    };
                    if let Some(&met) = used.iter().find(meets) {
                        return Err(Misplaced::AtOnce {
                            writer: self.launch_name(*writer, at.step),
                            buffer: self.name(id),
                            other_launch: self.launch_name(*other, at.step),
                            other: self.name(met),
                        });
                    }
                }
            }
        }
        Ok(())
    }

    /// The nodes in memory that a group's kernel reads, as they should be.
    fn memory_of<'r>(&self, record: &'r Record, group: usize, iteration: usize) -> &'r Memory {
        match self.lowered.body_of[group] {
            Some(body) => &record.bodies[body][iteration],
            None => &record.nodes,
        }
    }

    fn launch(
        &mut self,
        record: &Record,
        group: usize,
        buffers: &[BufferId],
        at: At,
    ) -> Result<(), Misplaced> {
        let lowered = self.lowered;
        let kernel = &lowered.kernels[lowered.kernel_of[group]];
        let graph = lowered.graph(self.function, group);
        let nodes = self.memory_of(record, group, at.iteration);
        let bindings = &lowered.bindings[group];
        for (&binding, &id) in bindings.iter().zip(buffers) {
            let expected = match started(graph, &lowered.groups[group]).filter(|_| binding.is_write()) {
                Some(state) => &nodes[&(state, false)],
                None if binding.is_write() || binding.is_beside() => continue,
                None => &nodes[&stored(graph, binding)],
            };
            self.check_read(group, id, expected, at)?;
        }
        let places: Vec<Range<usize>> =
            buffers.iter().map(|&id| self.start(id, at.iteration)..self.memory.len()).collect();
        let copied = self.copied(group, &places);
        let behind = self.behind(group, buffers, at);
        for range in ranges(kernel.tasks.at(self.batch)) {
            // What the kernel may not do was seen when it ran by itself; it does so here where it has overwritten what it reads.
            let run = interp::run_in(kernel, self.batch, range.start, range.end, &mut self.memory, &places);
            if run.is_err() {
                return Err(self.in_place(group, buffers, None, at));
            }
        }
        for (position, (&binding, &id)) in bindings.iter().zip(buffers).enumerate() {
            if binding.is_write() {
                let expected = match &copied {
                    Some(buffers) => &buffers[position],
                    None => &nodes[&stored(graph, binding)],
                };
                if self.first_other(id, expected, at.iteration).is_some() {
                    return Err(self.in_place(group, buffers, Some(id), at));
                }
            }
        }
        self.note_writes(group, at, &behind);
        Ok(())
    }

    /// What a launch writes over what it reads: this, or the first that lies so.
    fn in_place(&self, group: usize, buffers: &[BufferId], written: Option<BufferId>, at: At) -> Misplaced {
        let meets = |a: BufferId, b: BufferId| {
            let (a, b) = (self.elements(a, at.iteration), self.elements(b, at.iteration));
            a.start < b.end && b.start < a.end
        };
        let bindings = self.lowered.bindings[group].iter();
        let reads = bindings.zip(buffers).filter(|(binding, _)| !binding.is_write()).map(|(_, &id)| id);
        let writes = self.writes(group, buffers).into_iter().filter(|&id| written.is_none_or(|it| it == id));
        let mut pairs = reads.flat_map(|read| writes.clone().map(move |write| (read, write)));
        let (read, write) =
            pairs.find(|&(read, write)| meets(read, write)).unwrap_or((buffers[0], buffers[0]));
        let (buffer, read) = (self.name(write), self.name(read));
        Misplaced::InPlace { launch: self.launch_name(group, at.step), buffer, read }
    }

    /// The buffers of a group that only copies, after a run in memory of its own: no node is what it writes.
    fn copied(&self, group: usize, places: &[Range<usize>]) -> Option<Vec<Vec<u32>>> {
        let lowered = self.lowered;
        let Group { members, anchor, .. } = &lowered.groups[group];
        if !members.is_empty() || anchor.is_some() {
            return None;
        }
        let kernel = &lowered.kernels[lowered.kernel_of[group]];
        let words = places.iter().zip(&kernel.buffers).map(|(place, used)| {
            let len = used.elements.at(self.batch).next_multiple_of(GRANULE).min(place.len());
            self.memory[place.start..][..len].to_vec()
        });
        let mut buffers = words.collect::<Vec<_>>();
        let run = interp::run(kernel, self.batch, 0, kernel.tasks.at(self.batch), &mut buffers);
        run.is_ok().then_some(buffers)
    }

    /// The words behind the buffers that a launch writes, up to whole vectors.
    fn behind(&self, group: usize, buffers: &[BufferId], at: At) -> Vec<(BufferId, Vec<u32>)> {
        let writes = self.writes(group, buffers).into_iter();
        writes.map(|id| (id, self.memory[self.padding(id, at.iteration)].to_vec())).collect()
    }

    fn padding(&self, id: BufferId, iteration: usize) -> Range<usize> {
        let place = self.elements(id, iteration);
        place.end..(place.start + place.len().next_multiple_of(GRANULE)).min(self.memory.len())
    }

    /// Notes who wrote the words of a launch's buffers, and those behind them that changed.
    fn note_writes(&mut self, group: usize, at: At, behind: &[(BufferId, Vec<u32>)]) {
        for (id, before) in behind {
            let writer = Some(Writer { group, step: at.step, buffer: *id });
            let (place, padding) = (self.elements(*id, at.iteration), self.padding(*id, at.iteration));
            self.writers[place].fill(writer);
            for (word, &before) in padding.zip(before) {
                if self.memory[word] != before {
                    self.writers[word] = writer;
                }
            }
        }
    }

    /// Whether a launch finds in a buffer what it should.
    fn check_read(&self, group: usize, id: BufferId, expected: &[u32], at: At) -> Result<(), Misplaced> {
        let Some(word) = self.first_other(id, expected, at.iteration) else { return Ok(()) };
        let (reader, buffer) = (self.launch_name(group, at.step), self.name(id));
        Err(match self.writers[word] {
            None => Misplaced::NotWritten { reader, buffer },
            Some(Writer { group, step, buffer: other }) => {
                let writer = self.launch_name(group, step);
                match self.whole(other) == self.whole(id) {
                    true => Misplaced::Replaced { reader, buffer, writer },
                    false => Misplaced::Overwritten { reader, buffer, writer, other: self.name(other) },
                }
            }
        })
    }

    /// A buffer, or the one that it is a window of.
    fn whole(&self, id: BufferId) -> BufferId {
        match self.lowered.plan.buffers[id.0 as usize].place {
            Place::Window(window) => window.of,
            Place::State(_) | Place::Scratch(_) => id,
        }
    }

    /// Whether results and states are where they should be.
    fn end(&self, record: &Record) -> Result<(), Misplaced> {
        let graph = &self.function.graph;
        for ((name, id), (_, node)) in self.lowered.plan.results.iter().zip(&self.function.results) {
            let expected = &record.nodes[&(storage(graph, *node), false)];
            if let Some(word) = self.first_other(*id, expected, 0) {
                return Err(self.lost(word, self.name(*id), name));
            }
        }
        let mut values = Reference::new(graph, &record.nodes, None, self.batch, self.lowered.target);
        for (name, node) in &self.function.updates {
            let Some(slot) = self.state.slots.iter().find(|slot| slot.name == *name) else { continue };
            let start = slot.offset / 4;
            let found = &self.memory[start..start + slot.bytes() / 4];
            let found = words::to_value(found, graph.tensor(*node), self.batch, self.lowered.target);
            if !is_equal(&found, &values.value(*node)) {
                return Err(self.lost(start, name.clone(), name));
            }
        }
        Ok(())
    }

    fn lost(&self, word: usize, buffer: String, name: &str) -> Misplaced {
        let writer = self.writers[word].map(|writer| self.launch_name(writer.group, writer.step));
        Misplaced::Lost { buffer, name: name.to_owned(), writer }
    }
}

/// Whether two tensors are the same, to the bit but for NaN.
pub fn is_equal(a: &Value, b: &Value) -> bool {
    let is_same = |(a, b): (&f64, &f64)| a.to_bits() == b.to_bits() || (a.is_nan() && b.is_nan());
    a.shape == b.shape && a.data.iter().zip(&b.data).all(is_same)
}
