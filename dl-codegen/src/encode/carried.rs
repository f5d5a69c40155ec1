//! Counted loops out of SSA form: the values they carry get one register each.

use super::lower::Lowering;
use super::machine::{Class, MachineInst, MachineOp, Operand, VReg};
use crate::vector::{Carried, Inst, Loop, Program, Section, Value};

impl Lowering<'_> {
    /// Gives each carried value one register. It starts as a copy of `init`, and a copy of `next` ends each iteration;
    /// both copies vanish where the values can share the register from the start.
    pub fn counted_loop(&mut self, counted: &Loop, uses: &LastUses) {
        self.block.repeat = Some(counted.count);
        let registers: Vec<VReg> =
            counted.carried.iter().map(|carried| self.enter(counted, carried, uses)).collect();
        let mut copied = Vec::new();
        for (carried, &reg) in counted.carried.iter().zip(&registers) {
            self.home(carried.param).vector = Some(reg);
            self.home(carried.param).is_local = true;
            if self.shares_next(counted, carried, uses) {
                self.home(carried.next).vector = Some(reg);
            } else {
                copied.push((reg, carried.next));
            }
        }
        self.insts(&counted.body);
        self.copy_all(&copied, &registers);
        for (carried, &reg) in counted.carried.iter().zip(&registers) {
            self.home(carried.result).vector = Some(reg);
        }
    }

    /// The register of a carried value, initialised.
    fn enter(&mut self, counted: &Loop, carried: &Carried, uses: &LastUses) -> VReg {
        let init = carried.init;
        let n_inits = counted.carried.iter().filter(|other| other.init == init).count();
        let is_constant = self.home(init).constant.is_some();
        if !is_constant && n_inits == 1 && uses.last(init) == uses.defined(carried.param) {
            return self.vector(init);
        }
        let reg = self.machine.new_reg(Class::Vector);
        let copy = self.copy(reg, init);
        self.block.head.push(copy);
        reg
    }

    /// Whether `next` can be computed straight into the register of `param`.
    fn shares_next(&self, counted: &Loop, carried: &Carried, uses: &LastUses) -> bool {
        let next = carried.next;
        let Some(definition) = counted.body.iter().find(|inst| inst.result == Some(next)) else {
            return false;
        };
        let n_nexts = counted.carried.iter().filter(|other| other.next == next).count();
        let in_vector = !definition.op.is_constant() && !self.gives_mask(&definition.op);
        n_nexts == 1 && in_vector && uses.last(carried.param) <= uses.defined(next)
    }

    /// Copies all values into the carried registers as if at once: values in carried registers go through fresh ones.
    fn copy_all(&mut self, copied: &[(VReg, Value)], carried: &[VReg]) {
        let mut copies = Vec::new();
        for &(reg, next) in copied {
            let mut copy = self.copy(reg, next);
            if let [Operand::Reg(source)] = copy.operands[..]
                && carried.contains(&source)
            {
                let fresh = self.machine.new_reg(Class::Vector);
                let first = MachineInst { dst: Some(fresh), ..copy.clone() };
                self.block.body.push(first);
                copy.operands = vec![Operand::Reg(fresh)];
            }
            copies.push(copy);
        }
        self.block.body.extend(copies);
    }

    fn copy(&mut self, dst: VReg, value: Value) -> MachineInst {
        let (op, operands) = match self.home(value).constant {
            Some(constant) => (MachineOp::Constant(constant), vec![]),
            None => (MachineOp::Move, vec![Operand::Reg(self.vector(value))]),
        };
        MachineInst { origin: self.origin, op, dst: Some(dst), operands, predicate: None }
    }
}

/// When values are defined and last used, on a clock that ticks at each loop's head and end and at each instruction.
pub struct LastUses {
    defined: Vec<u32>,
    last: Vec<u32>,
}

impl LastUses {
    /// Walks the program.
    pub fn of(program: &Program) -> LastUses {
        let n_values = program.n_values as usize;
        let mut uses = LastUses { defined: vec![0; n_values], last: vec![0; n_values] };
        let mut clock = 0;
        for section in &program.sections {
            match section {
                Section::Straight(insts) => uses.insts(insts, &mut clock),
                Section::Loop(counted) => {
                    clock += 1;
                    for carried in &counted.carried {
                        uses.last[carried.init.0 as usize] = clock;
                        uses.defined[carried.param.0 as usize] = clock;
                    }
                    uses.insts(&counted.body, &mut clock);
                    clock += 1;
                    for carried in &counted.carried {
                        uses.last[carried.next.0 as usize] = clock;
                        uses.defined[carried.result.0 as usize] = clock;
                    }
                }
            }
        }
        uses
    }

    fn insts(&mut self, insts: &[Inst], clock: &mut u32) {
        for inst in insts {
            *clock += 1;
            for operand in inst.op.operands() {
                self.last[operand.0 as usize] = *clock;
            }
            if let Some(value) = inst.result {
                self.defined[value.0 as usize] = *clock;
            }
        }
    }

    fn defined(&self, value: Value) -> u32 {
        self.defined[value.0 as usize]
    }

    fn last(&self, value: Value) -> u32 {
        self.last[value.0 as usize]
    }
}
