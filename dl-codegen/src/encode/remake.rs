//! Which registers hold what can be made again where it is used, instead of being spilled to the stack.

use super::machine::{Machine, MachineInst, MachineOp, Place, VReg};
use std::collections::HashMap;

/// By register, the instruction that makes its value at any of its uses: a constant's, or that of a load whose memory
/// stays the same up to its last use.
pub struct Remakes(Vec<Option<MachineInst>>);

impl Remakes {
    /// Finds them.
    pub fn of(machine: &Machine) -> Remakes {
        let mut definitions = vec![0; machine.classes.len()];
        for dst in machine.insts().filter_map(|inst| inst.dst) {
            definitions[dst.idx()] += 1;
        }
        let mut remakes = Remakes(vec![None; machine.classes.len()]);
        for inst in machine.insts() {
            if let Some(dst) = inst.dst
                && definitions[dst.idx()] == 1
                && is_remakable(inst)
            {
                remakes.0[dst.idx()] = Some(inst.clone());
            }
        }
        for block in &machine.blocks {
            for list in [&block.head, &block.body] {
                remakes.drop_stale(list);
            }
        }
        remakes
    }

    /// The instruction that makes the register's value, if there is one.
    pub fn get(&self, reg: VReg) -> Option<&MachineInst> {
        self.0[reg.idx()].as_ref()
    }

    /// Forgets the loads that are used after a store which may change their memory, or outside `list`.
    fn drop_stale(&mut self, list: &[MachineInst]) {
        // The loads of this list, and whether their memory is still the same.
        let mut loads: HashMap<VReg, bool> = HashMap::new();
        for inst in list {
            for reg in inst.uses() {
                let is_load = self.get(reg).is_some_and(|made| made.op == MachineOp::Move);
                if is_load && loads.get(&reg) != Some(&true) {
                    self.0[reg.idx()] = None;
                }
            }
            match inst.dst {
                Some(dst) => {
                    loads.insert(dst, true);
                }
                None if matches!(inst.operands[0].place(), Some(Place::Arg(_))) => {
                    loads.values_mut().for_each(|is_same| *is_same = false);
                }
                None => {}
            }
        }
    }
}

/// A constant, or a load from an argument's memory. Slots are for what is spilled already.
fn is_remakable(inst: &MachineInst) -> bool {
    match (inst.op, &inst.operands[..]) {
        (MachineOp::Constant(_), _) => true,
        (MachineOp::Move, [operand]) => matches!(operand.place(), Some(Place::Arg(_))),
        _ => false,
    }
}
