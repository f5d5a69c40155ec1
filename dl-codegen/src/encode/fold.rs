//! Loads and constants with one use become that use's memory operand; instructions nobody uses vanish.

use super::machine::{Class, Machine, MachineInst, MachineOp, Operand, Place, VReg};
use super::target::Target;
use std::collections::HashMap;

/// Rewrites the program in place.
///
/// A load is read later than before, so it moves past no store that may write the same memory. Only a load in the same
/// list of instructions is moved, so nothing moves into or out of a loop.
pub fn fold(machine: &mut Machine, target: &Target) {
    let mut counts = Counts::of(machine);
    for block in machine.blocks.iter_mut().rev() {
        for list in block.lists_mut().into_iter().rev() {
            counts.remove_unused(list);
        }
    }
    for block in &mut machine.blocks {
        for list in block.lists_mut() {
            fold_list(list, &counts, &machine.classes, target);
        }
    }
}

/// How often each register is written and read.
struct Counts {
    definitions: Vec<u32>,
    uses: Vec<u32>,
}

impl Counts {
    fn of(machine: &Machine) -> Counts {
        let n_registers = machine.classes.len();
        let mut counts = Counts { definitions: vec![0; n_registers], uses: vec![0; n_registers] };
        for inst in machine.insts() {
            if let Some(dst) = inst.dst {
                counts.definitions[dst.idx()] += 1;
            }
            for reg in inst.uses() {
                counts.uses[reg.idx()] += 1;
            }
        }
        counts
    }

    fn remove_unused(&mut self, list: &mut Vec<MachineInst>) {
        let mut kept = Vec::with_capacity(list.len());
        for inst in list.drain(..).rev() {
            if inst.dst.is_some_and(|dst| self.uses[dst.idx()] == 0) {
                for reg in inst.uses() {
                    self.uses[reg.idx()] -= 1;
                }
            } else {
                kept.push(inst);
            }
        }
        kept.reverse();
        *list = kept;
    }
}

fn fold_list(list: &mut Vec<MachineInst>, counts: &Counts, classes: &[Class], target: &Target) {
    // Loads and constants that may still move down: their register, index and memory operand.
    let mut pending: HashMap<VReg, (usize, Operand)> = HashMap::new();
    let mut folded = vec![false; list.len()];
    for (idx, inst) in list.iter_mut().enumerate() {
        if let Some(source) = fold_into(inst, &pending, target) {
            let (definition, _) = pending.remove(&source).expect("the operand that was folded");
            folded[definition] = true;
        }
        match inst.dst {
            None => {
                let written = inst.operands[0].place();
                pending.retain(|_, (_, operand)| !may_alias(operand.place(), written));
            }
            Some(dst) if counts.definitions[dst.idx()] == 1 && counts.uses[dst.idx()] == 1 => {
                if classes[dst.idx()] == Class::Vector
                    && let Some(operand) = memory_operand(inst, target)
                {
                    pending.insert(dst, (idx, operand));
                }
            }
            Some(_) => {}
        }
    }
    let mut folded = folded.into_iter();
    list.retain(|_| folded.next() == Some(false));
}

/// The memory operand that stands for the whole instruction, if it only loads.
fn memory_operand(inst: &MachineInst, target: &Target) -> Option<Operand> {
    match (inst.op, &inst.operands[..]) {
        (MachineOp::Constant(constant), _) => Some(target.literal(constant)),
        (MachineOp::Move, [operand]) if operand.reg().is_none() => Some(*operand),
        _ => None,
    }
}

fn may_alias(read: Option<Place>, written: Option<Place>) -> bool {
    match (read, written) {
        (Some(Place::Arg(_)), Some(Place::Arg(_))) => true,
        (Some(Place::Slot(read)), Some(Place::Slot(written))) => read == written,
        _ => false,
    }
}

/// Replaces one register operand by pending memory, if the instruction has a form for it; gives the register.
fn fold_into(
    inst: &mut MachineInst,
    pending: &HashMap<VReg, (usize, Operand)>,
    target: &Target,
) -> Option<VReg> {
    if inst.operands.iter().any(|operand| operand.place().is_some()) {
        return None;
    }
    // The operands to try, each with the position it must take to be in memory, and whether it may be one word.
    let (candidates, word): (&[(usize, usize)], bool) = match inst.op {
        MachineOp::Constant(_) => return None,
        MachineOp::Move => (&[(0, 0)], true),
        MachineOp::Fma => (&[(1, 1), (0, 1), (2, 2)], target.has_word_operands()),
        MachineOp::Row(row) => match row.memory {
            Some(0) => (&[(0, 0)], row.word),
            Some(_) if row.commutes => (&[(1, 1), (0, 1)], row.word),
            Some(_) => (&[(1, 1)], row.word),
            None => return None,
        },
    };
    for &(from, to) in candidates {
        let Some(reg) = inst.operands[from].reg() else { continue };
        match pending.get(&reg) {
            Some((_, Operand::Word(_))) if !word => {}
            Some(&(_, memory)) => {
                inst.operands.swap(from, to);
                inst.operands[to] = memory;
                return Some(reg);
            }
            None => {}
        }
    }
    None
}
