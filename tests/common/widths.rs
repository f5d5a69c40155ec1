//! The widths of vectors that this CPU has.

use dl::Network;

/// 4, and 8 and 16 where the CPU has them; those left out are named on standard error.
pub fn widths() -> impl Iterator<Item = usize> {
    [4, 8, 16].into_iter().filter(|&lanes| {
        let built = Network::parse("< dense(1, 1) >").expect("a network").lanes(lanes).build();
        built.inspect_err(|error| eprintln!("skipped: {error}")).is_ok()
    })
}
