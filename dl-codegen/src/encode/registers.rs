//! Linear-scan register allocation, one for all widths.
//!
//! The live range of a register is one interval, from its first definition to its last use; a register that is used in
//! a loop but was defined before is live to the loop's end. Intervals are visited by start. When no register is free,
//! the interval that costs least to keep in memory, counted by uses (those in loops many times) per length, is spilled,
//! the program rewritten, and the scan run again: a spilled register leaves only intervals of a few instructions, which
//! are never spilled, so this ends.

use super::fold::fold;
use super::machine::{Class, Machine, MachineInst, MachineOp, VReg};
use super::spill::spill;
use super::target::Target;

/// How many uses outside a loop weigh as much as one inside.
const LOOP_WEIGHT: u32 = 16;

/// Intervals shorter than this are not spilled: reloads before one instruction make such, and in so few instructions
/// there are never more of them at once than registers.
const SHORT: u32 = 8;

/// Assigns a register number to each virtual register that occurs, spilling where there are too few.
pub fn allocate(machine: &mut Machine, target: &Target) -> Vec<u8> {
    loop {
        let intervals = intervals(machine);
        let mut numbers = vec![0; machine.classes.len()];
        let mut spilled = Vec::new();
        for class in [Class::Vector, Class::Mask] {
            let of_class = intervals.iter().filter(|interval| machine.classes[interval.reg.idx()] == class);
            scan(of_class, target.n_registers(class), &mut numbers, &mut spilled);
        }
        if spilled.is_empty() {
            return numbers;
        }
        spill(machine, &spilled, target);
        fold(machine, target);
    }
}

/// Where a virtual register is live. Instruction `i` reads at `2i` and writes at `2i + 1`.
struct Interval {
    reg: VReg,
    start: u32,
    end: u32,
    /// The definitions and uses, weighted; reloading costs this much.
    weight: u32,
    /// Registers whose place it best takes if it is free by then, best first.
    hints: Vec<VReg>,
}

impl Interval {
    fn is_short(&self) -> bool {
        self.end - self.start < SHORT
    }

    /// Whether spilling it costs less than spilling `other`, for each instruction that gains a register.
    fn is_cheaper(&self, other: &Interval) -> bool {
        let cost = |a: &Interval, b: &Interval| u64::from(a.weight) * u64::from(b.end - b.start);
        cost(self, other) < cost(other, self)
    }
}

/// The intervals of all registers that occur, by start.
fn intervals(machine: &Machine) -> Vec<Interval> {
    let mut by_reg: Vec<Option<Interval>> = machine.classes.iter().map(|_| None).collect();
    let mut position = 0;
    for block in &machine.blocks {
        for (list, repeats) in [(&block.head, false), (&block.body, block.repeat.is_some())] {
            let start = position;
            let end = start + 2 * list.len() as u32;
            let weight = if repeats { LOOP_WEIGHT } else { 1 };
            for inst in list {
                for reg in inst.uses() {
                    let interval = by_reg[reg.idx()].as_mut().expect("defined before its use");
                    let last = if repeats && interval.start < start { end } else { position };
                    interval.end = interval.end.max(last);
                    interval.weight += weight;
                }
                if let Some(reg) = inst.dst {
                    let interval = by_reg[reg.idx()].get_or_insert_with(|| Interval {
                        reg,
                        start: position + 1,
                        end: position + 1,
                        weight: 0,
                        hints: hints(inst),
                    });
                    interval.end = interval.end.max(position + 1);
                    // A constant is not stored when it is spilled.
                    interval.weight += if matches!(inst.op, MachineOp::Constant(_)) { 0 } else { weight };
                }
                position += 2;
            }
        }
    }
    let mut intervals: Vec<Interval> = by_reg.into_iter().flatten().collect();
    intervals.sort_by_key(|interval| interval.start);
    intervals
}

/// A multiply-add overwrites an operand and a copy vanishes if their registers agree.
fn hints(inst: &MachineInst) -> Vec<VReg> {
    match inst.op {
        MachineOp::Fma | MachineOp::Move => {
            inst.operands.iter().rev().filter_map(|source| source.reg()).collect()
        }
        MachineOp::Constant(_) | MachineOp::Row(_) => Vec::new(),
    }
}

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
        let hinted =
            interval.hints.iter().map(|hint| numbers[hint.idx()]).find(|&number| free[usize::from(number)]);
        let number = hinted.or_else(|| free.iter().position(|&is_free| is_free).map(|number| number as u8));
        if let Some(number) = number {
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
