//! Reductions across lanes, over 16 virtual lanes and one tree at every width.
//!
//! Kernels accumulate into 16 virtual lanes: 16/lanes vectors, vector i holding virtual lanes i·lanes and up. Lanes
//! 8 apart are combined, then 4, 2 and 1 apart, so the result has the same bits at 128, 256 and 512 bits.

use super::{ProgramBuilder, Value};

/// The number of lanes that kernels accumulate in, whatever the width of a vector.
pub const VIRTUAL_LANES: usize = 16;

impl ProgramBuilder {
    /// How many accumulators make up the 16 virtual lanes.
    pub fn n_accumulators(&self) -> usize {
        VIRTUAL_LANES / self.lanes().count()
    }

    /// The f32 sum of 16 virtual lanes, in each lane.
    ///
    /// # Panics
    ///
    /// If there are not [`n_accumulators`](Self::n_accumulators) vectors.
    pub fn reduce_add(&mut self, accumulators: &[Value]) -> Value {
        self.reduce(accumulators, ProgramBuilder::add)
    }

    /// The largest of 16 virtual lanes as f32, NaN if any is, in each lane.
    ///
    /// # Panics
    ///
    /// If there are not [`n_accumulators`](Self::n_accumulators) vectors.
    pub fn reduce_max(&mut self, accumulators: &[Value]) -> Value {
        self.reduce(accumulators, ProgramBuilder::max_nan)
    }

    fn reduce(&mut self, accumulators: &[Value], combine: fn(&mut Self, Value, Value) -> Value) -> Value {
        assert_eq!(accumulators.len(), self.n_accumulators(), "16 virtual lanes");
        let mut vectors = accumulators.to_vec();
        while vectors.len() > 1 {
            let half = vectors.len() / 2;
            vectors = (0..half).map(|i| combine(self, vectors[i], vectors[i + half])).collect();
        }
        let mut total = vectors[0];
        let mut distance = self.lanes().count() as u8 / 2;
        while distance > 0 {
            let other = self.swap_lanes(total, distance);
            total = combine(self, total, other);
            distance /= 2;
        }
        total
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::vector::interp::{self, Arg};
    use crate::vector::{Address, Lanes};

    /// Reduces 16 words at a width; the result of each lane.
    fn reduce(lanes: Lanes, words: [f32; 16], max: bool) -> Vec<u32> {
        let mut b = ProgramBuilder::new(lanes);
        let (input, output) = (b.arg(), b.arg());
        let accumulators: Vec<Value> = (0..b.n_accumulators())
            .map(|i| b.load(Address { arg: input, offset: (i * lanes.bytes()) as i32, step: 0 }))
            .collect();
        let total = if max { b.reduce_max(&accumulators) } else { b.reduce_add(&accumulators) };
        b.store(Address { arg: output, offset: 0, step: 0 }, total);
        let input = words.iter().flat_map(|word| word.to_le_bytes()).collect();
        let mut memory = vec![Arg::Bytes(input), Arg::Bytes(vec![0; lanes.bytes()])];
        interp::run(&b.finish(), &mut memory).unwrap();
        let Arg::Bytes(output) = &memory[1] else { panic!("still bytes") };
        output.chunks_exact(4).map(|word| u32::from_le_bytes(word.try_into().unwrap())).collect()
    }

    #[test]
    fn sums_have_the_same_bits_at_every_width() {
        let words = std::array::from_fn(|i| (i as f32 * 0.37 + 0.1) * 3.0_f32.powi(i as i32 % 7 - 3));
        let expected = reduce(Lanes::L16, words, false)[0];
        for lanes in [Lanes::L4, Lanes::L8, Lanes::L16] {
            assert_eq!(reduce(lanes, words, false), vec![expected; lanes.count()]);
        }
        let sum: f64 = words.iter().map(|&word| f64::from(word)).sum();
        assert!((f64::from(f32::from_bits(expected)) - sum).abs() < 1e-6 * sum);
    }

    #[test]
    fn maxima_keep_nan() {
        let mut words: [f32; 16] = std::array::from_fn(|i| ((i * 7) % 16) as f32 - 20.0);
        for lanes in [Lanes::L4, Lanes::L8, Lanes::L16] {
            assert_eq!(reduce(lanes, words, true), vec![(-5.0_f32).to_bits(); lanes.count()]);
        }
        words[9] = f32::NAN;
        for lanes in [Lanes::L4, Lanes::L8, Lanes::L16] {
            assert!(reduce(lanes, words, true).iter().all(|&bits| f32::from_bits(bits).is_nan()));
        }
    }
}
