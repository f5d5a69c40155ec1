//! Random vector programs, for tests that run one program in several ways.
//!
//! Values are kept in pools by kind, so that programs stay inside the contract (masks are masks, `ToInt` fits) and
//! the freedom that NaN has (any bits) never reaches an integer.

use super::interp::{self, Arg};
use super::{Address, CmpOp, Count, Lanes, Op, Program, ProgramBuilder, Value};

/// Input, output, and the count of loops.
const INPUT: u16 = 0;
const OUTPUT: u16 = 1;
const COUNT: u16 = 2;
const BYTES: i32 = 4096;
const MAX_COUNT: u32 = 5;

/// A program that the verifier accepts, with arguments that it may run on.
#[derive(Clone, Debug)]
pub(crate) struct Case {
    pub program: Program,
    pub args: Vec<Arg>,
}

impl Case {
    /// The case of this seed: equal seeds give equal cases.
    pub fn random(seed: u64, lanes: Lanes) -> Case {
        let mut rng = Rng(seed);
        let args = random_args(&mut rng);
        let mut builder = ProgramBuilder::new(lanes);
        let _three_args = [builder.arg(), builder.arg(), builder.arg()];
        Case { program: Generator { rng, builder, pools: Pools::default() }.generate(), args }
    }

    /// The arguments after a run of the interpreter.
    pub fn interpreted(&self) -> Vec<Arg> {
        let mut args = self.args.clone();
        interp::run(&self.program, &mut args).expect("random programs stay in bounds");
        args
    }
}

/// Asserts that two runs left the same words in memory, all NaN being the same.
pub(crate) fn assert_same_memory(expected: &[Arg], found: &[Arg], context: &str) {
    assert_eq!(expected.len(), found.len(), "{context}");
    for (arg, (expected, found)) in expected.iter().zip(found).enumerate() {
        let (Arg::Bytes(expected), Arg::Bytes(found)) = (expected, found) else {
            assert_eq!(expected, found, "{context}: a{arg}");
            continue;
        };
        for (idx, (expected, found)) in words(expected).zip(words(found)).enumerate() {
            let both_nan = f32::from_bits(expected).is_nan() && f32::from_bits(found).is_nan();
            assert!(
                expected == found || both_nan,
                "{context}: word {idx} of a{arg} is {found:#x} ({}), expected {expected:#x} ({})",
                f32::from_bits(found),
                f32::from_bits(expected),
            );
        }
    }
}

/// The bytes as 32-bit words.
pub(crate) fn words(bytes: &[u8]) -> impl Iterator<Item = u32> {
    bytes.chunks_exact(4).map(|word| u32::from_le_bytes(word.try_into().expect("4 bytes")))
}

/// SplitMix64.
#[derive(Clone, Debug)]
pub(crate) struct Rng(pub u64);

impl Rng {
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// Below `n`.
    pub fn below(&mut self, n: usize) -> usize {
        (self.next() % n as u64) as usize
    }

    fn chance(&mut self, percent: usize) -> bool {
        self.below(100) < percent
    }

    fn pick<T: Copy>(&mut self, choices: &[T]) -> T {
        choices[self.below(choices.len())]
    }

    /// An f32: ordinary, special, or any bits.
    pub fn float(&mut self) -> f32 {
        const SPECIAL: [f32; 14] = [
            0.0,
            -0.0,
            1.0,
            -1.0,
            0.5,
            2.5,
            f32::INFINITY,
            f32::NEG_INFINITY,
            f32::NAN,
            f32::MAX,
            f32::MIN,
            f32::MIN_POSITIVE,
            1e-45,
            -1e-40,
        ];
        match self.below(4) {
            0 => self.pick(&SPECIAL),
            1 => f32::from_bits(self.next() as u32),
            _ => (self.below(2_000_001) as f32 - 1e6) * 1e-5,
        }
    }
}

fn random_args(rng: &mut Rng) -> Vec<Arg> {
    let mut bytes = || Arg::Bytes((0..BYTES / 4).flat_map(|_| rng.float().to_le_bytes()).collect());
    let (input, output) = (bytes(), bytes());
    vec![input, output, Arg::Count(rng.below(MAX_COUNT as usize + 1) as u64)]
}

