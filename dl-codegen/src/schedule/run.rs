//! Runs of words that are filled or copied.

use crate::target::Target;
use crate::vector::reduce::VIRTUAL_LANES;
use crate::vector::{Address, Count, Program, ProgramBuilder};

/// What a run of words becomes.
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum Fill {
    /// This number.
    Number(f32),
    /// As many others.
    Copy,
}

/// Fills a run of so many words. Its arguments are the run's first word, and before it the first of those that are copied.
pub fn run(target: Target, elements: usize, fill: Fill) -> Program {
    let mut b = ProgramBuilder::new(target.lanes);
    let from = (fill == Fill::Copy).then(|| b.arg());
    let to = b.arg();
    let number = match fill {
        Fill::Number(number) => Some(b.f32(number)),
        Fill::Copy => None,
    };
    let write = |b: &mut ProgramBuilder, vector: usize, step: i32, count: usize| {
        let at = |arg| Address { arg, offset: (vector * target.lanes.bytes()) as i32, step };
        let value = number.or_else(|| Some(b.load_tail(at(from?), count as u8)));
        b.store_tail(at(to), value.expect("a number, or words to copy"), count as u8);
    };
    let lanes = target.lanes.count();
    let (blocks, per_block) = (elements / VIRTUAL_LANES, VIRTUAL_LANES / lanes);
    if blocks > 0 {
        b.begin_loop(Count::Static(blocks as u32), &[]);
        (0..per_block).for_each(|vector| write(&mut b, vector, 4 * VIRTUAL_LANES as i32, lanes));
        b.end_loop(&[]);
    }
    for vector in blocks * per_block..elements.div_ceil(lanes) {
        write(&mut b, vector, 0, (elements - vector * lanes).min(lanes));
    }
    b.finish()
}
