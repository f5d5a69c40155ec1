//! Instructions to bytes: operands, labels and the literal pool.

use super::EncodeError;
use super::machine::Constant;
use crate::vector::Lanes;
use iced_x86::{Code, Encoder, Instruction, OpCodeOperandKind, OpKind, Register};

/// An operand of a machine instruction.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Arg {
    /// A register.
    Reg(Register),
    /// Memory at a register plus some bytes.
    Memory(Register, i32),
    /// A constant in the literal pool: a whole vector, or one word.
    Literal(Literal),
    /// A constant byte.
    Byte(u8),
    /// A constant, sign-extended from 32 bits to the width of the other operand.
    Int(i32),
}

/// An entry of the literal pool.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Literal {
    /// What it holds.
    pub constant: Constant,
    /// Whether all lanes are there, or only the first.
    pub is_whole: bool,
}

/// A place in the code that jumps refer to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Label(usize);

/// Code under construction. It starts at address 0; as all references are relative, it may lie anywhere.
pub struct Assembler {
    encoder: Encoder,
    len: usize,
    /// Where each label stands.
    labels: Vec<Option<usize>>,
    /// Distances that were written as if to address 0.
    jumps: Vec<(usize, Label)>,
    literal_uses: Vec<(usize, usize)>,
    literals: Vec<Literal>,
}

/// The multi-byte no-ops of the processor manuals, by length.
const NOPS: [&[u8]; 9] = [
    &[0x90],
    &[0x66, 0x90],
    &[0x0f, 0x1f, 0x00],
    &[0x0f, 0x1f, 0x40, 0x00],
    &[0x0f, 0x1f, 0x44, 0x00, 0x00],
    &[0x66, 0x0f, 0x1f, 0x44, 0x00, 0x00],
    &[0x0f, 0x1f, 0x80, 0x00, 0x00, 0x00, 0x00],
    &[0x0f, 0x1f, 0x84, 0x00, 0x00, 0x00, 0x00, 0x00],
    &[0x66, 0x0f, 0x1f, 0x84, 0x00, 0x00, 0x00, 0x00, 0x00],
];

impl Assembler {
    /// No code yet.
    pub fn new() -> Assembler {
        Assembler {
            encoder: Encoder::new(64),
            len: 0,
            labels: Vec::new(),
            jumps: Vec::new(),
            literal_uses: Vec::new(),
            literals: Vec::new(),
        }
    }

    /// The address of the next instruction.
    pub fn position(&self) -> usize {
        self.len
    }

    /// Writes an instruction without memory modifiers or predicate.
    pub fn op(&mut self, code: Code, args: &[Arg]) -> Result<(), EncodeError> {
        self.write(code, args, |_| {})
    }

    /// Writes an instruction; `adjust` may set what its operands do not say.
    pub fn write(
        &mut self,
        code: Code,
        args: &[Arg],
        adjust: impl FnOnce(&mut Instruction),
    ) -> Result<(), EncodeError> {
        let mut inst = Instruction::default();
        inst.set_code(code);
        let mut literal = None;
        for (idx, arg) in (0..).zip(args) {
            match *arg {
                Arg::Reg(register) => {
                    inst.set_op_kind(idx, OpKind::Register);
                    inst.set_op_register(idx, register);
                }
                Arg::Memory(base, displacement) => {
                    inst.set_op_kind(idx, OpKind::Memory);
                    inst.set_memory_base(base);
                    inst.set_memory_displacement64(i64::from(displacement) as u64);
                    inst.set_memory_displ_size(u32::from(displacement != 0));
                }
                Arg::Literal(wanted) => {
                    inst.set_op_kind(idx, OpKind::Memory);
                    inst.set_memory_base(Register::RIP);
                    inst.set_memory_displ_size(8);
                    literal = Some(wanted);
                }
                Arg::Byte(byte) => {
                    inst.set_op_kind(idx, OpKind::Immediate8);
                    inst.set_immediate8(byte);
                }
                Arg::Int(int) => {
                    inst.set_op_kind(idx, immediate_kind(code, idx));
                    inst.set_immediate_i32(idx, int);
                }
            }
        }
        adjust(&mut inst);
        let start = self.encode(&inst)?;
        if let Some(literal) = literal {
            let distance = start + self.encoder.get_constant_offsets().displacement_offset();
            let entry = self.literal(literal);
            self.literal_uses.push((distance, entry));
        }
        Ok(())
    }

