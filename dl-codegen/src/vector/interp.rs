//! The meaning of vector programs: a slow interpreter that every encoder must agree with.
//!
//! Agreement is to the bit for all values but NaN: which NaN an operation gives is left to the machine.

use thiserror::Error;

use super::{Address, CmpOp, Count, Inst, Loop, Op, Program, Section, Value};

/// What a program's argument words point to.
pub trait Memory {
    /// Why an access failed.
    type Error;

    /// The 32-bit word `offset` bytes beyond where argument `arg` points to.
    fn read(&self, arg: u16, offset: i64) -> Result<u32, Self::Error>;

    /// Writes that word.
    fn write(&mut self, arg: u16, offset: i64, word: u32) -> Result<(), Self::Error>;

    /// Argument `arg` itself, read as a number: the count of a loop, for one.
    fn count(&self, arg: u16) -> Result<u64, Self::Error>;
}

/// One argument word of a program.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Arg {
    /// A pointer to the first of these bytes.
    Bytes(Vec<u8>),
    /// The count of a loop.
    Count(u64),
}

/// An access that the arguments do not allow.
#[derive(Clone, PartialEq, Eq, Debug, Error)]
pub enum MemoryError {
    /// The four bytes are not all inside the argument's memory.
    #[error("access to 4 bytes at offset {offset} of argument a{arg}, which has {len} bytes")]
    OutOfBounds {
        /// The argument word.
        arg: u16,
        /// Bytes from its start.
        offset: i64,
        /// How many it has.
        len: usize,
    },
    /// The argument is a count where a pointer is needed, the other way round, or there is none.
    #[error("argument a{arg} is not a {expected}")]
    WrongKind {
        /// The argument word.
        arg: u16,
        /// What the program uses it as.
        expected: &'static str,
    },
}

impl Memory for Vec<Arg> {
    type Error = MemoryError;

    fn read(&self, arg: u16, offset: i64) -> Result<u32, MemoryError> {
        let Some(Arg::Bytes(bytes)) = self.get(usize::from(arg)) else {
            return Err(MemoryError::WrongKind { arg, expected: "pointer" });
        };
        let start = usize::try_from(offset).ok();
        let word = start.and_then(|start| bytes.get(start..)?.first_chunk::<4>());
        word.map(|word| u32::from_le_bytes(*word)).ok_or(MemoryError::OutOfBounds {
            arg,
            offset,
            len: bytes.len(),
        })
    }

    fn write(&mut self, arg: u16, offset: i64, word: u32) -> Result<(), MemoryError> {
        let Some(Arg::Bytes(bytes)) = self.get_mut(usize::from(arg)) else {
            return Err(MemoryError::WrongKind { arg, expected: "pointer" });
        };
        let len = bytes.len();
        let start = usize::try_from(offset).ok();
        match start.and_then(|start| bytes.get_mut(start..)?.first_chunk_mut::<4>()) {
            Some(place) => {
                *place = word.to_le_bytes();
                Ok(())
            }
            None => Err(MemoryError::OutOfBounds { arg, offset, len }),
        }
    }

    fn count(&self, arg: u16) -> Result<u64, MemoryError> {
        match self.get(usize::from(arg)) {
            Some(Arg::Count(count)) => Ok(*count),
            _ => Err(MemoryError::WrongKind { arg, expected: "count" }),
        }
    }
}

/// Runs a program that the [verifier](super::verify::verify) accepts.
///
/// # Errors
///
/// The first access that `memory` refuses; what was written before it stays written.
///
/// # Panics
///
/// If the program breaks a rule of the verifier.
pub fn run<M: Memory>(program: &Program, memory: &mut M) -> Result<(), M::Error> {
    let n_lanes = program.lanes.count();
    let values = vec![vec![0; n_lanes]; program.n_values as usize];
    let mut machine = Machine { n_lanes, values, memory };
    for section in &program.sections {
        match section {
            Section::Straight(insts) => machine.insts(insts, 0)?,
            Section::Loop(body) => machine.counted_loop(body)?,
        }
    }
    Ok(())
}

