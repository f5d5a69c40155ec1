//! The plan of the arena.

use dl_codegen::compile::Lowered;
use dl_runtime::program::{Buffer, Element, Extent, Layout, Place, StatePlan, Window, round_up};

use super::room;
use super::table::{Align, Table};
use super::units::bytes;
use super::view::View;
use crate::error::Result;

/// Every buffer that the groups which are shown read or write, where it lies and when it is alive.
pub(super) fn text(
    state: &StatePlan,
    lowered: &Lowered,
    view: &View<'_>,
    is_shown: &dyn Fn(usize) -> bool,
) -> Result<String> {
    let used = used(lowered, is_shown);
    let (plan, batch) = (&lowered.plan, view.batch);
    let (capacity, scratch_bytes) = room(lowered, batch)?;
    let mut table = Table::new([
        ("buffer", Align::Left),
        ("holds", Align::Left),
        ("elements", Align::Right),
        ("layout", Align::Left),
        ("bytes", Align::Right),
        ("at", Align::Right),
        ("steps", Align::Left),
        (if view.locations { "of" } else { "" }, Align::Left),
    ]);
    let scratch_start = round_up(state.bytes());
    for index in (0..plan.buffers.len()).filter(|&index| used[index]) {
        let (buffer, alive) = (&plan.buffers[index], plan.alive[index]);
        let elements = buffer.elements.at(batch);
        let scratch = |offset: Extent| scratch_start + offset.at(capacity);
        let (size, in_rows) = (4 * elements, layout(Layout::RowMajor));
        let (offset, size, layout) = match buffer.place {
            Place::State(slot) => {
                let slot = &state.slots[slot];
                (slot.offset, slot.bytes(), layout(slot.layout))
            }
            Place::Scratch(offset) => (scratch(offset), size, in_rows),
            Place::Window(Window { of, slot, first, .. }) => {
                let whole = match plan.buffers[of.0 as usize].place {
                    Place::Scratch(offset) => scratch(offset),
                    Place::State(_) | Place::Window(_) => unreachable!("windows are of buffers in scratch"),
                };
                (whole + 4 * first * slot.at(batch), size, in_rows)
            }
        };
        let steps = match (buffer.place, alive) {
            (Place::Window(window), _) => format!("in {}", plan.buffers[window.of.0 as usize].name),
            (_, Some((first, last))) => format!("{first}..={last}"),
            (_, None) => "always".to_owned(),
        };
        let (name, holds) = (buffer.name.clone(), element(buffer).to_owned());
        let (size, offset) = (size.to_string(), offset.to_string());
        let origin = view.location(plan.origins[index].as_deref()).unwrap_or_default();
        table.row([name, holds, elements.to_string(), layout, size, offset, steps, origin]);
    }
    Ok(format!(
        "; {} at batches of {batch} (room for {capacity}): {} of state, {} in between, {} in all\n\n{table}",
        lowered.name,
        bytes(state.bytes()),
        bytes(scratch_bytes),
        bytes(scratch_start.saturating_add(scratch_bytes)),
    ))
}

/// Which buffers the launches of these groups use; all if all groups are shown.
pub(super) fn used(lowered: &Lowered, is_shown: &dyn Fn(usize) -> bool) -> Vec<bool> {
    let plan = &lowered.plan;
    let mut used = vec![(0..lowered.groups.len()).all(is_shown); plan.buffers.len()];
    let phases = plan.steps.iter().flat_map(|step| step.phases().1);
    for (_, buffers) in phases.flatten().filter(|(group, _)| is_shown(*group)) {
        buffers.iter().for_each(|buffer| used[buffer.0 as usize] = true);
    }
    used
}

fn element(buffer: &Buffer) -> &'static str {
    match buffer.element {
        Element::F32 => "f32",
        Element::I32 => "i32",
    }
}

fn layout(layout: Layout) -> String {
    match layout {
        Layout::RowMajor => "rows".to_owned(),
        Layout::Panel { width } => format!("panels of {width}"),
    }
}
