//! Vector program to machine program: instruction selection, and carried values out of SSA form.
//!
//! A value has up to three homes, made when first asked for: as a constant, in a vector register, in a mask register.
//! Comparisons give mask registers where the target has them; selections and logic between masks stay there.

use super::machine::{Block, Class, Constant, Machine, MachineInst, MachineOp, Operand, Place, VReg};
use super::target::{MaskRows, Row, Target};
use crate::vector::{Carried, Inst, Loop, Op, Program, Section, Value};
use std::collections::HashMap;

/// Lowers a program that the verifier has accepted and that has the target's lanes.
pub fn lower(program: &Program, target: &Target) -> Machine {
    let n_values = program.n_values as usize;
    let mut lowering = Lowering {
        target,
        machine: Machine::default(),
        homes: vec![Home::default(); n_values],
        constants: HashMap::new(),
        block: Block { head: Vec::new(), repeat: None, body: Vec::new() },
        origin: None,
    };
    let uses = LastUses::of(program);
    let mut n_insts = 0;
    for section in &program.sections {
        match section {
            Section::Straight(insts) => lowering.insts(insts, &mut n_insts),
            Section::Loop(counted) => lowering.counted_loop(counted, &uses, &mut n_insts),
        }
        lowering.finish_block();
    }
    lowering.machine
}

/// Where a value can be found.
#[derive(Clone, Copy, Default)]
struct Home {
    constant: Option<Constant>,
    vector: Option<VReg>,
    mask: Option<VReg>,
    /// Defined in the section being lowered, so that what derives from it belongs into the body.
    is_local: bool,
    /// Defined in a mask register.
    is_mask: bool,
}

struct Lowering<'a> {
    target: &'a Target,
    machine: Machine,
    homes: Vec<Home>,
    constants: HashMap<Constant, VReg>,
    block: Block,
    origin: Option<u32>,
}

