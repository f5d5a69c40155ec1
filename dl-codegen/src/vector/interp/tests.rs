//! The meaning of each op, by hand.

use super::*;
use crate::vector::{Lanes, ProgramBuilder};

const NAN: u32 = 0x7fc0_0000;

fn bits(x: f32) -> u32 {
    x.to_bits()
}

/// Memory of 4 words for input, 4 for output.
fn words(input: [u32; 4]) -> Vec<Arg> {
    vec![Arg::Bytes(input.iter().flat_map(|word| word.to_le_bytes()).collect()), Arg::Bytes(vec![0xff; 16])]
}

fn output(args: &[Arg]) -> [u32; 4] {
    let Arg::Bytes(bytes) = &args[1] else { panic!("still bytes") };
    std::array::from_fn(|lane| u32::from_le_bytes(bytes[4 * lane..][..4].try_into().expect("4 bytes")))
}

fn run_on(
    build: impl FnOnce(&mut ProgramBuilder, [Address; 2]),
    input: [u32; 4],
) -> Result<Vec<Arg>, MemoryError> {
    let mut b = ProgramBuilder::new(Lanes::L4);
    let places = [b.arg(), b.arg()].map(|arg| Address { arg, offset: 0, step: 0 });
    build(&mut b, places);
    let mut args = words(input);
    run(&b.finish(), &mut args).map(|()| args)
}

/// The lanes of `op(a, b, c)`, where `a` is the input and `b`, `c` are constants.
fn eval(op: impl FnOnce(Value, Value, Value) -> Op, a: [u32; 4], b: u32, c: u32) -> [u32; 4] {
    let build = |builder: &mut ProgramBuilder, [input, output]: [Address; 2]| {
        let (a, b, c) = (builder.load(input), builder.u32(b), builder.u32(c));
        let result = builder.emit(op(a, b, c));
        builder.store(output, result);
    };
    output(&run_on(build, a).unwrap())
}

#[test]
fn floats_follow_ieee() {
    let a = [1.5, -0.0, f32::MAX, f32::INFINITY].map(bits);
    assert_eq!(eval(|a, b, _| Op::Add(a, b), a, bits(0.0), 0), [1.5, 0.0, f32::MAX, f32::INFINITY].map(bits));
    let mul = eval(|a, b, _| Op::Mul(a, b), a, bits(2.0), 0);
    assert_eq!(mul, [3.0, -0.0, f32::INFINITY, f32::INFINITY].map(bits));
    // 1.5·1.5 − 2.25 + ε: the product is not rounded.
    let ulp = 1.5_f32.next_up();
    let fma = eval(Op::Fma, [ulp; 4].map(bits), bits(ulp), bits(-ulp * ulp));
    assert_eq!(fma[0], bits((f64::from(ulp) * f64::from(ulp) - f64::from(ulp * ulp)) as f32));
    assert_ne!(fma[0], 0);
}

#[test]
fn max_and_min_take_the_second_of_equals_and_nan() {
    let a = [NAN, bits(0.0), bits(3.0), bits(-3.0)];
    assert_eq!(eval(|a, b, _| Op::Max(a, b), a, bits(-0.0), 0), [-0.0, -0.0, 3.0, -0.0].map(bits));
    assert_eq!(eval(|a, b, _| Op::Min(a, b), a, bits(-0.0), 0), [-0.0, -0.0, -0.0, -3.0].map(bits));
    assert_eq!(eval(|a, b, _| Op::Max(a, b), a, NAN, 0), [NAN; 4]);
}

#[test]
fn rounding_is_to_even() {
    let a = [0.5, 1.5, -2.5, 3.7].map(bits);
    assert_eq!(eval(|a, _, _| Op::RoundEven(a), a, 0, 0), [0.0, 2.0, -2.0, 4.0].map(bits));
    assert_eq!(eval(|a, _, _| Op::ToInt(a), a, 0, 0), [0, 2, -2_i32 as u32, 4]);
    let to_float = eval(|a, _, _| Op::ToFloat(a), [16_777_217, 16_777_219, -1_i32 as u32, 0], 0, 0);
    assert_eq!(to_float, [16_777_216.0, 16_777_220.0, -1.0, 0.0].map(bits));
}