/// The values visible at a place, by kind.
#[derive(Clone, Default)]
struct Pools {
    floats: Vec<Value>,
    /// No bits of these come from the bits of a NaN.
    ints: Vec<Value>,
    masks: Vec<Value>,
}

struct Generator {
    rng: Rng,
    builder: ProgramBuilder,
    pools: Pools,
}

impl Generator {
    fn generate(mut self) -> Program {
        for _ in 0..2 {
            let value = self.load(false);
            self.pools.floats.push(value);
            let bits = self.rng.next() as u32;
            let value = self.builder.u32(bits);
            self.pools.ints.push(value);
            let (a, b) = (self.rng.pick(&self.pools.floats), self.rng.pick(&self.pools.floats));
            let value = self.builder.cmp(CmpOp::Le, a, b);
            self.pools.masks.push(value);
        }
        for _ in 0..1 + self.rng.below(2) {
            self.straight();
            self.counted_loop();
        }
        self.straight();
        for value in self.pools.floats.clone().into_iter().rev().take(8) {
            let address = self.address(OUTPUT, false);
            self.builder.store(address, value);
        }
        self.builder.finish()
    }

    fn straight(&mut self) {
        for _ in 0..self.rng.below(12) {
            self.inst(false);
        }
    }

    fn counted_loop(&mut self) {
        let outside = self.pools.clone();
        let n_carried = self.rng.below(6);
        let inits: Vec<Value> = (0..n_carried).map(|_| self.rng.pick(&self.pools.floats)).collect();
        let count = if self.rng.chance(50) {
            Count::Arg(COUNT)
        } else {
            Count::Static(self.rng.below(MAX_COUNT as usize + 1) as u32)
        };
        let params = self.builder.begin_loop(count, &inits);
        self.pools.floats.extend(params);
        for _ in 0..self.rng.below(24) {
            self.inst(true);
        }
        let nexts: Vec<Value> = (0..n_carried).map(|_| self.rng.pick(&self.pools.floats)).collect();
        self.pools = outside;
        self.pools.floats.extend(self.builder.end_loop(&nexts));
    }

    fn inst(&mut self, in_loop: bool) {
        match self.rng.below(11) {
            0..=3 => self.float_inst(),
            4 | 5 => self.int_inst(),
            6 => self.mask_inst(),
            7 => self.store(in_loop),
            8 => {
                let value = self.load(in_loop);
                self.pools.floats.push(value);
            }
            9 => {
                let address = self.address(INPUT, in_loop);
                self.builder.prefetch(address);
            }
            _ => self.conversion(),
        }
    }

    fn float_inst(&mut self) {
        let [a, b, c] = [(); 3].map(|()| self.rng.pick(&self.pools.floats));
        let mask = self.rng.pick(&self.pools.masks);
        let distance = self.distance();
        let op = match self.rng.below(12) {
            0 => Op::Add(a, b),
            1 => Op::Sub(a, b),
            2 => Op::Mul(a, b),
            3 => Op::Div(a, b),
            4 | 5 => Op::Fma(a, b, c),
            6 => Op::Sqrt(a),
            7 => Op::Max(a, b),
            8 => Op::Min(a, b),
            9 => Op::RoundEven(a),
            10 => Op::Select(mask, a, b),
            _ => Op::SwapLanes(a, distance),
        };
        let value = self.builder.emit(op);
        self.pools.floats.push(value);
    }

    fn int_inst(&mut self) {
        let [a, b] = [(); 2].map(|()| self.rng.pick(&self.pools.ints));
        let mask = self.rng.pick(&self.pools.masks);
        let amount = self.rng.below(32) as u8;
        let bits = self.rng.next() as u32;
        let distance = self.distance();
        let op = match self.rng.below(14) {
            0 => Op::And(a, b),
            1 => Op::Or(a, b),
            2 => Op::Xor(a, b),
            3 => Op::IAdd(a, b),
            4 => Op::ISub(a, b),
            5 => Op::Shl(a, amount),
            6 => Op::ShrU(a, amount),
            7 => Op::ShrS(a, amount),
            8 => Op::Splat(bits),
            9 => Op::LaneIndex,
            10 => Op::Select(mask, a, b),
            11 => Op::MulEven(a, b),
            12 => Op::SplatArg(COUNT),
            _ => Op::SwapLanes(a, distance),
        };
        let value = self.builder.emit(op);
        self.pools.ints.push(value);
    }

