//! Encoded programs do what the interpreter does.

mod ops;
mod pressure;
mod tiles;

use super::testing::{check, widths};
use super::{EncodeError, encode};
use crate::vector::random::Case;
use crate::vector::{Lanes, ProgramBuilder};

#[test]
fn random_programs_run_as_interpreted() {
    for lanes in widths() {
        for seed in 0..1000 {
            let case = Case::random(seed, lanes);
            check(&case.program, &case.args, &format!("{lanes:?}, seed {seed}"));
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
