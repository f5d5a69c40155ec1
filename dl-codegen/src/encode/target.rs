//! What the two widths share: the shape of their instruction tables.

use super::machine::{Class, Constant, Operand, Place};
use crate::vector::{Lanes, Op};
use iced_x86::{Code, Register};

/// One instruction of the table: operands are the destination, the sources in order, then the immediate.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Row {
    /// The machine's instruction.
    pub code: Code,
    /// The trailing byte.
    pub imm: Option<u8>,
    /// Which source may be a whole vector in memory.
    pub memory: Option<usize>,
    /// Whether that source may also be one word in memory, broadcast.
    pub word: bool,
    /// Whether the two sources may be exchanged.
    pub commutes: bool,
    /// Whether lanes that the predicate excludes become 0 (else they are kept, or not stored).
    pub zeroing: bool,
}

impl Row {
    /// An instruction whose operands are registers.
    pub const fn new(code: Code) -> Row {
        Row { code, imm: None, memory: None, word: false, commutes: false, zeroing: false }
    }

    /// With a trailing byte.
    pub const fn imm(self, imm: u8) -> Row {
        Row { imm: Some(imm), ..self }
    }

    /// Source `operand` may be a whole vector in memory.
    pub const fn memory(self, operand: usize) -> Row {
        Row { memory: Some(operand), ..self }
    }

    /// The source in memory may be one word, broadcast.
    pub const fn word(self) -> Row {
        Row { word: true, ..self }
    }

    /// The two sources may be exchanged.
    pub const fn commutes(self) -> Row {
        Row { commutes: true, ..self }
    }

    /// Lanes that the predicate excludes become 0.
    pub const fn zeroing(self) -> Row {
        Row { zeroing: true, ..self }
    }
}

/// Asks for the line of memory at an address.
pub const PREFETCH: Row = Row::new(Code::Prefetcht0_m8);

/// The three forms of a fused multiply-add, named by which operands are multiplied and added: `d` is overwritten.
#[derive(Clone, Copy, Debug)]
pub struct FmaCodes {
    /// d ← d · third + second.
    pub f132: Code,
    /// d ← second · d + third.
    pub f213: Code,
    /// d ← second · third + d.
    pub f231: Code,
}

/// Mask register or memory to mask register.
pub const MASK_LOAD: Code = Code::VEX_Kmovw_kr_km16;
/// Mask register to memory.
pub const MASK_STORE: Row = Row::new(Code::VEX_Kmovw_m16_kr);
/// General register to mask register.
pub const MASK_FROM_GENERAL: Code = Code::VEX_Kmovw_kr_r32;

/// Instructions that predicate through k registers.
#[derive(Clone, Copy, Debug)]
pub struct MaskRows {
    /// Mask from the signs of a vector's lanes.
    pub from_vector: Row,
    /// Vector of all-set or all-clear lanes from a mask.
    pub to_vector: Row,
    /// a & b, a | b, a ^ b of masks.
    pub and: Row,
    /// See `and`.
    pub or: Row,
    /// See `and`.
    pub xor: Row,
    /// A vector with the lanes outside the predicate cleared.
    pub keep: Row,
}

/// A width: its registers and its instructions.
#[derive(Debug)]
pub struct Target {
    /// The lanes of a vector.
    pub lanes: Lanes,
    /// Its first vector register; the others follow.
    pub first_vector: Register,
    /// How many vector registers there are.
    pub n_vectors: u8,
    /// The row of an op without memory, constants or fused multiply-add; `None` if the op is another or its constants
    /// are out of range.
    pub row: fn(&Op) -> Option<Row>,
    /// Vector register or memory to vector register, unaligned.
    pub load: Code,
    /// Vector register to vector register.
    pub copy: Code,
    /// One word in memory to all lanes.
    pub broadcast: Code,
    /// `zero d, d, d` clears d.
    pub zero: Code,
    /// Vector register to memory, unaligned.
    pub store: Row,
    /// Load and store of the lanes in a mask. At 256 bits the mask is an operand before the loaded memory or the stored
    /// vector; at 512 bits it is the predicate.
    pub masked_load: Row,
    /// See `masked_load`.
    pub masked_store: Row,
    /// Fused multiply-add.
    pub fma: FmaCodes,
    /// If comparisons give k registers.
    pub masks: Option<MaskRows>,
}

/// The first usable mask register: k0 as a predicate means none.
const FIRST_MASK: Register = Register::K1;
/// k1 to k7.
const N_MASKS: u8 = 7;

impl Target {
    /// How many registers a class has.
    pub fn n_registers(&self, class: Class) -> u8 {
        match class {
            Class::Vector => self.n_vectors,
            Class::Mask => N_MASKS,
        }
    }

    /// The machine's name of register `number` of a class.
    pub fn register(&self, class: Class, number: u8) -> Register {
        let first = match class {
            Class::Vector => self.first_vector,
            Class::Mask => FIRST_MASK,
        };
        first + u32::from(number)
    }

    /// Whether one word in memory can be an operand of arithmetic.
    pub fn has_word_operands(&self) -> bool {
        self.masks.is_some()
    }

    /// The class that holds a constant.
    pub fn class_of(&self, constant: Constant) -> Class {
        match constant {
            Constant::TailMask(_) if self.masks.is_some() => Class::Mask,
            _ => Class::Vector,
        }
    }

    /// A constant as an operand in memory, as small as the width allows.
    pub fn literal(&self, constant: Constant) -> Operand {
        match constant {
            Constant::Splat(_) if self.has_word_operands() => Operand::Word(Place::Literal(constant)),
            _ => Operand::Whole(Place::Literal(constant)),
        }
    }
}
