//! What is in memory when.

use std::fmt::{self, Display, Formatter, Write};

use dl_codegen::compile::{CompileError, lower};
use dl_codegen::locations::Locations;
use dl_codegen::plan::{Plan, plan_state};
use dl_codegen::target::Target;
use dl_ir::module::{Function, Module};
use dl_runtime::program::Place;
use serde::Serialize;

use super::memory::used;
use super::room;
use super::table::{Align, Table};
use super::units::bytes;
use super::view::View;
use crate::error::Result;

/// The widest bar of the text, in characters.
const BAR: usize = 40;

/// How many buffers of the peak the text names.
const NAMED: usize = 12;

/// What a function keeps in memory besides state, step by step. Its text is a bar for each step, and what stands at the peak.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct MemoryMap {
    /// The function.
    pub function: String,
    /// The size of the batch that it was asked for.
    pub batch: usize,
    /// The size that there is room for, which all bytes are for.
    pub capacity: usize,
    /// Parameters and other state.
    pub state_bytes: usize,
    /// Everything in between. Never less than what is alive at the peak; more, where buffers do not fit into each other's places.
    pub scratch_bytes: usize,
    /// What is alive in each step.
    pub alive_bytes: Vec<usize>,
    /// The step in which most is alive.
    pub peak: usize,
    /// All buffers in between, or those that the kernels of one layer use.
    pub buffers: Vec<LiveBuffer>,
}

/// A buffer of a [`MemoryMap`].
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct LiveBuffer {
    /// Its name: that of the node that it holds.
    pub name: String,
    /// The part of the network that it is of: `dense0`, `dense0, backward`.
    pub part: String,
    /// Where the node comes from, if that was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub origin: Option<String>,
    /// Its size.
    pub bytes: usize,
    /// Where it begins, from where state ends.
    pub offset: usize,
    /// The first step in which it is alive.
    pub first: usize,
    /// The last step in which it is alive.
    pub last: usize,
}

impl MemoryMap {
    /// Of a function of a module as it is, on a target, for batches of `batch` examples. No pass is run.
    ///
    /// # Errors
    /// If no memory could hold such a batch, or the function does not compile. For one that passes made, that is a bug of dl.
    pub fn new(module: &Module, function: &Function, target: Target, batch: usize) -> Result<Self> {
        Self::with_view(module, function, &View::new(target, batch))
    }

    /// The same with the buffers that are wanted, and with where they come from. What is alive in each step is that of all buffers.
    ///
    /// # Errors
    /// As [`new`](Self::new).
    pub fn with_view(module: &Module, function: &Function, view: &View<'_>) -> Result<Self> {
        let (target, batch) = (view.target, view.batch);
        let state = plan_state(module, target);
        let lowered = lower(function, &state, target).map_err(CompileError::from)?;
        let (capacity, scratch_bytes) = room(&lowered, batch)?;
        let buffers = buffers(&lowered.plan, capacity, view);
        let alive = |step: usize| {
            let alive = buffers.iter().filter(|(_, buffer)| (buffer.first..=buffer.last).contains(&step));
            alive.map(|(_, buffer)| buffer.bytes).sum()
        };
        let alive_bytes: Vec<usize> = (0..lowered.plan.steps.len()).map(alive).collect();
        let peak = (0..alive_bytes.len()).rev().max_by_key(|&step| alive_bytes[step]).unwrap_or(0);
        let locations = Locations::new(function, &lowered);
        let used = used(&lowered, &|group| view.shows_group(&locations, group));
        let buffers =
            buffers.into_iter().filter(|&(index, _)| used[index]).map(|(_, buffer)| buffer).collect();
        Ok(MemoryMap {
            function: function.name.clone(),
            batch,
            capacity,
            state_bytes: state.bytes(),
            scratch_bytes,
            alive_bytes,
            peak,
            buffers,
        })
    }

    /// What is alive at the peak, the largest first.
    pub fn at_peak(&self) -> Vec<&LiveBuffer> {
        let is_alive = |buffer: &&LiveBuffer| (buffer.first..=buffer.last).contains(&self.peak);
        let mut alive: Vec<&LiveBuffer> = self.buffers.iter().filter(is_alive).collect();
        alive.sort_by_key(|buffer| std::cmp::Reverse(buffer.bytes));
        alive
    }

    fn peak_bytes(&self) -> usize {
        self.alive_bytes.get(self.peak).copied().unwrap_or(0)
    }
}

/// All buffers in scratch with their indices.
fn buffers(plan: &Plan, capacity: usize, view: &View<'_>) -> Vec<(usize, LiveBuffer)> {
    let live = |index: usize| {
        let (buffer, origin) = (&plan.buffers[index], plan.origins[index].as_deref());
        // Windows lie in buffers that are counted.
        let (Place::Scratch(offset), Some((first, last))) = (buffer.place, plan.alive[index]) else {
            return None;
        };
        let part = origin.map(|origin| origin.in_words()).unwrap_or_default();
        let (name, origin) = (buffer.name.clone(), view.location(origin));
        let (bytes, offset) = (4 * buffer.elements.at(capacity), offset.at(capacity));
        Some((index, LiveBuffer { name, part, origin, bytes, offset, first, last }))
    };
    (0..plan.buffers.len()).filter_map(live).collect()
}

impl Display for MemoryMap {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let peak_bytes = self.peak_bytes();
        writeln!(
            f,
            "{} at batches of {} (room for {}): {} of state, {} in between, of which at most {} are alive at once\n",
            self.function,
            self.batch,
            self.capacity,
            bytes(self.state_bytes),
            bytes(self.scratch_bytes),
            bytes(peak_bytes)
        )?;
        let mut steps = Table::new([("step", Align::Right), ("alive", Align::Right), ("", Align::Left)]);
        for (step, &alive) in self.alive_bytes.iter().enumerate() {
            let mut bar = "█".repeat((BAR * alive).div_ceil(peak_bytes.max(1)));
            if step == self.peak {
                write!(bar, " peak")?;
            }
            steps.row([step.to_string(), bytes(alive), bar]);
        }
        writeln!(f, "{steps}")?;
        let mut buffers = Table::new([
            ("alive at the peak", Align::Left),
            ("of", Align::Left),
            ("bytes", Align::Right),
            ("part", Align::Right),
            ("steps", Align::Left),
        ]);
        let alive = self.at_peak();
        for buffer in alive.iter().take(NAMED) {
            let share = format!("{:.1} %", 100.0 * buffer.bytes as f64 / peak_bytes.max(1) as f64);
            let steps = format!("{}..={}", buffer.first, buffer.last);
            buffers.row([buffer.name.clone(), buffer.part.clone(), bytes(buffer.bytes), share, steps]);
        }
        write!(f, "{buffers}")?;
        match alive.len().checked_sub(NAMED) {
            None | Some(0) => Ok(()),
            Some(more) => writeln!(f, "and {more} more"),
        }
    }
}
