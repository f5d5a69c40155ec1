//! The rules that every vector program obeys.
//!
//! - Ids are dense: each of `0..n_values` is defined exactly once, by an instruction or a loop.
//! - Every instruction defines a value, except stores, which define none.
//! - An operand is defined before its use and visible there: what a loop body or a loop's `param` defines is visible
//!   in that body only; a loop's `result` is visible after the loop.
//! - A carried value's `init` is defined before the loop, its `next` before or in the body.
//! - Argument words are below `n_args`, those holding loop counts too.
//! - Steps are 0 outside loops.
//! - Tails have `0 < count < lanes`, shifts move by at most 31, lanes are swapped over 1, 2, 4 or 8 below the number
//!   of lanes.

use std::fmt;

use thiserror::Error;

use super::{Count, Inst, Lanes, Loop, Op, Program, Section, Value};

/// Where in a program a rule is broken.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Place {
    /// Index into [`Program::sections`].
    pub section: usize,
    /// Index of the instruction in that section; `None` for the head of a loop and its carried values.
    pub inst: Option<usize>,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.inst {
            Some(inst) => write!(f, "section {}, instruction {inst}", self.section),
            None => write!(f, "section {}, loop head", self.section),
        }
    }
}

/// A rule that a vector program breaks. Programs are built by the compiler, so this is a bug in it or an error in a
/// program written by hand.
#[derive(Clone, PartialEq, Eq, Debug, Error)]
pub enum VerifyError {
    /// A value's id is not below `n_values`.
    #[error("{place}: %{} is defined, but the program has only {n_values} values", value.0)]
    IdTooLarge {
        /// Where it is defined.
        place: Place,
        /// The value.
        value: Value,
        /// How many the program says it has.
        n_values: u32,
    },
    /// A value is defined a second time.
    #[error("{place}: %{} is defined a second time", value.0)]
    DefinedTwice {
        /// The second definition.
        place: Place,
        /// The value.
        value: Value,
    },
    /// Ids are not dense.
    #[error("no instruction defines %{}, though the program has {n_values} values", value.0)]
    NeverDefined {
        /// The missing value.
        value: Value,
        /// How many the program says it has.
        n_values: u32,
    },
    /// A value is used where it is not, or not yet, defined.
    #[error("{place}: %{} is used, but not visible here: define it before, and not inside another loop", value.0)]
    NotVisible {
        /// Where it is used.
        place: Place,
        /// The value.
        value: Value,
    },
    /// An instruction that computes something defines no value.
    #[error("{place}: the instruction defines no value, but only stores may do that")]
    MissingResult {
        /// The instruction.
        place: Place,
    },
    /// A store or a prefetch defines a value.
    #[error("{place}: %{} is defined by an op that gives nothing", value.0)]
    NoResult {
        /// The op.
        place: Place,
        /// What it defines.
        value: Value,
    },
    /// An argument word that the program does not take.
    #[error("{place}: argument a{arg} is used, but the program takes {n_args}")]
    NoSuchArg {
        /// Where it is used.
        place: Place,
        /// The argument word.
        arg: u16,
        /// How many there are.
        n_args: u16,
    },
    /// An address moves with a loop, but stands outside all loops.
    #[error("{place}: the address moves by {step} bytes per iteration, but stands outside a loop")]
    StepOutsideLoop {
        /// The instruction.
        place: Place,
        /// Its step.
        step: i32,
    },
    /// A tail that is empty or no tail.
    #[error("{place}: a tail of {count} lanes, expected 1 to {} of {lanes}", lanes - 1)]
    TailCount {
        /// The instruction.
        place: Place,
        /// Its count.
        count: u8,
        /// The lanes of the program.
        lanes: usize,
    },
    /// A shift by more than 31 bits.
    #[error("{place}: a shift by {amount} bits, expected 0 to 31")]
    ShiftAmount {
        /// The instruction.
        place: Place,
        /// Its amount.
        amount: u8,
    },
    /// A distance over which lanes cannot be swapped.
    #[error("{place}: lanes swapped over {distance}, expected a power of two below {lanes}")]
    SwapDistance {
        /// The instruction.
        place: Place,
        /// Its distance.
        distance: u8,
        /// The lanes of the program.
        lanes: usize,
    },
}

/// Checks all rules of the [module](self); the first broken one is the error.
pub fn verify(program: &Program) -> Result<(), VerifyError> {
    let nothing = vec![false; program.n_values as usize];
    Verifier { program, defined: nothing.clone(), visible: nothing, of_loop: Vec::new() }.run()
}

