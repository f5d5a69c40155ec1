//! Tiles of a matrix product, of all shapes that schedules use.

use super::super::testing::{check, widths};
use super::super::{disassemble, encode};
use crate::vector::interp::Arg;
use crate::vector::random::Rng;
use crate::vector::{Address, Count, Lanes, Program, ProgramBuilder, Value};

/// The bytes from one row of A and C to the next.
const A_ROW: i32 = 17 * 4;

/// `C[rows, columns] = relu(A[rows, k] · B[k, columns] + bias)`: B is a panel as wide as the tile's vectors, the last
/// vector of C has `tail` lanes.
fn tile(lanes: Lanes, rows: i32, vectors: i32, tail: u8) -> Program {
    let mut b = ProgramBuilder::new(lanes);
    let [a, panel, bias, c, k] = [(); 5].map(|()| b.arg());
    let width = lanes.bytes() as i32;
    let still = |arg, offset| Address { arg, offset, step: 0 };
    let zero = b.f32(0.0);
    let inits = vec![zero; (rows * vectors) as usize];
    let sums = b.begin_loop(Count::Arg(k), &inits);
    let columns: Vec<Value> = (0..vectors)
        .map(|j| b.load(Address { arg: panel, offset: j * width, step: vectors * width }))
        .collect();
    let mut nexts = Vec::new();
    for (i, row) in (0..rows).zip(sums.chunks(vectors as usize)) {
        let x = b.broadcast(Address { arg: a, offset: i * A_ROW, step: 4 });
        nexts.extend(row.iter().zip(&columns).map(|(&sum, &column)| b.fma(x, column, sum)));
    }
    let sums = b.end_loop(&nexts);
    for (i, row) in (0..rows).zip(sums.chunks(vectors as usize)) {
        for (j, &sum) in (0..vectors).zip(row) {
            let to = still(c, i * vectors * width + j * width);
            let last = j == vectors - 1;
            let count = if last { tail } else { lanes.count() as u8 };
            let shift = b.load_tail(still(bias, j * width), count);
            let sum = b.add(sum, shift);
            let sum = b.max(sum, zero);
            b.store_tail(to, sum, count);
        }
    }
    b.finish()
}

#[test]
fn tiles_run_as_interpreted() {
    let mut rng = Rng(11);
    for lanes in widths() {
        for (rows, vectors) in (1..=14).flat_map(|rows| (1..=4).map(move |vectors| (rows, vectors))) {
            let tail = 1 + rng.below(lanes.count()) as u8;
            let program = tile(lanes, rows, vectors, tail);
            for k in [0, 1, 2, 17] {
                let mut floats = |n_bytes: i32| {
                    let word = |_| ((rng.below(2001) as f32 - 1000.0) * 1e-3).to_le_bytes();
                    Arg::Bytes((0..n_bytes / 4).flat_map(word).collect())
                };
                let row = vectors * lanes.bytes() as i32;
                let cut = (lanes.count() as i32 - i32::from(tail)) * 4;
                let args = [
                    floats(rows * A_ROW),
                    floats(k * row),
                    floats(row - cut),
                    floats(rows * row - cut),
                    Arg::Count(k as u64),
                ];
                check(&program, &args, &format!("{lanes:?}, {rows}×{vectors}, tail {tail}, k = {k}"));
            }
        }
    }
}

/// The instructions of the loop of a tile.
fn loop_of(program: &Program) -> Vec<String> {
    let encoded = encode(program).expect("a valid program");
    let text = disassemble(&encoded);
    let (end, jump) = text.iter().find(|(_, text)| text.starts_with("jne")).expect("a loop");
    let target = jump.trim_start_matches("jne ").trim_end_matches('h');
    let start = usize::from_str_radix(target, 16).expect("the offset of the loop's head");
    let lines = text.iter().filter(|(offset, _)| (start..=*end).contains(offset));
    lines.map(|(_, text)| text.clone()).collect()
}

#[test]
fn hot_loops_hold_nothing_but_the_work() {
    // Lanes, rows, vectors; per row a broadcast, but in tiles of one vector at 512 bits, where it is part of the fma.
    for (lanes, rows, vectors, n_loads) in [
        (Lanes::L16, 12, 2, 2 + 12),
        (Lanes::L16, 14, 1, 1),
        (Lanes::L8, 6, 2, 2 + 6),
        (Lanes::L8, 4, 3, 3 + 4),
    ] {
        let text = loop_of(&tile(lanes, rows, vectors, 1));
        let count = |name: &str| text.iter().filter(|text| text.starts_with(name)).count() as i32;
        let context = format!("{lanes:?}, {rows}×{vectors}: {text:#?}");
        assert_eq!(count("vfmadd231ps"), rows * vectors, "{context}");
        assert_eq!(count("vmovups") + count("vbroadcastss"), n_loads, "{context}");
        // Two pointers, the count, the jump.
        assert_eq!(text.len() as i32, rows * vectors + n_loads + 4, "{context}");
    }
}
