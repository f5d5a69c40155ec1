//! General registers for the pointers of a section.
//!
//! Each pair of argument and step that a section uses is one pointer, loaded before the section and advanced after each
//! iteration; the static offsets of its addresses are displacements. The most used pointers get registers. The others
//! stay in memory, in the argument array or, if they move, in the stack frame, and pass through a scratch register.

use super::machine::{Block, Place};
use crate::vector::Address;
use iced_x86::Register;

/// Holds the pointer to the argument words throughout.
pub const ARGS: Register = Register::RDI;
/// Counts the iterations left.
pub const COUNTER: Register = Register::RCX;
/// Free for the span of one instruction.
pub const SCRATCH: Register = Register::R11;
/// The 32-bit part of the scratch register.
pub const SCRATCH_32: Register = Register::R11D;

/// The registers for pointers. The caller expects the last ones to be preserved.
const POINTERS: [Register; 11] = [
    Register::RAX,
    Register::RDX,
    Register::RSI,
    Register::R8,
    Register::R9,
    Register::R10,
    Register::RBX,
    Register::R12,
    Register::R13,
    Register::R14,
    Register::R15,
];
/// How many of them need not be preserved.
const N_FREE: usize = 6;

/// Where a pointer is kept.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Home {
    /// In a register.
    Register(Register),
    /// In the argument array: it does not move.
    Argument,
    /// In this word of the stack frame, counted over the pointers there.
    Frame(u32),
}

/// A pointer of a section.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Pointer {
    /// The argument word it starts as.
    pub arg: u16,
    /// Bytes it advances after each iteration.
    pub step: i32,
    /// Where it is kept.
    pub home: Home,
}

/// The pointers of one section.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Pointers {
    /// Most used first.
    pub all: Vec<Pointer>,
}

impl Pointers {
    /// The pointers that the instructions of `block` use.
    pub fn of(block: &Block) -> Pointers {
        let mut counts: Vec<(u16, i32, u32)> = Vec::new();
        let operands = block.body.iter().flat_map(|inst| &inst.operands);
        for place in operands.filter_map(|operand| operand.place()) {
            let Place::Arg(Address { arg, step, .. }) = place else { continue };
            match counts.iter_mut().find(|(other, by, _)| (*other, *by) == (arg, step)) {
                Some((_, _, count)) => *count += 1,
                None => counts.push((arg, step, 1)),
            }
        }
        counts.sort_by_key(|&(_, _, count)| std::cmp::Reverse(count));
        let mut n_frame = 0;
        let mut registers = POINTERS.into_iter();
        let all = counts.into_iter().map(|(arg, step, _)| {
            let home = match registers.next() {
                Some(register) => Home::Register(register),
                None if step == 0 => Home::Argument,
                None => {
                    n_frame += 1;
                    Home::Frame(n_frame - 1)
                }
            };
            Pointer { arg, step, home }
        });
        Pointers { all: all.collect() }
    }

    /// Where the pointer of an address is kept.
    pub fn home(&self, address: Address) -> Home {
        let found =
            self.all.iter().find(|pointer| (pointer.arg, pointer.step) == (address.arg, address.step));
        found.expect("each address of the section has its pointer").home
    }

    /// How many words of the stack frame it uses.
    pub fn n_frame(&self) -> u32 {
        self.all.iter().filter(|pointer| matches!(pointer.home, Home::Frame(_))).count() as u32
    }

    /// The registers to preserve for the caller.
    pub fn preserved(&self) -> &'static [Register] {
        let n_registers = self.all.len().min(POINTERS.len());
        &POINTERS[N_FREE..n_registers.max(N_FREE)]
    }
}