struct Verifier<'a> {
    program: &'a Program,
    /// By id: has some place defined it?
    defined: Vec<bool>,
    /// By id: may the place at hand use it?
    visible: Vec<bool>,
    /// What the loop at hand has defined, to be visible in it only.
    of_loop: Vec<Value>,
}

impl Verifier<'_> {
    fn run(mut self) -> Result<(), VerifyError> {
        for (section_idx, section) in self.program.sections.iter().enumerate() {
            match section {
                Section::Straight(insts) => self.insts(section_idx, insts, false)?,
                Section::Loop(body) => self.counted_loop(section_idx, body)?,
            }
        }
        match self.defined.iter().position(|defined| !defined) {
            Some(id) => {
                Err(VerifyError::NeverDefined { value: Value(id as u32), n_values: self.program.n_values })
            }
            None => Ok(()),
        }
    }

    fn counted_loop(&mut self, section: usize, body: &Loop) -> Result<(), VerifyError> {
        let place = Place { section, inst: None };
        if let Count::Arg(arg) = body.count {
            self.arg(place, arg)?;
        }
        for carried in &body.carried {
            self.operand(place, carried.init)?;
        }
        for carried in &body.carried {
            self.define(place, carried.param)?;
            self.of_loop.push(carried.param);
        }
        self.insts(section, &body.body, true)?;
        for carried in &body.carried {
            self.operand(place, carried.next)?;
        }
        for value in self.of_loop.drain(..) {
            self.visible[value.0 as usize] = false;
        }
        for carried in &body.carried {
            self.define(place, carried.result)?;
        }
        Ok(())
    }

    fn insts(&mut self, section: usize, insts: &[Inst], in_loop: bool) -> Result<(), VerifyError> {
        for (inst_idx, inst) in insts.iter().enumerate() {
            let place = Place { section, inst: Some(inst_idx) };
            for operand in inst.op.operands() {
                self.operand(place, operand)?;
            }
            if let Some(address) = inst.op.address() {
                self.arg(place, address.arg)?;
                if !in_loop && address.step != 0 {
                    return Err(VerifyError::StepOutsideLoop { place, step: address.step });
                }
            }
            if let Op::SplatArg(arg) = inst.op {
                self.arg(place, arg)?;
            }
            immediate(place, self.program.lanes, &inst.op)?;
            match inst.result {
                Some(value) if !inst.op.has_result() => {
                    return Err(VerifyError::NoResult { place, value });
                }
                Some(value) => {
                    self.define(place, value)?;
                    if in_loop {
                        self.of_loop.push(value);
                    }
                }
                None if !inst.op.has_result() => {}
                None => return Err(VerifyError::MissingResult { place }),
            }
        }
        Ok(())
    }

    fn define(&mut self, place: Place, value: Value) -> Result<(), VerifyError> {
        let id = value.0 as usize;
        match self.defined.get(id) {
            None => Err(VerifyError::IdTooLarge { place, value, n_values: self.program.n_values }),
            Some(true) => Err(VerifyError::DefinedTwice { place, value }),
            Some(false) => {
                self.defined[id] = true;
                self.visible[id] = true;
                Ok(())
            }
        }
    }

    fn operand(&self, place: Place, value: Value) -> Result<(), VerifyError> {
        match self.visible.get(value.0 as usize) {
            Some(true) => Ok(()),
            _ => Err(VerifyError::NotVisible { place, value }),
        }
    }

    fn arg(&self, place: Place, arg: u16) -> Result<(), VerifyError> {
        let n_args = self.program.n_args;
        if arg < n_args { Ok(()) } else { Err(VerifyError::NoSuchArg { place, arg, n_args }) }
    }
}

/// Checks the constant that an op carries besides its operands.
fn immediate(place: Place, lanes: Lanes, op: &Op) -> Result<(), VerifyError> {
    let lanes = lanes.count();
    match *op {
        Op::LoadTail(_, count) | Op::StoreTail(_, _, count) if count == 0 || count as usize >= lanes => {
            Err(VerifyError::TailCount { place, count, lanes })
        }
        Op::Shl(_, amount) | Op::ShrU(_, amount) | Op::ShrS(_, amount) if amount > 31 => {
            Err(VerifyError::ShiftAmount { place, amount })
        }
        Op::SwapLanes(_, distance) if !distance.is_power_of_two() || distance as usize >= lanes => {
            Err(VerifyError::SwapDistance { place, distance, lanes })
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests;