/// The bits of each lane.
type Vector = Vec<u32>;

struct Machine<'m, M> {
    n_lanes: usize,
    /// By id.
    values: Vec<Vector>,
    memory: &'m mut M,
}

impl<M: Memory> Machine<'_, M> {
    fn counted_loop(&mut self, body: &Loop) -> Result<(), M::Error> {
        let count = match body.count {
            Count::Static(count) => u64::from(count),
            Count::Arg(arg) => self.memory.count(arg)?,
        };
        let mut now: Vec<Vector> =
            body.carried.iter().map(|carried| self.value(carried.init).clone()).collect();
        for iteration in 0..count {
            for (carried, vector) in body.carried.iter().zip(now) {
                self.values[carried.param.0 as usize] = vector;
            }
            self.insts(&body.body, iteration as i64)?;
            now = body.carried.iter().map(|carried| self.value(carried.next).clone()).collect();
        }
        for (carried, vector) in body.carried.iter().zip(now) {
            self.values[carried.result.0 as usize] = vector;
        }
        Ok(())
    }

    fn insts(&mut self, insts: &[Inst], iteration: i64) -> Result<(), M::Error> {
        for inst in insts {
            match (&inst.op, inst.result) {
                (&Op::Store(address, value), _) => {
                    self.store(address, iteration, value, self.n_lanes)?;
                }
                (&Op::StoreTail(address, value, count), _) => {
                    self.store(address, iteration, value, usize::from(count))?;
                }
                (Op::Prefetch(_), _) => {}
                (op, Some(result)) => self.values[result.0 as usize] = self.eval(op, iteration)?,
                (_, None) => unreachable!("the verifier admits no others without a result"),
            }
        }
        Ok(())
    }

    fn value(&self, value: Value) -> &Vector {
        &self.values[value.0 as usize]
    }

    fn eval(&self, op: &Op, iteration: i64) -> Result<Vector, M::Error> {
        Ok(match *op {
            Op::Splat(bits) => vec![bits; self.n_lanes],
            Op::LaneIndex => (0..self.n_lanes as u32).collect(),
            Op::SplatArg(arg) => vec![self.memory.count(arg)? as u32; self.n_lanes],
            Op::Load(address) => self.load(address, iteration, self.n_lanes)?,
            Op::LoadTail(address, count) => self.load(address, iteration, usize::from(count))?,
            Op::Broadcast(address) => {
                vec![self.memory.read(address.arg, place(address, iteration, 0))?; self.n_lanes]
            }
            Op::Store(..) | Op::StoreTail(..) | Op::Prefetch(_) => unreachable!("these define no value"),

            Op::Add(a, b) => self.floats(a, b, |a, b| a + b),
            Op::Sub(a, b) => self.floats(a, b, |a, b| a - b),
            Op::Mul(a, b) => self.floats(a, b, |a, b| a * b),
            Op::Div(a, b) => self.floats(a, b, |a, b| a / b),
            Op::Fma(a, b, c) => {
                let products = self.value(a).iter().zip(self.value(b));
                let fma = |((&a, &b), &c): ((&u32, &u32), &u32)| {
                    f32::from_bits(a).mul_add(f32::from_bits(b), f32::from_bits(c)).to_bits()
                };
                products.zip(self.value(c)).map(fma).collect()
            }
            Op::Sqrt(a) => self.map(a, |a| f32::from_bits(a).sqrt().to_bits()),
            Op::Max(a, b) => self.floats(a, b, |a, b| if a > b { a } else { b }),
            Op::Min(a, b) => self.floats(a, b, |a, b| if a < b { a } else { b }),
            Op::RoundEven(a) => self.map(a, |a| f32::from_bits(a).round_ties_even().to_bits()),
            Op::Cmp(cmp, a, b) => {
                self.zip(a, b, |a, b| mask(compare(cmp, f32::from_bits(a), f32::from_bits(b))))
            }
            Op::Select(mask, a, b) => {
                let choices = self.value(a).iter().zip(self.value(b));
                self.value(mask).iter().zip(choices).map(|(m, (a, b))| (m & a) | (!m & b)).collect()
            }

            Op::And(a, b) => self.zip(a, b, |a, b| a & b),
            Op::Or(a, b) => self.zip(a, b, |a, b| a | b),
            Op::Xor(a, b) => self.zip(a, b, |a, b| a ^ b),
            Op::IAdd(a, b) => self.zip(a, b, u32::wrapping_add),
            Op::ISub(a, b) => self.zip(a, b, u32::wrapping_sub),
            Op::MulEven(a, b) => self.mul_even(a, b),
            Op::Shl(a, amount) => self.map(a, |a| a << amount),
            Op::ShrU(a, amount) => self.map(a, |a| a >> amount),
            Op::ShrS(a, amount) => self.map(a, |a| (a as i32 >> amount) as u32),
            Op::ICmpEq(a, b) => self.zip(a, b, |a, b| mask(a == b)),
            Op::ICmpGt(a, b) => self.zip(a, b, |a, b| mask(a as i32 > b as i32)),
            Op::ToInt(a) => self.map(a, |a| f32::from_bits(a).round_ties_even() as i32 as u32),
            Op::ToFloat(a) => self.map(a, |a| (a as i32 as f32).to_bits()),

            Op::SwapLanes(a, distance) => {
                let vector = self.value(a);
                (0..vector.len()).map(|lane| vector[lane ^ usize::from(distance)]).collect()
            }
        })
    }

    fn map(&self, a: Value, f: impl Fn(u32) -> u32) -> Vector {
        self.value(a).iter().map(|&a| f(a)).collect()
    }

    fn zip(&self, a: Value, b: Value, f: impl Fn(u32, u32) -> u32) -> Vector {
        self.value(a).iter().zip(self.value(b)).map(|(&a, &b)| f(a, b)).collect()
    }

    fn floats(&self, a: Value, b: Value, f: impl Fn(f32, f32) -> f32) -> Vector {
        self.zip(a, b, |a, b| f(f32::from_bits(a), f32::from_bits(b)).to_bits())
    }

    fn mul_even(&self, a: Value, b: Value) -> Vector {
        let pairs = self.value(a).iter().zip(self.value(b)).step_by(2);
        let product = |(&a, &b): (&u32, &u32)| {
            let product = u64::from(a) * u64::from(b);
            [product as u32, (product >> 32) as u32]
        };
        pairs.flat_map(product).collect()
    }

    /// `count` words, then zeros.
    fn load(&self, address: Address, iteration: i64, count: usize) -> Result<Vector, M::Error> {
        let mut vector = vec![0; self.n_lanes];
        for (lane, word) in vector.iter_mut().take(count).enumerate() {
            *word = self.memory.read(address.arg, place(address, iteration, lane))?;
        }
        Ok(vector)
    }

    fn store(
        &mut self,
        address: Address,
        iteration: i64,
        value: Value,
        count: usize,
    ) -> Result<(), M::Error> {
        for lane in 0..count {
            let word = self.value(value)[lane];
            self.memory.write(address.arg, place(address, iteration, lane), word)?;
        }
        Ok(())
    }
}

/// The offset of a lane's word. Wraps as pointer arithmetic does: only absurd counts reach that.
fn place(address: Address, iteration: i64, lane: usize) -> i64 {
    let moved = iteration.wrapping_mul(i64::from(address.step));
    moved.wrapping_add(i64::from(address.offset) + 4 * lane as i64)
}

fn mask(set: bool) -> u32 {
    if set { u32::MAX } else { 0 }
}

fn compare(cmp: CmpOp, a: f32, b: f32) -> bool {
    match cmp {
        CmpOp::Eq => a == b,
        CmpOp::Ne => a != b,
        CmpOp::Lt => a < b,
        CmpOp::Le => a <= b,
        CmpOp::Gt => a > b,
        CmpOp::Ge => a >= b,
    }
}

#[cfg(test)]
mod tests;
