//! Each op, alone, on special and random values, with its operands in registers and in memory.

use super::super::testing::{check, widths};
use crate::vector::interp::Arg;
use crate::vector::random::Rng;
use crate::vector::{Address, CmpOp, Count, Lanes, Op, ProgramBuilder, Value};

const N_VECTORS: i32 = 64;

/// Floats of all kinds, words that convert to an i32, masks.
fn args(rng: &mut Rng, lanes: Lanes) -> Vec<Arg> {
    let n_words = N_VECTORS as usize * lanes.count();
    let array = |mut word: Box<dyn FnMut() -> u32 + '_>| {
        Arg::Bytes((0..n_words).flat_map(|_| word().to_le_bytes()).collect())
    };
    let floats = array(Box::new(|| rng.float().to_bits()));
    let others = array(Box::new(|| rng.float().to_bits()));
    let fitting = array(Box::new(|| ((rng.next() as i32 as f32) * 0.5 + 0.25).to_bits()));
    let masks = array(Box::new(|| if rng.below(2) == 0 { 0 } else { u32::MAX }));
    let out = array(Box::new(|| 0));
    vec![floats, others, fitting, masks, out]
}

const FLOATS: u16 = 0;
const OTHERS: u16 = 1;
const FITTING: u16 = 2;
const MASKS: u16 = 3;
const OUT: u16 = 4;

/// Runs `body` on a vector of each array, all along them.
fn check_op(name: &str, body: impl Fn(&mut ProgramBuilder, [Value; 4]) -> Value) {
    let mut rng = Rng(7);
    for lanes in widths() {
        let mut b = ProgramBuilder::new(lanes);
        let arrays: Vec<u16> = (0..5).map(|_| b.arg()).collect();
        b.begin_loop(Count::Static(N_VECTORS as u32), &[]);
        let at = |arg| Address { arg, offset: 0, step: lanes.bytes() as i32 };
        let values = [FLOATS, OTHERS, FITTING, MASKS].map(|arg| b.load(at(arrays[arg as usize])));
        let result = body(&mut b, values);
        b.store(at(OUT), result);
        b.end_loop(&[]);
        check(&b.finish(), &args(&mut rng, lanes), &format!("{name} of {lanes:?}"));
    }
}

#[test]
fn arithmetic() {
    check_op("add", |b, [x, y, ..]| b.add(x, y));
    check_op("sub", |b, [x, y, ..]| b.sub(x, y));
    check_op("mul", |b, [x, y, ..]| b.mul(x, y));
    check_op("div", |b, [x, y, ..]| b.div(x, y));
    check_op("sqrt", |b, [x, ..]| b.sqrt(x));
    check_op("max", |b, [x, y, ..]| b.max(x, y));
    check_op("min", |b, [x, y, ..]| b.min(x, y));
    check_op("round_even", |b, [.., fits, _]| {
        let scale = b.f32(1e-8);
        let small = b.mul(fits, scale);
        b.round_even(small)
    });
    check_op("to_int", |b, [.., fits, _]| b.to_int(fits));
    check_op("to_float", |b, [x, ..]| b.to_float(x));
}

#[test]
fn multiply_adds_whichever_operand_dies() {
    check_op("all die", |b, [x, y, z, _]| b.fma(x, y, z));
    check_op("square", |b, [x, ..]| b.fma(x, x, x));
    for kept in 0..7 {
        check_op(&format!("kept {kept:03b}"), |b, [x, y, z, _]| {
            // Sums are in registers, not in memory.
            let operands = [b.add(x, y), b.sub(y, x), b.mul(x, z)];
            let mut result = b.fma(operands[0], operands[1], operands[2]);
            for (bit, operand) in operands.into_iter().enumerate() {
                if kept >> bit & 1 == 1 {
                    result = b.xor(result, operand);
                }
            }
            let number = b.cmp(CmpOp::Eq, result, result);
            let zero = b.u32(0);
            b.select(number, result, zero)
        });
    }
}

#[test]
fn bits_and_integers() {
    check_op("and", |b, [x, y, ..]| b.and(x, y));
    check_op("or", |b, [x, y, ..]| b.or(x, y));
    check_op("xor", |b, [x, y, ..]| b.xor(x, y));
    check_op("iadd", |b, [x, y, ..]| b.iadd(x, y));
    check_op("isub", |b, [x, y, ..]| b.isub(x, y));
    check_op("mul_even", |b, [x, y, ..]| b.mul_even(x, y));
    check_op("mul_even by a constant", |b, [x, ..]| {
        let factor = b.u32(0xD251_1F53);
        b.mul_even(x, factor)
    });
    for bits in [0, 1, 23, 31] {
        check_op("shl", |b, [x, ..]| b.shl(x, bits));
        check_op("shr_u", |b, [x, ..]| b.shr_u(x, bits));
        check_op("shr_s", |b, [x, ..]| b.shr_s(x, bits));
    }
}

