//! Registers that do not fit move to the stack, or are made again where they are used.

use super::machine::{Class, Machine, MachineInst, MachineOp, Operand, Place, VReg};
use super::remake::Remakes;
use super::target::{MASK_STORE, Row, Target};
use std::collections::HashMap;

/// Rewrites the program so that each of `registers` lives only from a definition to the store after it, and from a
/// reload to the use after it.
pub fn spill(machine: &mut Machine, registers: &[VReg], remakes: &Remakes, target: &Target) {
    let mut spilled = HashMap::new();
    for &reg in registers {
        let place = match remakes.get(reg) {
            Some(made) => Spilled::Remade(made),
            None => {
                machine.n_slots += 1;
                Spilled::Slot(machine.n_slots - 1)
            }
        };
        spilled.insert(reg, place);
    }
    let mut blocks = std::mem::take(&mut machine.blocks);
    for block in &mut blocks {
        for list in block.lists_mut() {
            let insts = std::mem::take(list);
            let mut rewriter = Rewriter { machine, spilled: &spilled, target, insts: list };
            insts.into_iter().for_each(|inst| rewriter.inst(inst));
        }
    }
    machine.blocks = blocks;
}

/// Where a spilled register's value comes from.
#[derive(Clone, Copy)]
enum Spilled<'a> {
    Slot(u32),
    Remade(&'a MachineInst),
}

struct Rewriter<'a> {
    machine: &'a mut Machine,
    spilled: &'a HashMap<VReg, Spilled<'a>>,
    target: &'a Target,
    insts: &'a mut Vec<MachineInst>,
}

impl Rewriter<'_> {
    fn inst(&mut self, mut inst: MachineInst) {
        let mut reloaded: Vec<(VReg, VReg)> = Vec::new();
        let origin = inst.origin;
        inst.rename_uses(|reg| {
            let Some(&place) = self.spilled.get(&reg) else { return reg };
            if let Some((_, fresh)) = reloaded.iter().find(|(old, _)| *old == reg) {
                return *fresh;
            }
            let fresh = self.reload(origin, reg, place);
            reloaded.push((reg, fresh));
            fresh
        });
        match inst.dst.and_then(|dst| Some((dst, *self.spilled.get(&dst)?))) {
            None => self.insts.push(inst),
            Some((_, Spilled::Remade(_))) => {}
            Some((dst, Spilled::Slot(slot))) => {
                let class = self.machine.classes[dst.idx()];
                let fresh = self.machine.new_reg(class);
                self.insts.push(MachineInst { dst: Some(fresh), ..inst });
                self.insts.push(MachineInst {
                    origin,
                    op: MachineOp::Row(self.store(class)),
                    dst: None,
                    operands: vec![Operand::Whole(Place::Slot(slot)), Operand::Reg(fresh)],
                    predicate: None,
                });
            }
        }
    }

    fn reload(&mut self, origin: Option<u32>, reg: VReg, place: Spilled<'_>) -> VReg {
        let fresh = self.machine.new_reg(self.machine.classes[reg.idx()]);
        let (op, operands) = match place {
            Spilled::Slot(slot) => (MachineOp::Move, vec![Operand::Whole(Place::Slot(slot))]),
            Spilled::Remade(made) => (made.op, made.operands.clone()),
        };
        self.insts.push(MachineInst { origin, op, dst: Some(fresh), operands, predicate: None });
        fresh
    }

    fn store(&self, class: Class) -> Row {
        match class {
            Class::Vector => self.target.store,
            Class::Mask => MASK_STORE,
        }
    }
}
