//! Made-up numbers, the same in every run.

use dl_ir::types::{DType, TensorType};
use dl_ir::value::Value;

/// A stream of numbers.
pub struct Random(u64);

impl Random {
    /// Neighbouring seeds give unlike streams.
    pub fn new(seed: u64) -> Self {
        Random((seed + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15))
    }

    /// Any 32 bits.
    pub fn word(&mut self) -> i32 {
        (self.bits() << 16 ^ self.bits()) as i32
    }

    fn bits(&mut self) -> u32 {
        self.0 = self.0.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        (self.0 >> 40) as u32
    }

    /// A number in [-1, 1) that f32 holds.
    pub fn real(&mut self) -> f64 {
        f64::from(self.bits()) / f64::from(1 << 23) - 1.0
    }

    /// An integer below `bound`.
    pub fn below(&mut self, bound: usize) -> usize {
        self.bits() as usize % bound
    }

    /// One of these.
    pub fn choose<T: Copy>(&mut self, among: &[T]) -> T {
        among[self.below(among.len())]
    }

    /// A tensor of numbers in [-1, 1), or of integers below `classes`.
    pub fn tensor(&mut self, ty: &TensorType, batch: usize, classes: usize) -> Value {
        Value::from_fn(ty, batch, |_| match ty.dtype {
            DType::F32 => self.real(),
            _ => self.below(classes) as f64,
        })
    }
}
