//! The form between a vector program and machine code: x86-64 instructions over virtual registers.
//!
//! [`lower`](super::lower) makes it, [`fold`](super::fold) and [`spill`](super::spill) rewrite it,
//! [`registers`](super::registers) assigns its registers and [`emit`](super::emit) writes it out. It is no longer SSA:
//! the register of a carried value is written before its loop and again at each iteration.

use super::target::Row;
use crate::vector::{Address, Count};

/// A virtual register: an index into [`Machine::classes`].
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct VReg(pub u32);

impl VReg {
    /// Its index in tables with one entry per virtual register.
    pub fn idx(self) -> usize {
        self.0 as usize
    }
}

/// Which register file a virtual register lives in.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Class {
    /// A ymm or zmm register.
    Vector,
    /// One of k1 to k7.
    Mask,
}

/// A value known when the program is encoded; it is made again rather than spilled.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Constant {
    /// The same 32 bits in each lane.
    Splat(u32),
    /// Lane j holds j.
    LaneIndex,
    /// The first lanes set, the others clear: a vector at 256 bits, a mask register at 512.
    TailMask(u8),
}

impl Constant {
    /// The word in lane `lane`, as a vector.
    pub fn word(self, lane: u32) -> u32 {
        match self {
            Constant::Splat(bits) => bits,
            Constant::LaneIndex => lane,
            Constant::TailMask(count) => {
                if lane < u32::from(count) {
                    u32::MAX
                } else {
                    0
                }
            }
        }
    }
}

/// A place in memory.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Place {
    /// Behind an argument's pointer.
    Arg(Address),
    /// An argument word itself.
    Word(u16),
    /// A slot of the stack frame.
    Slot(u32),
    /// An entry of the literal pool after the code.
    Literal(Constant),
}

/// An operand an instruction reads, or the memory it writes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Operand {
    /// A register.
    Reg(VReg),
    /// A whole vector in memory.
    Whole(Place),
    /// One word in memory, in each lane.
    Word(Place),
}

impl Operand {
    /// The register, if it is one.
    pub fn reg(self) -> Option<VReg> {
        match self {
            Operand::Reg(reg) => Some(reg),
            Operand::Whole(_) | Operand::Word(_) => None,
        }
    }

    /// The place in memory, if it is one.
    pub fn place(self) -> Option<Place> {
        match self {
            Operand::Reg(_) => None,
            Operand::Whole(place) | Operand::Word(place) => Some(place),
        }
    }
}

/// What an instruction does.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum MachineOp {
    /// The destination becomes a constant.
    Constant(Constant),
    /// The destination becomes the operand: a copy, a load or a broadcast.
    Move,
    /// The destination becomes `operands[0] · operands[1] + operands[2]`. Which of the three x86 forms it takes depends
    /// on the registers. Only one operand is in memory, never the first.
    Fma,
    /// One fixed instruction.
    Row(Row),
}

/// One instruction.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct MachineInst {
    /// The instruction of the vector program it stands for, counted over all sections.
    pub origin: Option<u32>,
    /// What it does.
    pub op: MachineOp,
    /// The register it writes; stores and prefetches write none.
    pub dst: Option<VReg>,
    /// What it reads, in the order of the machine's operands. A store's first operand is the memory it writes, as a prefetch's is, which is taken for a store: it stays where it is.
    pub operands: Vec<Operand>,
    /// The k register that predicates it.
    pub predicate: Option<VReg>,
}

impl MachineInst {
    /// The registers it reads, some perhaps twice.
    pub fn uses(&self) -> impl Iterator<Item = VReg> + '_ {
        self.operands.iter().filter_map(|operand| operand.reg()).chain(self.predicate)
    }

    /// Applies `rename` to each register it reads.
    pub fn rename_uses(&mut self, mut rename: impl FnMut(VReg) -> VReg) {
        for operand in &mut self.operands {
            if let Operand::Reg(reg) = operand {
                *reg = rename(*reg);
            }
        }
        if let Some(reg) = &mut self.predicate {
            *reg = rename(*reg);
        }
    }
}

/// A section of the program.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Block {
    /// Run once, before the body. Touches no argument's memory.
    pub head: Vec<MachineInst>,
    /// How often the body runs; `None` is once.
    pub repeat: Option<Count>,
    /// The section's instructions.
    pub body: Vec<MachineInst>,
}

impl Block {
    /// Both lists, in order.
    pub fn lists_mut(&mut self) -> [&mut Vec<MachineInst>; 2] {
        [&mut self.head, &mut self.body]
    }
}

/// A lowered program.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Machine {
    /// Run in order.
    pub blocks: Vec<Block>,
    /// The class of each virtual register.
    pub classes: Vec<Class>,
    /// How many stack slots it uses, each as large as a vector.
    pub n_slots: u32,
}

impl Machine {
    /// A new virtual register.
    pub fn new_reg(&mut self, class: Class) -> VReg {
        let reg = VReg(u32::try_from(self.classes.len()).expect("fewer registers than instructions"));
        self.classes.push(class);
        reg
    }

    /// All instructions, in order.
    pub fn insts(&self) -> impl Iterator<Item = &MachineInst> {
        self.blocks.iter().flat_map(|block| block.head.iter().chain(&block.body))
    }
}