    /// A label that stands nowhere yet.
    pub fn label(&mut self) -> Label {
        self.labels.push(None);
        Label(self.labels.len() - 1)
    }

    /// Puts a label before the next instruction.
    pub fn bind(&mut self, label: Label) {
        self.labels[label.0] = Some(self.len);
    }

    /// Writes a jump with a 32-bit distance.
    pub fn jump(&mut self, code: Code, label: Label) -> Result<(), EncodeError> {
        let mut inst = Instruction::default();
        inst.set_code(code);
        inst.set_op_kind(0, OpKind::NearBranch64);
        let start = self.encode(&inst)?;
        let distance = start + self.encoder.get_constant_offsets().immediate_offset();
        self.jumps.push((distance, label));
        Ok(())
    }

    /// Fills with no-ops up to a multiple of `alignment`.
    pub fn align(&mut self, alignment: usize) {
        let mut missing = self.len.next_multiple_of(alignment) - self.len;
        while missing > 0 {
            let nop = NOPS[missing.min(NOPS.len()) - 1];
            self.bytes(nop);
            missing -= nop.len();
        }
    }

    /// The code followed by its literals, all distances resolved.
    pub fn finish(mut self, lanes: Lanes) -> Vec<u8> {
        let code_len = self.len;
        let mut order: Vec<usize> = (0..self.literals.len()).collect();
        // Whole vectors first: then each literal is aligned to its size.
        order.sort_by_key(|&entry| !self.literals[entry].is_whole);
        let pool = code_len.next_multiple_of(lanes.bytes());
        if !order.is_empty() {
            self.bytes(&vec![0; pool - code_len]);
        }
        let mut addresses = vec![0; self.literals.len()];
        for entry in order {
            addresses[entry] = self.len;
            let Literal { constant, is_whole } = self.literals[entry];
            let n_words = if is_whole { lanes.count() as u32 } else { 1 };
            for lane in 0..n_words {
                self.bytes(&constant.word(lane).to_le_bytes());
            }
        }
        let mut bytes = self.encoder.take_buffer();
        for (distance, entry) in self.literal_uses {
            add(&mut bytes, distance, addresses[entry]);
        }
        for (distance, label) in self.jumps {
            add(&mut bytes, distance, self.labels[label.0].expect("each label is bound"));
        }
        bytes
    }

    fn encode(&mut self, inst: &Instruction) -> Result<usize, EncodeError> {
        let start = self.len;
        let encoded = self.encoder.encode(inst, start as u64);
        self.len += encoded.map_err(|source| EncodeError::Instruction { code: inst.code(), source })?;
        Ok(start)
    }

    fn bytes(&mut self, bytes: &[u8]) {
        bytes.iter().for_each(|&byte| self.encoder.write_u8(byte));
        self.len += bytes.len();
    }

    fn literal(&mut self, literal: Literal) -> usize {
        let known = self.literals.iter().position(|&other| other == literal);
        known.unwrap_or_else(|| {
            self.literals.push(literal);
            self.literals.len() - 1
        })
    }
}

/// How the instruction extends its constant.
fn immediate_kind(code: Code, operand: u32) -> OpKind {
    match code.op_code().op_kind(operand) {
        OpCodeOperandKind::imm8sex64 => OpKind::Immediate8to64,
        OpCodeOperandKind::imm32sex64 => OpKind::Immediate32to64,
        _ => OpKind::Immediate32,
    }
}

/// Adds `address` to the distance, written as if to address 0, at `at`.
fn add(bytes: &mut [u8], at: usize, address: usize) {
    let distance = bytes[at..].first_chunk_mut::<4>().expect("a distance inside the code");
    *distance = i32::from_le_bytes(*distance).wrapping_add(address as i32).to_le_bytes();
}
