//! Vector programs become machine code: 256-bit vectors in VEX encoding (AVX2, FMA), 512-bit ones in EVEX encoding
//! (AVX-512 F and DQ).
//!
//! ```text
//! Program ─lower→ machine instructions over virtual registers ─fold→ with memory operands
//!         ─allocate→ with registers, spilled and folded again if there are too few ─emit→ bytes
//! ```
//!
//! The bytes are a leaf function of the System V ABI, `extern "sysv64" fn(args: *const u64)`, whose parameter points to
//! the program's argument words. They hold no absolute address and need no relocation: constants follow the code.
//! Encoding works on any host.
//!
//! What the code does is what [`interp`](crate::vector::interp) does, to the bit for finite values, if the rounding mode
//! is the default one.

mod assemble;
mod avx2;
mod avx512;
mod carried;
mod disassemble;
mod emit;
mod fold;
mod intervals;
mod lower;
mod machine;
mod pointers;
mod registers;
mod remake;
mod spill;
mod target;
#[cfg(all(test, target_arch = "x86_64"))]
mod testing;
#[cfg(all(test, target_arch = "x86_64"))]
mod tests;

use crate::vector::verify::{VerifyError, verify};
use crate::vector::{Lanes, Program};
use iced_x86::{Code, IcedError};
use target::Target;
use thiserror::Error;

pub use disassemble::disassemble;

/// A program's machine code.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Encoded {
    /// The function: its code, then its constants. The copy in executable memory should be aligned to 64 bytes.
    pub bytes: Vec<u8>,
    /// How many of the bytes are code.
    pub code_len: usize,
    /// Which instruction of the vector program each stretch of code stands for, by offset.
    pub lines: Vec<Line>,
}

/// The start of a stretch of code.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Line {
    /// Where it starts in the bytes.
    pub offset: usize,
    /// The instruction, counted over all sections of the program; `None` for what encoding adds: entry and exit,
    /// pointers, the control of loops.
    pub inst: Option<u32>,
}

/// Why a program cannot be encoded.
#[derive(Clone, Debug, Error)]
pub enum EncodeError {
    /// The program breaks a rule.
    #[error("the vector program is not valid")]
    Invalid(#[from] VerifyError),
    /// No encoder has this width.
    #[error("no encoder for vectors of {} lanes: expected 8 or 16", lanes.count())]
    Lanes {
        /// The program's width.
        lanes: Lanes,
    },
    /// The assembler refused an instruction: a bug in the tables, or a distance beyond 2 GiB.
    #[error("instruction {code:?} cannot be encoded")]
    Instruction {
        /// The instruction.
        code: Code,
        /// Why not.
        source: IcedError,
    },
}

/// Encodes a program for the width it was built for.
///
/// ```
/// use dl_codegen::encode::{disassemble, encode};
/// use dl_codegen::vector::{Address, Lanes, ProgramBuilder};
///
/// let mut b = ProgramBuilder::new(Lanes::L16);
/// let place = Address { arg: b.arg(), offset: 0, step: 0 };
/// let x = b.load(place);
/// let twice = b.add(x, x);
/// b.store(place, twice);
/// let encoded = encode(&b.finish()).unwrap();
/// let text: Vec<String> = disassemble(&encoded).into_iter().map(|(_, text)| text).collect();
/// assert!(text.contains(&"vaddps zmm0,zmm0,zmm0".to_string()));
/// ```
///
/// # Errors
///
/// A program that breaks a rule of [`verify`], and one of four lanes: Cranelift has those.
pub fn encode(program: &Program) -> Result<Encoded, EncodeError> {
    let target = match program.lanes {
        Lanes::L8 => &avx2::AVX2,
        Lanes::L16 => &avx512::AVX512,
        lanes @ Lanes::L4 => return Err(EncodeError::Lanes { lanes }),
    };
    verify(program)?;
    encode_for(target, program)
}

/// Encodes a valid program of the target's width.
fn encode_for(target: &Target, program: &Program) -> Result<Encoded, EncodeError> {
    let mut machine = lower::lower(program, target);
    fold::fold(&mut machine, target);
    let numbers = registers::allocate(&mut machine, target);
    emit::emit(&machine, &numbers, target)
}
