//! What the peers' programs in Rust share: the command line, the clock, and the line that they print.
use std::time::Instant;

/// The case named on the command line, `PROGRAM CASE SECONDS`, and the seconds.
pub fn case() -> (String, f64) {
    let mut args = std::env::args().skip(1);
    let (name, seconds) = (args.next().unwrap_or_default(), args.next().and_then(|text| text.parse().ok()));
    (name, seconds.unwrap_or(2.0))
}

/// The median time in microseconds of a training step that returns its loss.
pub fn step_us(seconds: f64, step: impl FnMut() -> f32) -> f64 {
    let (step_us, first, last) = median_us(seconds, step);
    assert!(last < first, "the loss went from {first} to {last}");
    step_us
}

/// The median time in microseconds of predicting one example. What is predicted is returned, so that it is computed.
pub fn predict1_us(seconds: f64, predict: impl FnMut() -> f32) -> f64 {
    median_us(0.4 * seconds, predict).0
}

/// Prints the line.
pub fn report(version: &str, step_us: f64, predict1_us: f64) {
    println!("{{\"version\":\"{version}\",\"step_us\":{step_us:.1},\"predict1_us\":{predict1_us:.1}}}");
}

/// The median time of a call in microseconds, after ten that do not count, and the first and the last value that was returned.
fn median_us(seconds: f64, mut call: impl FnMut() -> f32) -> (f64, f32, f32) {
    let first = call();
    for _ in 0..9 {
        call();
    }
    let (mut times, start, mut last) = (Vec::new(), Instant::now(), first);
    while times.len() < 3 || start.elapsed().as_secs_f64() < seconds {
        let before = Instant::now();
        last = call();
        times.push(before.elapsed().as_secs_f64() * 1e6);
    }
    times.sort_by(f64::total_cmp);
    (times[times.len() / 2], first, last)
}