impl Lowering<'_> {
    fn finish_block(&mut self) {
        let empty = Block { head: Vec::new(), repeat: None, body: Vec::new() };
        self.machine.blocks.push(std::mem::replace(&mut self.block, empty));
        for home in &mut self.homes {
            home.is_local = false;
        }
    }

    fn insts(&mut self, insts: &[Inst], n_insts: &mut u32) {
        for inst in insts {
            self.origin = Some(*n_insts);
            self.inst(inst);
            *n_insts += 1;
        }
        self.origin = None;
    }

    /// Gives each carried value one register. It starts as a copy of `init`, and a copy of `next` ends each iteration;
    /// both copies vanish where the values can share the register from the start.
    fn counted_loop(&mut self, counted: &Loop, uses: &LastUses, n_insts: &mut u32) {
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
        self.insts(&counted.body, n_insts);
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

    fn gives_mask(&self, op: &Op) -> bool {
        self.target.masks.is_some() && matches!(op, Op::Cmp(..) | Op::ICmpEq(..) | Op::ICmpGt(..))
    }

    fn inst(&mut self, inst: &Inst) {
        let Some(value) = inst.result else {
            return self.store(&inst.op);
        };
        self.home(value).is_local = true;
        match inst.op {
            Op::Splat(bits) => self.home(value).constant = Some(Constant::Splat(bits)),
            Op::LaneIndex => self.home(value).constant = Some(Constant::LaneIndex),
            Op::Load(address) => {
                self.define(value, MachineOp::Move, vec![Operand::Whole(Place::Arg(address))], None);
            }
            Op::Broadcast(address) => {
                self.define(value, MachineOp::Move, vec![Operand::Word(Place::Arg(address))], None);
            }
            Op::LoadTail(address, count) => {
                let (row, memory) = (self.target.masked_load, Operand::Whole(Place::Arg(address)));
                match self.tail(count) {
                    (mask, Class::Mask) => {
                        self.define(value, MachineOp::Row(row), vec![memory], Some(mask));
                    }
                    (mask, Class::Vector) => {
                        self.define(value, MachineOp::Row(row), vec![Operand::Reg(mask), memory], None);
                    }
                }
            }
            Op::Fma(..) => {
                let operands = self.vectors(inst.op.operands());
                self.define(value, MachineOp::Fma, operands, None);
            }
            Op::And(a, b) | Op::Or(a, b) | Op::Xor(a, b)
                if let Some(masks) = &self.target.masks
                    && self.mask_logic(value, &inst.op, a, b, masks) => {}
            Op::Select(mask, set, clear) => {
                let mut operands = self.vectors([clear, set].into_iter());
                let predicate = if self.target.masks.is_some() {
                    Some(self.mask(mask))
                } else {
                    operands.push(Operand::Reg(self.vector(mask)));
                    None
                };
                self.define(value, self.row(&inst.op), operands, predicate);
            }
            Op::SwapLanes(a, 8) => {
                let a = Operand::Reg(self.vector(a));
                self.define(value, self.row(&inst.op), vec![a, a], None);
            }
            ref op if self.gives_mask(op) => {
                let operands = self.vectors(op.operands());
                self.define_mask(value, self.row(op), operands);
            }
            ref op => {
                let operands = self.vectors(op.operands());
                self.define(value, self.row(op), operands, None);
            }
        }
    }

    fn store(&mut self, op: &Op) {
        match *op {
            Op::Store(address, value) => {
                let operands = vec![Operand::Whole(Place::Arg(address)), Operand::Reg(self.vector(value))];
                self.push(MachineOp::Row(self.target.store), None, operands, None);
            }
            Op::StoreTail(address, value, count) => {
                let op = MachineOp::Row(self.target.masked_store);
                let memory = Operand::Whole(Place::Arg(address));
                let value = Operand::Reg(self.vector(value));
                match self.tail(count) {
                    (mask, Class::Mask) => self.push(op, None, vec![memory, value], Some(mask)),
                    (mask, Class::Vector) => {
                        self.push(op, None, vec![memory, Operand::Reg(mask), value], None);
                    }
                }
            }
            _ => unreachable!("the verifier lets only stores define no value"),
        }
    }

    /// Logic on a mask register: between two masks it stays there, and `mask & vector` is one predicated move. Says
    /// whether it was either.
    fn mask_logic(&mut self, value: Value, op: &Op, a: Value, b: Value, masks: &MaskRows) -> bool {
        let shares_register = self.home(value).vector.is_some();
        match (self.home(a).is_mask, self.home(b).is_mask) {
            (true, true) if !shares_register => {
                let row = match op {
                    Op::And(..) => masks.and,
                    Op::Or(..) => masks.or,
                    _ => masks.xor,
                };
                let operands = vec![Operand::Reg(self.mask(a)), Operand::Reg(self.mask(b))];
                self.define_mask(value, MachineOp::Row(row), operands);
                true
            }
            (a_is_mask, b_is_mask) if matches!(op, Op::And(..)) && (a_is_mask || b_is_mask) => {
                let (mask, kept) = if a_is_mask { (a, b) } else { (b, a) };
                let operands = vec![Operand::Reg(self.vector(kept))];
                let mask = self.mask(mask);
                self.define(value, MachineOp::Row(masks.keep), operands, Some(mask));
                true
            }
            _ => false,
        }
    }

    fn row(&self, op: &Op) -> MachineOp {
        MachineOp::Row(
            (self.target.row)(op).expect("the verifier checks constants; other ops are matched before"),
        )
    }

    fn tail(&mut self, count: u8) -> (VReg, Class) {
        let constant = Constant::TailMask(count);
        (self.constant(constant), self.target.class_of(constant))
    }

    fn vectors(&mut self, values: impl Iterator<Item = Value>) -> Vec<Operand> {
        values.map(|value| Operand::Reg(self.vector(value))).collect()
    }

    /// The value in a vector register.
    fn vector(&mut self, value: Value) -> VReg {
        let Home { constant, vector, mask, .. } = *self.home(value);
        if let Some(constant) = constant {
            return self.constant(constant);
        }
        vector.unwrap_or_else(|| {
            let mask = mask.expect("a value in no vector register is in a mask register");
            let row = self.masks().to_vector;
            let reg = self.convert(value, Class::Vector, row, mask);
            self.home(value).vector = Some(reg);
            reg
        })
    }

    /// The value in a mask register.
    fn mask(&mut self, value: Value) -> VReg {
        self.home(value).mask.unwrap_or_else(|| {
            let vector = self.vector(value);
            let row = self.masks().from_vector;
            let reg = self.convert(value, Class::Mask, row, vector);
            self.home(value).mask = Some(reg);
            reg
        })
    }

    fn masks(&self) -> &MaskRows {
        self.target.masks.as_ref().expect("only targets with mask registers have values in them")
    }

    /// A value of another section is converted before the loop, so that the result is there after it too.
    fn convert(&mut self, value: Value, class: Class, row: Row, source: VReg) -> VReg {
        let reg = self.machine.new_reg(class);
        let op = MachineOp::Row(row);
        let operands = vec![Operand::Reg(source)];
        let inst = MachineInst { origin: self.origin, op, dst: Some(reg), operands, predicate: None };
        if self.home(value).is_local {
            self.block.body.push(inst)
        } else {
            self.push_invariant(inst)
        }
        reg
    }

    /// The register of a constant: one for the whole program, defined before the section that first needs it.
    fn constant(&mut self, constant: Constant) -> VReg {
        if let Some(&reg) = self.constants.get(&constant) {
            return reg;
        }
        let reg = self.machine.new_reg(self.target.class_of(constant));
        self.constants.insert(constant, reg);
        let op = MachineOp::Constant(constant);
        self.push_invariant(MachineInst {
            origin: self.origin,
            op,
            dst: Some(reg),
            operands: vec![],
            predicate: None,
        });
        reg
    }

    fn push_invariant(&mut self, inst: MachineInst) {
        if self.block.repeat.is_some() { self.block.head.push(inst) } else { self.block.body.push(inst) }
    }

    fn define(&mut self, value: Value, op: MachineOp, operands: Vec<Operand>, predicate: Option<VReg>) {
        let shared = self.home(value).vector;
        let reg = shared.unwrap_or_else(|| self.machine.new_reg(Class::Vector));
        self.home(value).vector = Some(reg);
        self.push(op, Some(reg), operands, predicate);
    }

    fn define_mask(&mut self, value: Value, op: MachineOp, operands: Vec<Operand>) {
        let reg = self.machine.new_reg(Class::Mask);
        let home = self.home(value);
        home.mask = Some(reg);
        home.is_mask = true;
        self.push(op, Some(reg), operands, None);
    }

    fn push(&mut self, op: MachineOp, dst: Option<VReg>, operands: Vec<Operand>, predicate: Option<VReg>) {
        self.block.body.push(MachineInst { origin: self.origin, op, dst, operands, predicate });
    }

    fn home(&mut self, value: Value) -> &mut Home {
        &mut self.homes[value.0 as usize]
    }
}

/// When values are defined and last used, on a clock that ticks at each loop's head and end and at each instruction.
struct LastUses {
    defined: Vec<u32>,
    last: Vec<u32>,
}

impl LastUses {
    fn of(program: &Program) -> LastUses {
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
