//! Every function against f64: ULP over all exponents, special values to the bit.

use super::*;
use crate::emit::testing::Compiled;
use crate::vector::interp::Arg;
use crate::vector::random::words;
use crate::vector::{Address, Count, Lanes};

type Function = fn(&mut ProgramBuilder, Value) -> Value;
type Truth = fn(f64) -> f64;

const INF: f32 = f32::INFINITY;
const NAN: f32 = f32::NAN;

/// Applies a function to each argument, at 128 bits.
fn apply(function: Function, xs: &[f32]) -> Vec<f32> {
    let mut b = ProgramBuilder::new(Lanes::L4);
    let (input, output, count) = (b.arg(), b.arg(), b.arg());
    b.begin_loop(Count::Arg(count), &[]);
    let x = b.load(Address { arg: input, offset: 0, step: 16 });
    let y = function(&mut b, x);
    b.store(Address { arg: output, offset: 0, step: 16 }, y);
    b.end_loop(&[]);
    let n_vectors = xs.len().div_ceil(4);
    let mut bytes: Vec<u8> = xs.iter().flat_map(|x| x.to_le_bytes()).collect();
    bytes.resize(16 * n_vectors, 0);
    let mut args = [Arg::Bytes(bytes.clone()), Arg::Bytes(bytes), Arg::Count(n_vectors as u64)];
    Compiled::new(&b.finish()).run(&mut args);
    let Arg::Bytes(bytes) = &args[1] else { panic!("still bytes") };
    words(bytes).take(xs.len()).map(f32::from_bits).collect()
}

/// The distance of a result from the true value, in units of the last place that f32 has there.
fn ulp_error(found: f32, truth: f64) -> f64 {
    if found.is_nan() || truth.is_nan() {
        return if found.is_nan() && truth.is_nan() { 0.0 } else { f64::INFINITY };
    }
    // ∞ counts as the first value that is too large.
    let limit = 2.0_f64.powi(128);
    let (found, truth) = (f64::from(found).clamp(-limit, limit), truth.clamp(-limit, limit));
    let exponent = (truth.abs().to_bits() >> 52) as i32 - 1023;
    (found - truth).abs() / 2.0_f64.powi(exponent.clamp(-126, 127) - 23)
}

/// f32 values of all exponents and both signs: each `stride`-th bit pattern.
fn all_exponents(stride: usize) -> impl Iterator<Item = f32> {
    (0..=u32::MAX).step_by(stride).map(f32::from_bits)
}

/// A function, what it should be, where it bends, and how many ULP it may be off: just above what it is, so that a slip in a
/// coefficient shows.
const FUNCTIONS: [(&str, Function, Truth, [f32; 2], f64); 8] = [
    ("exp", exp, f64::exp, [-105.0, 90.0], 0.95),
    ("expm1", expm1, f64::exp_m1, [-20.0, 2.0], 1.55),
    ("log", log, f64::ln, [0.3, 3.0], 0.9),
    ("log1p", log1p, f64::ln_1p, [-1.0, 3.0], 1.4),
    ("tanh", tanh, f64::tanh, [-10.0, 10.0], 1.4),
    ("erf", erf, erf_f64, [-5.0, 5.0], 1.1),
    ("logistic", logistic, logistic_f64, [-105.0, 20.0], 1.9),
    ("softplus", softplus, softplus_f64, [-105.0, 20.0], 1.9),
];

/// Prints the largest error of each: `cargo test -p dl-codegen functions_are_accurate -- --nocapture`.
#[test]
fn functions_are_accurate() {
    const N_DENSE: usize = 150_000;
    for (name, function, truth, [low, high], limit) in FUNCTIONS {
        let dense = (0..=N_DENSE).map(|i| low + (high - low) * (i as f32 / N_DENSE as f32));
        let xs: Vec<f32> = all_exponents(18_041).chain(dense).collect();
        let (worst, x) = worst(function, truth, &xs);
        println!("{name}: {worst:.2} ULP at {x:e}");
        assert!(worst <= limit, "{name}: {worst:.3} ULP at {x:e}: {:e}", apply(function, &[x])[0]);
    }
}

fn assert_within(function: Function, truth: Truth, xs: &[f32], limit: f64) {
    let (worst, x) = worst(function, truth, xs);
    assert!(worst <= limit, "{worst:.3} ULP at {x:e}: {:e}", apply(function, &[x])[0]);
}

/// The largest error in ULP, and where it is.
fn worst(function: Function, truth: Truth, xs: &[f32]) -> (f64, f32) {
    let errors = xs.iter().zip(apply(function, xs)).map(|(&x, y)| (ulp_error(y, truth(f64::from(x))), x));
    errors.max_by(|(a, _), (b, _)| a.total_cmp(b)).expect("there are arguments")
}

/// Asserts results to the bit (any NaN for NaN).
fn assert_exact(function: Function, cases: &[(f32, f32)]) {
    let xs: Vec<f32> = cases.iter().map(|&(x, _)| x).collect();
    for (&(x, expected), found) in cases.iter().zip(apply(function, &xs)) {
        let same = expected.to_bits() == found.to_bits() || (expected.is_nan() && found.is_nan());
        assert!(same, "f({x:e}) is {found:e}, expected {expected:e}");
    }
}

