//! Vector program to machine program: instruction selection. Loops are in [`carried`](super::carried).
//!
//! A value has up to three homes, made when first asked for: as a constant, in a vector register, in a mask register.
//! Comparisons give mask registers where the target has them; selections and logic between masks stay there.

use super::carried::LastUses;
use super::machine::{Block, Class, Constant, Machine, MachineInst, MachineOp, Operand, Place, VReg};
use super::target::{MaskRows, PREFETCH, Row, Target};
use crate::vector::{Inst, Op, Program, Section, Value};
use std::collections::HashMap;

/// Lowers a program that the verifier has accepted and that has the target's lanes.
pub fn lower(program: &Program, target: &Target) -> Machine {
    let n_values = program.n_values as usize;
    let mut lowering = Lowering {
        target,
        machine: Machine::default(),
        homes: vec![Home::default(); n_values],
        constants: HashMap::new(),
        block: Block::default(),
        origin: None,
        n_insts: 0,
    };
    let uses = LastUses::of(program);
    for section in &program.sections {
        match section {
            Section::Straight(insts) => lowering.insts(insts),
            Section::Loop(counted) => lowering.counted_loop(counted, &uses),
        }
        lowering.finish_block();
    }
    lowering.machine
}

/// Where a value can be found.
#[derive(Clone, Copy, Default)]
pub struct Home {
    /// As a constant.
    pub constant: Option<Constant>,
    /// In a vector register.
    pub vector: Option<VReg>,
    mask: Option<VReg>,
    /// Defined in the section being lowered, so that what derives from it belongs into the body.
    pub is_local: bool,
    /// Defined in a mask register.
    is_mask: bool,
}

/// The state of lowering.
pub struct Lowering<'a> {
    target: &'a Target,
    /// The program so far.
    pub machine: Machine,
    homes: Vec<Home>,
    constants: HashMap<Constant, VReg>,
    /// The section being lowered.
    pub block: Block,
    /// The instruction being lowered, counted over the program.
    pub origin: Option<u32>,
    /// How many instructions came before.
    n_insts: u32,
}

impl Lowering<'_> {
    /// Ends a section.
    fn finish_block(&mut self) {
        self.machine.blocks.push(std::mem::take(&mut self.block));
        for home in &mut self.homes {
            home.is_local = false;
        }
    }

    /// Lowers instructions of the vector program.
    pub fn insts(&mut self, insts: &[Inst]) {
        for inst in insts {
            self.origin = Some(self.n_insts);
            self.inst(inst);
            self.n_insts += 1;
        }
        self.origin = None;
    }

    /// Whether the op gives a mask register.
    pub fn gives_mask(&self, op: &Op) -> bool {
        self.target.masks.is_some() && matches!(op, Op::Cmp(..) | Op::ICmpEq(..) | Op::ICmpGt(..))
    }

    fn inst(&mut self, inst: &Inst) {
        let Some(value) = inst.result else {
            return self.memory_op(&inst.op);
        };
        self.home(value).is_local = true;
        match inst.op {
            Op::Splat(bits) => self.home(value).constant = Some(Constant::Splat(bits)),
            Op::LaneIndex => self.home(value).constant = Some(Constant::LaneIndex),
            Op::Load(address) => {
                self.define(value, MachineOp::Move, vec![Operand::Whole(Place::Arg(address))], None);
            }
            Op::SplatArg(arg) => {
                self.define(value, MachineOp::Move, vec![Operand::Word(Place::Word(arg))], None);
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

    /// An op that defines no value.
    fn memory_op(&mut self, op: &Op) {
        match *op {
            Op::Prefetch(address) => {
                let operands = vec![Operand::Whole(Place::Arg(address))];
                self.push(MachineOp::Row(PREFETCH), None, operands, None);
            }
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
            _ => unreachable!("the verifier lets no other op define no value"),
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
    pub fn vector(&mut self, value: Value) -> VReg {
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

    /// Where the value can be found.
    pub fn home(&mut self, value: Value) -> &mut Home {
        &mut self.homes[value.0 as usize]
    }
}
