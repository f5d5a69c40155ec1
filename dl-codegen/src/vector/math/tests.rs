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

/// Asserts an error in ULP on values of all exponents, and more densely on `[low, high]`, where the function bends.
/// Limits are just above what the functions reach here, so that a slip in a coefficient shows.
fn assert_accurate(function: Function, truth: Truth, [low, high]: [f32; 2], limit: f64) {
    const N_DENSE: usize = 150_000;
    let dense = (0..=N_DENSE).map(|i| low + (high - low) * (i as f32 / N_DENSE as f32));
    let xs: Vec<f32> = all_exponents(18_041).chain(dense).collect();
    assert_within(function, truth, &xs, limit);
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
fn exp_is_accurate() {
    assert_accurate(exp, f64::exp, [-105.0, 90.0], 0.95);
    assert_exact(
        exp,
        &[(0.0, 1.0), (-0.0, 1.0), (INF, INF), (-INF, 0.0), (NAN, NAN), (-104.0, 0.0), (89.0, INF)],
    );
    // The last finite result, and the first and last subnormal ones.
    assert_within(exp, f64::exp, &[88.722_83, 88.722_84, -87.336_55, -103.97, -103.972_07], 1.0);
    assert_keeps_nan(exp);
}

#[test]
fn expm1_is_accurate() {
    assert_accurate(expm1, f64::exp_m1, [-20.0, 2.0], 1.55);
    assert_exact(
        expm1,
        &[(0.0, 0.0), (-0.0, -0.0), (INF, INF), (-INF, -1.0), (NAN, NAN), (1e-45, 1e-45), (-3e-45, -3e-45)],
    );
    assert_within(expm1, f64::exp_m1, &[88.0, 88.722_83, 88.722_84, 89.0, 100.0], 1.0);
    assert_keeps_nan(expm1);
}

#[test]
fn log_is_accurate() {
    assert_accurate(log, f64::ln, [0.3, 3.0], 0.9);
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
fn log1p_is_accurate() {
    assert_accurate(log1p, f64::ln_1p, [-1.0, 3.0], 1.4);
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
fn tanh_is_accurate() {
    assert_accurate(tanh, f64::tanh, [-10.0, 10.0], 1.4);
    assert_exact(tanh, &[(0.0, 0.0), (-0.0, -0.0), (INF, 1.0), (-INF, -1.0), (NAN, NAN), (-1e-45, -1e-45)]);
    assert_keeps_nan(tanh);
}

#[test]
fn erf_is_accurate() {
    assert_accurate(erf, erf_f64, [-5.0, 5.0], 1.1);
    assert_exact(erf, &[(0.0, 0.0), (-0.0, -0.0), (INF, 1.0), (-INF, -1.0), (NAN, NAN), (1e-45, 1e-45)]);
    assert_keeps_nan(erf);
}

#[test]
fn logistic_is_accurate() {
    assert_accurate(logistic, logistic_f64, [-105.0, 20.0], 1.9);
    assert_exact(logistic, &[(0.0, 0.5), (-0.0, 0.5), (INF, 1.0), (-INF, 0.0), (NAN, NAN), (200.0, 1.0)]);
    assert_keeps_nan(logistic);
}

#[test]
fn softplus_is_accurate() {
    assert_accurate(softplus, softplus_f64, [-105.0, 20.0], 1.9);
    assert_exact(softplus, &[(INF, INF), (-INF, 0.0), (NAN, NAN), (200.0, 200.0), (-200.0, 0.0)]);
    assert_keeps_nan(softplus);
}

#[test]
#[ignore = "all 2^32 arguments of eight functions: an hour on one core, with --release"]
fn all_arguments_are_accurate() {
    const CHUNK: u32 = 1 << 20;
    let functions: [(&str, Function, Truth); 8] = [
        ("exp", exp, f64::exp),
        ("expm1", expm1, f64::exp_m1),
        ("log", log, f64::ln),
        ("log1p", log1p, f64::ln_1p),
        ("tanh", tanh, f64::tanh),
        ("erf", erf, erf_f64),
        ("logistic", logistic, logistic_f64),
        ("softplus", softplus, softplus_f64),
    ];
    for (name, function, truth) in functions {
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