/// NaN with every position of a single payload bit, of both signs, must stay NaN.
fn assert_keeps_nan(function: Function) {
    let quiet = (0..22).map(|bit| 0x7fc0_0000 | 1 << bit);
    let nans: Vec<f32> = quiet.flat_map(|bits| [bits, bits | 1 << 31]).map(f32::from_bits).collect();
    assert!(apply(function, &nans).iter().all(|y| y.is_nan()));
}

fn logistic_f64(x: f64) -> f64 {
    1.0 / (1.0 + (-x).exp())
}

fn softplus_f64(x: f64) -> f64 {
    x.max(0.0) + (-x.abs()).exp().ln_1p() + if x.is_nan() { x } else { 0.0 }
}

/// erf x = 2/√π · exp(−x²) · Σ 2ⁿ·x²ⁿ⁺¹/(2n+1)!!, whose terms are all positive; 1 to f64 from 6 on.
fn erf_f64(x: f64) -> f64 {
    if x.abs() >= 6.0 {
        return x.signum();
    }
    let (mut term, mut sum, mut odd) = (x, x, 1.0);
    while term.abs() > 1e-18 * sum.abs() {
        odd += 2.0;
        term *= 2.0 * x * x / odd;
        sum += term;
    }
    std::f64::consts::FRAC_2_SQRT_PI * (-x * x).exp() * sum
}

#[test]
fn truth_of_erf() {
    // Abramowitz and Stegun, table 7.1.
    for (x, erf) in [(0.5, 0.520_499_877_8), (1.0, 0.842_700_792_9), (2.0, 0.995_322_265_0)] {
        assert!((erf_f64(x) - erf).abs() < 1e-10);
    }
}

#[test]
fn special_values_of_exp() {
    assert_exact(
        exp,
        &[(0.0, 1.0), (-0.0, 1.0), (INF, INF), (-INF, 0.0), (NAN, NAN), (-104.0, 0.0), (89.0, INF)],
    );
    // The last finite result, and the first and last subnormal ones.
    assert_within(exp, f64::exp, &[88.722_83, 88.722_84, -87.336_55, -103.97, -103.972_07], 1.0);
    assert_keeps_nan(exp);
}

#[test]
fn special_values_of_expm1() {
    assert_exact(
        expm1,
        &[(0.0, 0.0), (-0.0, -0.0), (INF, INF), (-INF, -1.0), (NAN, NAN), (1e-45, 1e-45), (-3e-45, -3e-45)],
    );
    assert_within(expm1, f64::exp_m1, &[88.0, 88.722_83, 88.722_84, 89.0, 100.0], 1.0);
    assert_keeps_nan(expm1);
}

#[test]
fn special_values_of_log() {
    assert_exact(
        log,
        &[
            (1.0, 0.0),
            (0.0, -INF),
            (-0.0, -INF),
            (-1.0, NAN),
            (-1e-45, NAN),
            (-INF, NAN),
            (INF, INF),
            (NAN, NAN),
        ],
    );
    assert_within(log, f64::ln, &[1e-45, 1e-40, f32::MIN_POSITIVE, f32::MAX], 1.0);
    assert_keeps_nan(log);
}

#[test]
fn special_values_of_log1p() {
    assert_exact(
        log1p,
        &[
            (0.0, 0.0),
            (-0.0, -0.0),
            (-1.0, -INF),
            (-1.000_000_1, NAN),
            (-INF, NAN),
            (INF, INF),
            (NAN, NAN),
            (1e-45, 1e-45),
            (-3e-45, -3e-45),
        ],
    );
    assert_within(log1p, f64::ln_1p, &[f32::MAX, 1.5e38, 3e38, 1e-38, -0.999_999_94], 1.0);
    assert_keeps_nan(log1p);
}

#[test]
fn special_values_of_tanh() {
    assert_exact(tanh, &[(0.0, 0.0), (-0.0, -0.0), (INF, 1.0), (-INF, -1.0), (NAN, NAN), (-1e-45, -1e-45)]);
    assert_keeps_nan(tanh);
}

#[test]
fn special_values_of_erf() {
    assert_exact(erf, &[(0.0, 0.0), (-0.0, -0.0), (INF, 1.0), (-INF, -1.0), (NAN, NAN), (1e-45, 1e-45)]);
    assert_keeps_nan(erf);
}

#[test]
fn special_values_of_logistic() {
    assert_exact(logistic, &[(0.0, 0.5), (-0.0, 0.5), (INF, 1.0), (-INF, 0.0), (NAN, NAN), (200.0, 1.0)]);
    assert_keeps_nan(logistic);
}

#[test]
fn special_values_of_softplus() {
    assert_exact(softplus, &[(INF, INF), (-INF, 0.0), (NAN, NAN), (200.0, 200.0), (-200.0, 0.0)]);
    assert_keeps_nan(softplus);
}

#[test]
#[ignore = "all 2^32 arguments of eight functions: an hour on one core, with --release"]
fn all_arguments_are_accurate() {
    const CHUNK: u32 = 1 << 20;
    for (name, function, truth, ..) in FUNCTIONS {
        let chunks = (0..=u32::MAX).step_by(CHUNK as usize);
        let errors = chunks.map(|start| {
            let xs: Vec<f32> = (start..=start + (CHUNK - 1)).map(f32::from_bits).collect();
            worst(function, truth, &xs)
        });
        let (worst, x) = errors.max_by(|(a, _), (b, _)| a.total_cmp(b)).expect("there are arguments");
        println!("{name}: {worst:.3} ULP at {x:e}");
        assert!(worst <= 2.0, "{name}: {worst:.3} ULP at {x:e}");
    }
}
