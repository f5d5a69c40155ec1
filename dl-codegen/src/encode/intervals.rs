//! Where virtual registers are live, and what it costs to spill them.

use super::machine::{Block, Machine, MachineInst, MachineOp, VReg};
use super::remake::Remakes;

/// How often a loop's body is assumed to run.
const LOOP_WEIGHT: u32 = 16;
/// What it costs to make a register's value again where it is used: often only a memory operand.
const REMAKE_COST: u32 = 1;
/// What it costs to reload a spilled register.
const RELOAD_COST: u32 = 2;
/// What it costs to store a spilled register: around a loop, the store and the reload are a chain.
const STORE_COST: u32 = 4;

/// Intervals shorter than this are not spilled: reloads before one instruction make such, and in so few instructions
/// there are never more of them at once than registers.
const SHORT: u32 = 8;

/// Where a virtual register is live: from its first definition to its last use, or to the end of a loop that uses it but
/// does not define it first. Instruction `i`, counted over the program, reads at `2i` and writes at `2i + 1`.
pub struct Interval {
    /// The register.
    pub reg: VReg,
    /// The position of its first definition.
    pub start: u32,
    /// The position of its last use.
    pub end: u32,
    /// Registers whose place it best takes if it is free by then, best first.
    pub hints: Vec<VReg>,
    /// What spilling it costs.
    cost: u32,
    /// The instructions it spans.
    span: u32,
}

impl Interval {
    /// Whether it must stay in a register.
    pub fn is_short(&self) -> bool {
        self.end - self.start < SHORT
    }

    /// Whether spilling it costs less than spilling `other`, for each instruction that gains a register. Costs and
    /// instructions in loops both count many times.
    pub fn is_cheaper(&self, other: &Interval) -> bool {
        u64::from(self.cost) * u64::from(other.span) < u64::from(other.cost) * u64::from(self.span)
    }
}

/// The intervals of all registers that occur, by start.
pub fn intervals(machine: &Machine, remakes: &Remakes) -> Vec<Interval> {
    let mut by_reg: Vec<Option<Interval>> = machine.classes.iter().map(|_| None).collect();
    // How many instructions run before each, roughly.
    let mut elapsed = vec![0];
    for (list, repeats) in machine.blocks.iter().flat_map(lists) {
        let start = 2 * (elapsed.len() as u32 - 1);
        let end = start + 2 * list.len() as u32;
        let weight = if repeats { LOOP_WEIGHT } else { 1 };
        for (position, inst) in (start..).step_by(2).zip(list) {
            for reg in inst.uses() {
                let interval = by_reg[reg.idx()].as_mut().expect("defined before its use");
                let last = if repeats && interval.start < start { end } else { position };
                interval.end = interval.end.max(last);
                let cost = if remakes.get(reg).is_some() { REMAKE_COST } else { RELOAD_COST };
                interval.cost += cost * weight;
            }
            if let Some(reg) = inst.dst {
                let interval =
                    by_reg[reg.idx()].get_or_insert_with(|| Interval::new(reg, position + 1, inst));
                interval.end = interval.end.max(position + 1);
                interval.cost += if remakes.get(reg).is_some() { 0 } else { STORE_COST * weight };
            }
            elapsed.push(elapsed[elapsed.len() - 1] + weight);
        }
    }
    let mut intervals: Vec<Interval> = by_reg.into_iter().flatten().collect();
    for interval in &mut intervals {
        let at = |position: u32| elapsed[position as usize / 2];
        interval.span = 1 + at(interval.end) - at(interval.start);
    }
    intervals.sort_by_key(|interval| interval.start);
    intervals
}

/// The head and the body of a block, each with whether it runs more than once.
fn lists(block: &Block) -> [(&[MachineInst], bool); 2] {
    [(&block.head, false), (&block.body, block.repeat.is_some())]
}

impl Interval {
    fn new(reg: VReg, start: u32, definition: &MachineInst) -> Interval {
        // A multiply-add overwrites an operand and a copy vanishes if their registers agree.
        let hints = match definition.op {
            MachineOp::Fma | MachineOp::Move => {
                definition.operands.iter().rev().filter_map(|source| source.reg()).collect()
            }
            MachineOp::Constant(_) | MachineOp::Row(_) => Vec::new(),
        };
        Interval { reg, start, end: start, hints, cost: 0, span: 0 }
    }
}
