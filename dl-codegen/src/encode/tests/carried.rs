//! Values carried around loops, where sharing one register is tempting and wrong.

use super::super::testing::{check, widths};
use crate::vector::interp::Arg;
use crate::vector::{
    Address, Carried, CmpOp, Count, Inst, Lanes, Loop, Mark, Op, Program, ProgramBuilder, Section, Value,
};

/// Vector `idx` of the only array.
fn at(lanes: Lanes, idx: usize) -> Address {
    Address { arg: 0, offset: (idx * lanes.bytes()) as i32, step: 0 }
}

/// A vector of small numbers, then vectors of masks: every other lane is set.
fn array(lanes: Lanes, n_vectors: usize) -> Arg {
    let numbers = (0..lanes.count()).map(|lane| (lane as f32 - 3.5).to_bits());
    let masks = [u32::MAX, 0].repeat((n_vectors - 1) * lanes.count() / 2);
    Arg::Bytes(numbers.chain(masks).flat_map(u32::to_le_bytes).collect())
}

#[test]
fn nexts_of_all_kinds() {
    for lanes in widths() {
        for count in 0..4 {
            let mut b = ProgramBuilder::new(lanes);
            b.arg();
            let (x, loaded) = (b.load(at(lanes, 0)), b.load(at(lanes, 1)));
            let (y, constant) = (b.add(x, x), b.f32(3.0));
            let params = b.begin_loop(Count::Static(count), &[x, x, y, constant, loaded, y, x]);
            let late = b.mul(params[2], constant);
            let late_use = b.add(late, params[2]);
            let mask = b.cmp(CmpOp::Gt, late_use, x);
            let other = b.cmp(CmpOp::Ne, late_use, y);
            let both = b.or(mask, other);
            let kept = b.select(params[4], late_use, params[3]);
            // Another's param, a value used twice, one made while its param is still needed, a constant, a mask, a value
            // from outside, logic of masks.
            let nexts = [params[1], late_use, late, constant, mask, x, both];
            b.store(at(lanes, 1), kept);
            for (idx, result) in b.end_loop(&nexts).into_iter().enumerate() {
                b.store(at(lanes, 2 + idx), result);
            }
            b.store(at(lanes, 9), y);
            check(&b.finish(), &[array(lanes, 10)], &format!("{lanes:?}, {count} times"));
        }
    }
}

#[test]
fn a_mask_converted_in_a_loop_is_there_after_it() {
    for lanes in widths() {
        for count in [0, 2] {
            let mut b = ProgramBuilder::new(lanes);
            let (_, count_arg) = (b.arg(), b.arg());
            let (x, loaded) = (b.load(at(lanes, 0)), b.load(at(lanes, 1)));
            let compared = b.cmp(CmpOp::Lt, loaded, x);
            b.begin_loop(Count::Arg(count_arg), &[]);
            let chosen = b.select(loaded, x, compared);
            b.store(at(lanes, 2), chosen);
            b.end_loop(&[]);
            let chosen = b.select(loaded, compared, x);
            b.store(at(lanes, 3), chosen);
            b.store(at(lanes, 4), compared);
            check(&b.finish(), &[array(lanes, 5), Arg::Count(count)], &format!("{lanes:?}, {count} times"));
        }
    }
}

/// The builder would remove such a value.
#[test]
fn a_carried_value_nobody_needs_destroys_no_other() {
    for lanes in widths() {
        let inst = |result: Option<u32>, op| Inst { result: result.map(Value), op, mark: Mark::default() };
        let before = vec![
            inst(Some(0), Op::Load(at(lanes, 0))),
            inst(None, Op::Store(at(lanes, 1), Value(0))),
            inst(Some(1), Op::Load(at(lanes, 0))),
            inst(Some(2), Op::IAdd(Value(1), Value(1))),
        ];
        let counted = Loop {
            count: Count::Static(2),
            carried: vec![Carried { init: Value(0), param: Value(3), next: Value(4), result: Value(5) }],
            body: vec![inst(Some(4), Op::IAdd(Value(2), Value(1)))],
        };
        let after = vec![
            inst(None, Op::Store(at(lanes, 3), Value(1))),
            inst(None, Op::Store(at(lanes, 4), Value(2))),
        ];
        let sections = vec![Section::Straight(before), Section::Loop(counted), Section::Straight(after)];
        let program = Program { lanes, n_args: 1, n_values: 6, sections };
        check(&program, &[array(lanes, 5)], &format!("{lanes:?}"));
    }
}