#[test]
fn comparisons_with_nan_are_false_but_ne() {
    let a = [NAN, bits(1.0), bits(2.0), bits(3.0)];
    let all = [CmpOp::Eq, CmpOp::Ne, CmpOp::Lt, CmpOp::Le, CmpOp::Gt, CmpOp::Ge];
    let expected = ["0010", "1101", "0100", "0110", "0001", "0011"];
    for (cmp, expected) in all.into_iter().zip(expected) {
        let masks = eval(|a, b, _| Op::Cmp(cmp, a, b), a, bits(2.0), 0);
        let found: String = masks.iter().map(|&mask| if mask == u32::MAX { '1' } else { '0' }).collect();
        assert_eq!(found, expected, "{cmp:?} gives {masks:x?}");
    }
    assert_eq!(eval(|a, b, _| Op::Cmp(CmpOp::Ne, a, b), a, NAN, 0), [u32::MAX; 4]);
}

#[test]
fn integers_and_bits() {
    let a = [1, 0x8000_0000, u32::MAX, 6];
    assert_eq!(eval(|a, b, _| Op::IAdd(a, b), a, 1, 0), [2, 0x8000_0001, 0, 7]);
    assert_eq!(eval(|a, b, _| Op::ISub(a, b), a, 2, 0), [u32::MAX, 0x7fff_fffe, 0xffff_fffd, 4]);
    assert_eq!(eval(|a, _, _| Op::Shl(a, 1), a, 0, 0), [2, 0, 0xffff_fffe, 12]);
    assert_eq!(eval(|a, _, _| Op::ShrU(a, 1), a, 0, 0), [0, 0x4000_0000, 0x7fff_ffff, 3]);
    assert_eq!(eval(|a, _, _| Op::ShrS(a, 1), a, 0, 0), [0, 0xc000_0000, u32::MAX, 3]);
    assert_eq!(eval(|a, b, _| Op::ICmpGt(a, b), a, 0, 0), [u32::MAX, 0, 0, u32::MAX]);
    assert_eq!(eval(|a, b, _| Op::ICmpEq(a, b), a, 6, 0), [0, 0, 0, u32::MAX]);
    assert_eq!(eval(Op::Select, [u32::MAX, 0, 0, u32::MAX], 7, 8), [7, 8, 8, 7]);
    assert_eq!(eval(|a, _, _| Op::SwapLanes(a, 1), a, 0, 0), [0x8000_0000, 1, 6, u32::MAX]);
    assert_eq!(eval(|a, _, _| Op::SwapLanes(a, 2), a, 0, 0), [u32::MAX, 6, 1, 0x8000_0000]);
    assert_eq!(eval(|_, _, _| Op::LaneIndex, a, 0, 0), [0, 1, 2, 3]);
}

#[test]
fn tails_leave_the_rest_alone() {
    let copy = |b: &mut ProgramBuilder, [input, output]: [Address; 2]| {
        let tail = b.load_tail(input, 3);
        let end = Address { offset: 8, ..output };
        b.store(output, tail);
        b.store_tail(end, tail, 1);
    };
    assert_eq!(output(&run_on(copy, [1, 2, 3, 4]).unwrap()), [1, 2, 1, 0]);
}

#[test]
fn a_loop_that_never_runs_passes_its_inits_on() {
    for (count, expected) in [(0, 5), (3, 5 << 3)] {
        let doubled = |b: &mut ProgramBuilder, [input, output]: [Address; 2]| {
            let x = b.broadcast(input);
            let param = b.begin_loop(Count::Static(count), &[x])[0];
            let next = b.iadd(param, param);
            let result = b.end_loop(&[next])[0];
            b.store(output, result);
        };
        assert_eq!(output(&run_on(doubled, [5; 4]).unwrap()), [expected; 4]);
    }
}

#[test]
fn accesses_outside_are_errors() {
    let load_at = |offset: i32| {
        run_on(
            |b, [input, output]| {
                let x = b.load(Address { offset, ..input });
                b.store(output, x);
            },
            [0; 4],
        )
    };
    assert!(load_at(0).is_ok());
    assert_eq!(load_at(4), Err(MemoryError::OutOfBounds { arg: 0, offset: 16, len: 16 }));
    assert_eq!(load_at(-2), Err(MemoryError::OutOfBounds { arg: 0, offset: -2, len: 16 }));

    let walk_off = run_on(
        |b, [input, output]| {
            let x = b.broadcast(input);
            b.begin_loop(Count::Static(9), &[]);
            b.store_tail(Address { step: 8, ..output }, x, 1);
            b.end_loop(&[]);
        },
        [0; 4],
    );
    assert_eq!(walk_off, Err(MemoryError::OutOfBounds { arg: 1, offset: 16, len: 16 }));

    let count_is_pointer = run_on(
        |b, [input, output]| {
            let x = b.broadcast(input);
            b.begin_loop(Count::Arg(0), &[]);
            b.store(output, x);
            b.end_loop(&[]);
        },
        [0; 4],
    );
    assert_eq!(count_is_pointer, Err(MemoryError::WrongKind { arg: 0, expected: "count" }));
}
