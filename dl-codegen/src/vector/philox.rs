//! Philox4x32-10 of Salmon, Moraes, Dror and Shaw, “Parallel random numbers: as easy as 1, 2, 3” (SC 2011), a block in each lane.

use super::{ProgramBuilder, Value};

const MULTIPLIERS: [u32; 2] = [0xD251_1F53, 0xCD9E_8D57];
const WEYL: [u32; 2] = [0x9E37_79B9, 0xBB67_AE85];
const ROUNDS: u32 = 10;

impl ProgramBuilder {
    /// The four words of each lane's block: its counter, encrypted by its key.
    pub fn philox(&mut self, counter: [Value; 4], key: [Value; 2]) -> [Value; 4] {
        let [mut a, mut b, mut c, mut d] = counter;
        for round in 0..ROUNDS {
            let [k, l] = [0, 1].map(|word| {
                let advance = self.u32(WEYL[word].wrapping_mul(round));
                self.iadd(key[word], advance)
            });
            let (high_a, low_a) = self.mul_wide(a, MULTIPLIERS[0]);
            let (high_c, low_c) = self.mul_wide(c, MULTIPLIERS[1]);
            let (from_b, from_d) = (self.xor(b, k), self.xor(d, l));
            (a, b, c, d) = (self.xor(high_c, from_b), low_c, self.xor(high_a, from_d), low_a);
        }
        [a, b, c, d]
    }

    /// The high and the low word of u32 a · factor.
    fn mul_wide(&mut self, a: Value, factor: u32) -> (Value, Value) {
        let (factor, is_odd) = (self.u32(factor), self.lanes_with(1));
        let of_even = self.mul_even(a, factor);
        let odd = self.swap_lanes(a, 1);
        let of_odd = self.mul_even(odd, factor);
        let (high_of_even, low_of_odd) = (self.swap_lanes(of_even, 1), self.swap_lanes(of_odd, 1));
        (self.select(is_odd, of_odd, high_of_even), self.select(is_odd, low_of_odd, of_even))
    }

    /// A mask of the lanes whose index has this bit.
    fn lanes_with(&mut self, bit: u32) -> Value {
        let (lane, bit) = (self.lane_index(), self.u32(bit));
        let of_lane = self.and(lane, bit);
        self.icmp_eq(of_lane, bit)
    }

    /// Transposes each square of four lanes of four vectors: lane 4g + k of result i is lane 4g + i of vector k.
    pub fn transpose_fours(&mut self, vectors: [Value; 4]) -> [Value; 4] {
        let mut v = vectors;
        for distance in [1, 2] {
            let is_upper = self.lanes_with(distance);
            for (low, high) in [(0, distance as usize), (3 - distance as usize, 3)] {
                let (from_low, from_high) =
                    (self.swap_lanes(v[low], distance as u8), self.swap_lanes(v[high], distance as u8));
                let first = self.select(is_upper, from_high, v[low]);
                v[high] = self.select(is_upper, v[high], from_low);
                v[low] = first;
            }
        }
        v
    }
}

#[cfg(test)]
mod tests {
    use crate::vector::interp::{self, Arg};
    use crate::vector::random::words;
    use crate::vector::{Address, Lanes, ProgramBuilder};

    const WIDTHS: [Lanes; 3] = [Lanes::L4, Lanes::L8, Lanes::L16];

    /// The words that a program leaves in its only argument.
    fn run(b: ProgramBuilder, n_vectors: usize) -> Vec<u32> {
        let mut args = vec![Arg::Bytes(vec![0; n_vectors * b.lanes().bytes()])];
        interp::run(&b.finish(), &mut args).expect("in bounds");
        let Arg::Bytes(bytes) = &args[0] else { unreachable!("as given") };
        words(bytes).collect()
    }

    fn at(b: &ProgramBuilder, vector: usize) -> Address {
        Address { arg: 0, offset: (vector * b.lanes().bytes()) as i32, step: 0 }
    }

    /// From the known-answer tests of the authors' Random123 library.
    #[test]
    fn blocks_have_the_published_words() {
        let cases = [
            ([0; 4], [0; 2], [0x6627_e8d5, 0xe169_c58d, 0xbc57_ac4c, 0x9b00_dbd8]),
            ([u32::MAX; 4], [u32::MAX; 2], [0x408f_276d, 0x41c8_3b0e, 0xa20b_c7c6, 0x6d54_51fd]),
            (
                [0x243f_6a88, 0x85a3_08d3, 0x1319_8a2e, 0x0370_7344],
                [0xa409_3822, 0x299f_31d0],
                [0xd16c_fe09, 0x94fd_cceb, 0x5001_e420, 0x2412_6ea1],
            ),
        ];
        for lanes in WIDTHS {
            for (counter, key, expected) in cases {
                let mut b = ProgramBuilder::new(lanes);
                b.arg();
                let (counter, key) = (counter.map(|word| b.u32(word)), key.map(|word| b.u32(word)));
                for (vector, word) in b.philox(counter, key).into_iter().enumerate() {
                    b.store(at(&b, vector), word);
                }
                let expected = expected.map(|word| vec![word; lanes.count()]).concat();
                assert_eq!(run(b, 4), expected, "{lanes:?}");
            }
        }
    }

    #[test]
    fn fours_are_transposed() {
        for lanes in WIDTHS {
            let mut b = ProgramBuilder::new(lanes);
            b.arg();
            let lane = b.lane_index();
            let vectors = [0, 100, 200, 300].map(|hundreds| {
                let hundreds = b.u32(hundreds);
                b.iadd(lane, hundreds)
            });
            for (vector, value) in b.transpose_fours(vectors).into_iter().enumerate() {
                b.store(at(&b, vector), value);
            }
            let n = lanes.count() as u32;
            let expected = (0..4).flat_map(|i| (0..n).map(move |lane| 100 * (lane % 4) + lane / 4 * 4 + i));
            assert_eq!(run(b, 4), expected.collect::<Vec<u32>>(), "{lanes:?}");
        }
    }
}
