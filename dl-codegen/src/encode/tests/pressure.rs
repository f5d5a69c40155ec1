//! Programs that need more registers than there are, of each kind.

use super::super::testing::{check, widths};
use crate::vector::interp::Arg;
use crate::vector::{Address, CmpOp, Count, Lanes, ProgramBuilder, Value};

const HERE: Address = Address { arg: 0, offset: 0, step: 0 };

fn at(lanes: Lanes, idx: usize) -> Address {
    Address { offset: (idx * lanes.bytes()) as i32, ..HERE }
}

fn floats(lanes: Lanes, n_vectors: usize) -> Arg {
    let word = |idx: usize| ((idx * 37 % 101) as f32 - 50.0) * 0.25;
    Arg::Bytes((0..n_vectors * lanes.count()).flat_map(|idx| word(idx).to_le_bytes()).collect())
}

#[test]
fn many_values_live_across_a_loop() {
    for lanes in widths() {
        for n_live in [20, 40, 100] {
            let mut b = ProgramBuilder::new(lanes);
            b.arg();
            let values: Vec<Value> = (0..n_live).map(|idx| b.load(at(lanes, idx))).collect();
            let sum = b.begin_loop(Count::Static(3), &[values[0]])[0];
            // Every other value is used in the loop, the rest only after it.
            let next = values.iter().step_by(2).fold(sum, |sum, &x| b.fma(sum, sum, x));
            let sum = b.end_loop(&[next])[0];
            for (idx, &value) in values.iter().enumerate() {
                let value = b.sub(value, sum);
                b.store(at(lanes, idx), value);
            }
            check(&b.finish(), &[floats(lanes, n_live)], &format!("{lanes:?}, {n_live} live"));
        }
    }
}

#[test]
fn many_loads_of_memory_that_changes() {
    for lanes in widths() {
        let n_loads = 40;
        let mut b = ProgramBuilder::new(lanes);
        b.arg();
        let values: Vec<Value> = (0..n_loads).map(|idx| b.load(at(lanes, idx))).collect();
        // Twice, so that no use is a load's only one.
        for shift in [1, 2] {
            for (idx, &value) in values.iter().enumerate() {
                b.store(at(lanes, (idx + shift) % n_loads), value);
            }
        }
        check(&b.finish(), &[floats(lanes, n_loads)], &format!("{lanes:?}"));
    }
}

#[test]
fn many_carried_values() {
    for lanes in widths() {
        for n_carried in [15, 16, 33, 60] {
            for count in [0, 1, 2, 3] {
                let mut b = ProgramBuilder::new(lanes);
                let (_, count_arg) = (b.arg(), b.arg());
                let inits: Vec<Value> = (0..n_carried).map(|idx| b.load(at(lanes, idx))).collect();
                let params = b.begin_loop(Count::Arg(count_arg), &inits);
                // Each moves to the next place; the last comes first, changed.
                let last = b.mul(params[n_carried - 1], params[0]);
                let mut nexts = vec![last];
                nexts.extend(&params[..n_carried - 1]);
                for (idx, result) in b.end_loop(&nexts).into_iter().enumerate() {
                    b.store(at(lanes, idx), result);
                }
                let args = [floats(lanes, n_carried), Arg::Count(count)];
                check(&b.finish(), &args, &format!("{lanes:?}, {n_carried} carried {count} times"));
            }
        }
    }
}

#[test]
fn many_masks() {
    for lanes in widths() {
        let n_masks = 20;
        let mut b = ProgramBuilder::new(lanes);
        b.arg();
        let values: Vec<Value> = (0..=n_masks).map(|idx| b.load(at(lanes, idx))).collect();
        let masks: Vec<Value> = values.windows(2).map(|pair| b.cmp(CmpOp::Lt, pair[0], pair[1])).collect();
        let sum = b.begin_loop(Count::Static(2), &[values[0]])[0];
        let next = masks.iter().fold(sum, |sum, &mask| {
            let twice = b.add(sum, sum);
            b.select(mask, twice, sum)
        });
        let sum = b.end_loop(&[next])[0];
        b.store(HERE, sum);
        for (idx, &mask) in masks.iter().enumerate() {
            b.store(at(lanes, idx + 1), mask);
        }
        check(&b.finish(), &[floats(lanes, n_masks + 1)], &format!("{lanes:?}"));
    }
}

#[test]
fn many_constants() {
    for lanes in widths() {
        let mut b = ProgramBuilder::new(lanes);
        b.arg();
        let x = b.load(HERE);
        let index = b.lane_index();
        let sum = b.begin_loop(Count::Static(3), &[x])[0];
        let next = (0..50_u8).fold(sum, |sum, k| {
            let constant = b.f32(f32::from(k) * 0.125);
            let constant = b.add(constant, index);
            b.fma(sum, x, constant)
        });
        let sum = b.end_loop(&[next])[0];
        let sum = (0..50_u8).fold(sum, |sum, k| {
            let constant = b.f32(f32::from(k) * 0.125);
            b.max(constant, sum)
        });
        b.store(HERE, sum);
        check(&b.finish(), &[floats(lanes, 1)], &format!("{lanes:?}"));
    }
}

#[test]
fn many_pointers() {
    for lanes in widths() {
        for n_arrays in [6, 7, 11, 12, 30] {
            let mut b = ProgramBuilder::new(lanes);
            let arrays: Vec<u16> = (0..n_arrays).map(|_| b.arg()).collect();
            b.begin_loop(Count::Static(3), &[]);
            let step = lanes.bytes() as i32;
            // Each array moves, and stands still.
            for pair in arrays.windows(2) {
                let x = b.load(Address { arg: pair[0], offset: 0, step });
                let y = b.load(Address { arg: pair[1], offset: step, step: 0 });
                let sum = b.add(x, y);
                b.store(Address { arg: pair[1], offset: 0, step }, sum);
            }
            b.end_loop(&[]);
            let args: Vec<Arg> = (0..n_arrays).map(|_| floats(lanes, 3)).collect();
            check(&b.finish(), &args, &format!("{lanes:?}, {n_arrays} arrays"));
        }
    }
}