#[test]
fn comparisons_as_vectors_and_as_predicates() {
    for cmp in [CmpOp::Eq, CmpOp::Ne, CmpOp::Lt, CmpOp::Le, CmpOp::Gt, CmpOp::Ge] {
        check_op("vector", |b, [x, y, ..]| b.cmp(cmp, x, y));
        check_op("predicate", |b, [x, y, z, _]| {
            let mask = b.cmp(cmp, x, y);
            b.select(mask, z, x)
        });
    }
    check_op("icmp_eq", |b, [x, y, ..]| b.icmp_eq(x, y));
    check_op("icmp_gt", |b, [x, y, ..]| b.icmp_gt(x, y));
}

#[test]
fn masks() {
    check_op("select by a loaded mask", |b, [x, y, _, mask]| b.select(mask, x, y));
    check_op("compared & vector", |b, [x, y, z, _]| {
        let mask = b.cmp(CmpOp::Lt, x, y);
        b.and(mask, z)
    });
    check_op("vector & compared", |b, [x, y, z, _]| {
        let mask = b.cmp(CmpOp::Lt, x, y);
        b.and(z, mask)
    });
    check_op("compared | loaded", |b, [x, y, _, loaded]| {
        let mask = b.cmp(CmpOp::Lt, x, y);
        let either = b.or(mask, loaded);
        b.select(either, x, y)
    });
    type Logic = fn(&mut ProgramBuilder, Value, Value) -> Value;
    let logics: [Logic; 3] = [ProgramBuilder::and, ProgramBuilder::or, ProgramBuilder::xor];
    for logic in logics {
        check_op("logic of compared", |b, [x, y, z, _]| {
            let (less, equal) = (b.cmp(CmpOp::Lt, x, y), b.icmp_eq(x, z));
            let mask = logic(b, less, equal);
            let chosen = b.select(mask, x, z);
            b.iadd(chosen, mask)
        });
    }
}

#[test]
fn swapped_lanes() {
    for lanes in widths() {
        for distance in [1, 2, 4, 8] {
            if usize::from(distance) < lanes.count() {
                let mut b = ProgramBuilder::new(lanes);
                let here = Address { arg: b.arg(), offset: 0, step: 0 };
                let x = b.load(here);
                let swapped = b.emit(Op::SwapLanes(x, distance));
                b.store(here, swapped);
                let words = Arg::Bytes((0..lanes.count() as u32).flat_map(u32::to_le_bytes).collect());
                check(&b.finish(), &[words], &format!("{lanes:?} over {distance}"));
            }
        }
    }
}

#[test]
fn tails_touch_nothing_beyond() {
    for lanes in widths() {
        for count in 1..lanes.count() as u8 {
            let mut b = ProgramBuilder::new(lanes);
            let (from, to) = (b.arg(), b.arg());
            let x = b.load_tail(Address { arg: from, offset: 0, step: 0 }, count);
            b.store(Address { arg: to, offset: 4, step: 0 }, x);
            b.store_tail(Address { arg: from, offset: 0, step: 0 }, x, count);
            let words = |n: usize| Arg::Bytes((1..=n as u32).flat_map(u32::to_le_bytes).collect());
            let args = [words(usize::from(count)), words(lanes.count() + 2)];
            check(&b.finish(), &args, &format!("{lanes:?}, {count} lanes"));
        }
    }
}

#[test]
fn numbers_among_the_arguments() {
    for lanes in widths() {
        let mut b = ProgramBuilder::new(lanes);
        let (to, number) = (Address { arg: b.arg(), offset: 0, step: 0 }, b.arg());
        let splat = b.splat_arg(number);
        let lane = b.lane_index();
        let sum = b.iadd(lane, splat);
        b.store(to, sum);
        let args = [Arg::Bytes(vec![0; lanes.bytes()]), Arg::Count(0x1_ffff_fff0)];
        check(&b.finish(), &args, &format!("{lanes:?}"));
    }
}

#[test]
fn a_load_is_not_moved_past_a_store() {
    for lanes in widths() {
        let mut b = ProgramBuilder::new(lanes);
        let here = Address { arg: b.arg(), offset: 0, step: 0 };
        let old = b.load(here);
        let index = b.lane_index();
        b.store(here, index);
        let sum = b.add(index, old);
        b.store(here, sum);
        let words = Arg::Bytes([1.5_f32; 16].iter().flat_map(|x| x.to_le_bytes()).collect());
        check(&b.finish(), &[words], &format!("{lanes:?}"));
    }
}
