//! Linear-scan register allocation, one for all widths.
//!
//! The [intervals](super::intervals) where registers are live are visited by start. When no register is free, the
//! interval that is cheapest to keep in memory is spilled, the program rewritten, and the scan run again: a spilled
//! register leaves only intervals of a few instructions, which are never spilled, so this ends.

use super::fold::fold;
use super::intervals::{Interval, intervals};
use super::machine::{Class, Machine, VReg};
use super::remake::Remakes;
use super::spill::spill;
use super::target::Target;

/// Assigns a register number to each virtual register that occurs, spilling where there are too few.
pub fn allocate(machine: &mut Machine, target: &Target) -> Vec<u8> {
    loop {
        let remakes = Remakes::of(machine);
        let intervals = intervals(machine, &remakes);
        let mut numbers = vec![0; machine.classes.len()];
        let mut spilled = Vec::new();
        for class in [Class::Vector, Class::Mask] {
            let of_class = intervals.iter().filter(|interval| machine.classes[interval.reg.idx()] == class);
            scan(of_class, target.n_registers(class), &mut numbers, &mut spilled);
        }
        if spilled.is_empty() {
            return numbers;
        }
        spill(machine, &spilled, &remakes, target);
        fold(machine, target);
    }
}

/// Visits the intervals of one class, filling in `numbers` and adding to `spilled`.
fn scan<'a>(
    intervals: impl Iterator<Item = &'a Interval>,
    n_registers: u8,
    numbers: &mut [u8],
    spilled: &mut Vec<VReg>,
) {
    let mut free: Vec<bool> = vec![true; usize::from(n_registers)];
    let mut active: Vec<&Interval> = Vec::new();
    for interval in intervals {
        active.retain(|other| {
            let is_live = other.end >= interval.start;
            free[usize::from(numbers[other.reg.idx()])] |= !is_live;
            is_live
        });
        let is_free = |&number: &u8| free[usize::from(number)];
        let hinted = interval.hints.iter().map(|hint| numbers[hint.idx()]).find(is_free);
        if let Some(number) = hinted.or_else(|| (0..n_registers).find(is_free)) {
            free[usize::from(number)] = false;
            numbers[interval.reg.idx()] = number;
            active.push(interval);
            continue;
        }
        let candidates = active.iter().copied().chain([interval]).filter(|candidate| !candidate.is_short());
        let victim = candidates
            .reduce(|best, candidate| if candidate.is_cheaper(best) { candidate } else { best })
            .expect("fewer short intervals at once than registers");
        spilled.push(victim.reg);
        if victim.reg != interval.reg {
            numbers[interval.reg.idx()] = numbers[victim.reg.idx()];
            active.retain(|other| other.reg != victim.reg);
            active.push(interval);
        }
    }
}
