//! Encoded programs do what the interpreter does.

mod carried;
mod code;
mod ops;
mod pressure;
mod tiles;

use super::avx2::AVX2;
use super::avx512::AVX512;
use super::target::Target;
use super::testing::{check, check_encoded, widths};
use super::{EncodeError, encode, encode_for};
use crate::vector::random::Case;
use crate::vector::{Lanes, ProgramBuilder};

#[test]
fn random_programs_run_as_interpreted() {
    for lanes in widths() {
        for seed in 0..500 {
            let case = Case::random(seed, lanes);
            check(&case.program, &case.args, &format!("{lanes:?}, seed {seed}"));
        }
    }
}

/// Random programs need no more registers than there are; with few registers they do.
#[test]
fn random_programs_run_with_few_registers() {
    for lanes in widths() {
        let target = match lanes {
            Lanes::L16 => Target { n_vectors: 6, ..AVX512 },
            _ => Target { n_vectors: 6, ..AVX2 },
        };
        for seed in 0..300 {
            let Case { program, args } = Case::random(seed, lanes);
            let encoded = encode_for(&target, &program).expect("a valid program");
            check_encoded(&encoded, &program, &args, &format!("{lanes:?}, seed {seed}"));
        }
    }
}

#[test]
fn four_lanes_are_refused() {
    let program = ProgramBuilder::new(Lanes::L4).finish();
    assert!(matches!(encode(&program), Err(EncodeError::Lanes { lanes: Lanes::L4 })));
}

#[test]
fn invalid_programs_are_refused() {
    let mut program = ProgramBuilder::new(Lanes::L8).finish();
    program.n_values = 1;
    assert!(matches!(encode(&program), Err(EncodeError::Invalid(_))));
}