    fn mask_inst(&mut self) {
        const CMPS: [CmpOp; 6] = [CmpOp::Eq, CmpOp::Ne, CmpOp::Lt, CmpOp::Le, CmpOp::Gt, CmpOp::Ge];
        let [x, y] = [(); 2].map(|()| self.rng.pick(&self.pools.floats));
        let [i, j] = [(); 2].map(|()| self.rng.pick(&self.pools.ints));
        let [m, n] = [(); 2].map(|()| self.rng.pick(&self.pools.masks));
        let cmp = self.rng.pick(&CMPS);
        let op = match self.rng.below(8) {
            0..=2 => Op::Cmp(cmp, x, y),
            3 => Op::ICmpEq(i, j),
            4 => Op::ICmpGt(i, j),
            5 => Op::And(m, n),
            6 => Op::Or(m, n),
            _ => Op::Xor(m, n),
        };
        let value = self.builder.emit(op);
        self.pools.masks.push(value);
    }

    /// A value that moves from one kind to another.
    fn conversion(&mut self) {
        let x = self.rng.pick(&self.pools.floats);
        let i = self.rng.pick(&self.pools.ints);
        match self.rng.below(4) {
            0 => {
                let value = self.builder.to_float(i);
                self.pools.floats.push(value);
            }
            1 => self.pools.floats.push(i),
            kind => {
                // Numbers only: a NaN becomes 0.
                let zero = self.builder.f32(0.0);
                let is_number = self.builder.cmp(CmpOp::Eq, x, x);
                let number = self.builder.select(is_number, x, zero);
                let (low, high) = (self.builder.f32(-1e9), self.builder.f32(1e9));
                let value = if kind == 2 {
                    number
                } else {
                    let fitting = self.builder.max(number, low);
                    let fitting = self.builder.min(fitting, high);
                    self.builder.to_int(fitting)
                };
                self.pools.ints.push(value);
            }
        }
    }

    fn load(&mut self, in_loop: bool) -> Value {
        let arg = if self.rng.chance(80) { INPUT } else { OUTPUT };
        let address = self.address(arg, in_loop);
        match self.rng.below(3) {
            0 => self.builder.load(address),
            1 => {
                let count = self.tail();
                self.builder.load_tail(address, count)
            }
            _ => self.builder.broadcast(address),
        }
    }

    fn store(&mut self, in_loop: bool) {
        let value = if self.rng.chance(70) {
            self.rng.pick(&self.pools.floats)
        } else {
            self.rng.pick(&self.pools.ints)
        };
        let address = self.address(OUTPUT, in_loop);
        if self.rng.chance(50) {
            self.builder.store(address, value);
        } else {
            let count = self.tail();
            self.builder.store_tail(address, value, count);
        }
    }

    /// 1 to all lanes.
    fn tail(&mut self) -> u8 {
        1 + self.rng.below(self.builder.lanes().count()) as u8
    }

    fn distance(&mut self) -> u8 {
        let n_distances = self.builder.lanes().count().ilog2() as usize;
        1 << self.rng.below(n_distances)
    }

    /// A word-aligned place such that a whole vector is inside the argument in every iteration.
    fn address(&mut self, arg: u16, in_loop: bool) -> Address {
        const STEPS: [i32; 7] = [0, 4, 16, 32, 64, -4, -64];
        let step = if in_loop { self.rng.pick(&STEPS) } else { 0 };
        let reach = step * (MAX_COUNT as i32 - 1);
        let (low, high) = (-reach.min(0), BYTES - self.builder.lanes().bytes() as i32 - reach.max(0));
        Address { arg, offset: low + 4 * self.rng.below(((high - low) / 4) as usize) as i32, step }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::vector::verify::verify;

    #[test]
    fn random_programs_verify_and_run() {
        let mut n_insts = 0;
        for seed in 0..300 {
            for lanes in [Lanes::L4, Lanes::L8, Lanes::L16] {
                let case = Case::random(seed, lanes);
                assert_eq!(verify(&case.program), Ok(()), "seed {seed}");
                assert_ne!(case.interpreted(), case.args, "seed {seed} stores nothing new");
                n_insts += case.program.n_values;
            }
        }
        assert!(n_insts > 300 * 3 * 20, "programs are not trivial: {n_insts} values");
    }
}
