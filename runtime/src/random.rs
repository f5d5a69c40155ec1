//! Random numbers from a counter: what comes out depends on the seed, the stream, the step and the element, and on nothing
//! else. There is no state to carry along, and any element can be had alone.
//!
//! The generator is Philox4x32-10 of Salmon, Moraes, Dror and Shaw, “Parallel random numbers: as easy as 1, 2, 3” (SC 2011).
//! Only integer arithmetic, `+ − × ÷` and square roots are used, so the numbers are the same on every machine.

use std::f64::consts::{LN_2, PI, SQRT_2};

/// The Philox4x32-10 bijection: four words of a counter, encrypted by two words of a key.
pub fn philox(counter: [u32; 4], key: [u32; 2]) -> [u32; 4] {
    const MULTIPLIERS: [u32; 2] = [0xD251_1F53, 0xCD9E_8D57];
    const WEYL: [u32; 2] = [0x9E37_79B9, 0xBB67_AE85];
    let ([mut a, mut b, mut c, mut d], [mut k, mut l]) = (counter, key);
    for _ in 0..10 {
        let (low_a, high_a) = multiply(MULTIPLIERS[0], a);
        let (low_c, high_c) = multiply(MULTIPLIERS[1], c);
        [a, b, c, d] = [high_c ^ b ^ k, low_c, high_a ^ d ^ l, low_a];
        (k, l) = (k.wrapping_add(WEYL[0]), l.wrapping_add(WEYL[1]));
    }
    [a, b, c, d]
}

/// The low and the high word of a product.
fn multiply(a: u32, b: u32) -> (u32, u32) {
    let product = u64::from(a) * u64::from(b);
    (product as u32, (product >> 32) as u32)
}

/// The numbers of streams: state tensors have those from 0, by slot.
pub mod streams {
    /// The order of examples in an epoch.
    pub const SHUFFLE: u32 = u32::MAX;
}

/// The random numbers of one purpose (a parameter, a dropout layer, shuffling) at one step, by element.
///
/// Element `e` is word `e mod 4` of the block with counter `[e / 4, stream, step, step >> 32]` under the key `[seed, seed >> 32]`,
/// all taken as 32-bit words. A stream has 2³⁴ elements, then repeats.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stream {
    key: [u32; 2],
    stream: u32,
    step: u64,
}

impl Stream {
    /// The numbers of this stream at this step.
    pub fn new(seed: u64, stream: u32, step: u64) -> Self {
        Stream { key: [seed as u32, (seed >> 32) as u32], stream, step }
    }

    /// 32 random bits.
    pub fn word(&self, element: u64) -> u32 {
        let counter = [(element / 4) as u32, self.stream, self.step as u32, (self.step >> 32) as u32];
        philox(counter, self.key)[(element % 4) as usize]
    }

    /// Uniform in [0, 1): a multiple of 2⁻²⁴, exact in `f32`.
    pub fn uniform(&self, element: u64) -> f32 {
        const UNIT: f32 = 1.0 / (1 << 24) as f32;
        (self.word(element) >> 8) as f32 * UNIT
    }

    /// Normal with mean 0 and variance 1, by the method of Box and Muller.
    ///
    /// Elements 2i and 2i+1 are √(−2 ln u)·cos 2πv and √(−2 ln u)·sin 2πv, where u in (0, 1] and v in [0, 1) are
    /// made of all 32 bits of words 2i and 2i+1.
    pub fn normal(&self, element: u64) -> f64 {
        const UNIT: f64 = 1.0 / (1u64 << 32) as f64;
        let first = element & !1;
        let u = (f64::from(self.word(first)) + 1.0) * UNIT;
        let v = f64::from(self.word(first | 1)) * UNIT;
        let (cos, sin) = cos_sin_turns(v);
        (-2.0 * ln(u)).sqrt() * if element == first { cos } else { sin }
    }

    /// An integer in [0, limit), from words 2·element and 2·element + 1; `limit` is positive.
    fn below(&self, element: u64, limit: usize) -> usize {
        let bits = u64::from(self.word(2 * element)) << 32 | u64::from(self.word(2 * element + 1));
        ((u128::from(bits) * limit as u128) >> 64) as usize
    }

    /// Puts items in random order (Fisher and Yates), each order as likely as any other.
    pub fn shuffle<T>(&self, items: &mut [T]) {
        for last in (1..items.len()).rev() {
            items.swap(last, self.below(last as u64, last + 1));
        }
    }
}

/// ln x for normal x > 0, to a few units in the last place.
///
/// x = m·2ᵉ with m in [√½, √2); ln m = 2 artanh s with s = (m−1)/(m+1), |s| < 0.172, as a power series.
fn ln(x: f64) -> f64 {
    const MANTISSA: u64 = (1 << 52) - 1;
    const ONE: u64 = 1023 << 52;
    let mut exponent = ((x.to_bits() >> 52) as i32 - 1023) as f64;
    let mut m = f64::from_bits(x.to_bits() & MANTISSA | ONE);
    if m >= SQRT_2 {
        m *= 0.5;
        exponent += 1.0;
    }
    let s = (m - 1.0) / (m + 1.0);
    let series = (0..11).rev().fold(0.0, |sum, term| sum * (s * s) + 1.0 / f64::from(2 * term + 1));
    exponent * LN_2 + 2.0 * s * series
}

/// cos 2πv and sin 2πv for v in [0, 1), to a few units in the last place of 1.
///
/// v is a quarter turn q plus a rest of at most an eighth of a turn either way, for which Taylor's series are summed.
fn cos_sin_turns(v: f64) -> (f64, f64) {
    let quarter = (4.0 * v + 0.5).floor();
    let angle = (v - 0.25 * quarter) * (2.0 * PI);
    let square = angle * angle;
    // Σ (−x²)ᵏ / (2k)! and x Σ (−x²)ᵏ / (2k+1)!, from the last term to the first.
    let series = |odd: i32| {
        (1..10).rev().fold(1.0, |sum, k| 1.0 - sum * square / f64::from((2 * k + odd - 1) * (2 * k + odd)))
    };
    let (cos, sin) = (series(0), angle * series(1));
    match quarter as u32 % 4 {
        0 => (cos, sin),
        1 => (-sin, cos),
        2 => (-cos, -sin),
        _ => (sin, -cos),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// From the known-answer tests of the authors' Random123 library.
    #[test]
    fn philox_gives_the_published_answers() {
        let cases = [
            ([0; 4], [0; 2], [0x6627_e8d5, 0xe169_c58d, 0xbc57_ac4c, 0x9b00_dbd8]),
            ([u32::MAX; 4], [u32::MAX; 2], [0x408f_276d, 0x41c8_3b0e, 0xa20b_c7c6, 0x6d54_51fd]),
            (
                [0x243f_6a88, 0x85a3_08d3, 0x1319_8a2e, 0x0370_7344],
                [0xa409_3822, 0x299f_31d0],
                [0xd16c_fe09, 0x94fd_cceb, 0x5001_e420, 0x2412_6ea1],
            ),
        ];
        for (counter, key, expected) in cases {
            assert_eq!(philox(counter, key), expected);
        }
    }

    #[test]
    fn the_counter_is_laid_out_as_documented() {
        let stream = Stream::new(0x299f_31d0_a409_3822, 0x85a3_08d3, 0x0370_7344_1319_8a2e);
        let first = 4 * 0x243f_6a88;
        let words = [0, 1, 2, 3].map(|word| stream.word(first + word));
        assert_eq!(words, [0xd16c_fe09, 0x94fd_cceb, 0x5001_e420, 0x2412_6ea1]);
    }

    #[test]
    fn seed_stream_step_and_element_all_matter() {
        let words = [
            Stream::new(1, 2, 3).word(4),
            Stream::new(2, 2, 3).word(4),
            Stream::new(1 << 32 | 1, 2, 3).word(4),
            Stream::new(1, 3, 3).word(4),
            Stream::new(1, 2, 4).word(4),
            Stream::new(1, 2, 1 << 32 | 3).word(4),
            Stream::new(1, 2, 3).word(5),
            Stream::new(1, 2, 3).word(8),
        ];
        for (index, word) in words.iter().enumerate() {
            assert!(!words[..index].contains(word));
        }
    }

    #[test]
    fn uniforms_are_in_range_and_have_the_right_moments() {
        let stream = Stream::new(1, 0, 0);
        let n = 100_000;
        let values: Vec<f64> = (0..n).map(|element| f64::from(stream.uniform(element))).collect();
        assert!(values.iter().all(|value| (0.0..1.0).contains(value)));
        let mean = values.iter().sum::<f64>() / n as f64;
        let variance = values.iter().map(|value| (value - mean) * (value - mean)).sum::<f64>() / n as f64;
        assert!((mean - 0.5).abs() < 0.004 && (variance - 1.0 / 12.0).abs() < 0.002, "{mean} {variance}");
    }

    #[test]
    fn normals_have_the_right_moments() {
        let stream = Stream::new(1, 0, 0);
        let n = 100_000;
        let values: Vec<f64> = (0..n).map(|element| stream.normal(element)).collect();
        let moment = |power: i32| values.iter().map(|value| value.powi(power)).sum::<f64>() / n as f64;
        assert!(moment(1).abs() < 0.013 && (moment(2) - 1.0).abs() < 0.02, "{} {}", moment(1), moment(2));
        assert!(moment(3).abs() < 0.04 && (moment(4) - 3.0).abs() < 0.12, "{} {}", moment(3), moment(4));
        let pairs = values.chunks(2).map(|pair| pair[0] * pair[1]).sum::<f64>() / (n / 2) as f64;
        assert!(pairs.abs() < 0.018, "{pairs}");
    }

    /// The same bits on every machine: these were computed once.
    #[test]
    fn normals_have_the_same_bits_everywhere() {
        let bits = |element| (Stream::new(7, 1, 2).normal(element)).to_bits();
        assert_eq!(
            [bits(0), bits(1), bits(2), bits(1001)],
            [0xbfd9_eed0_81de_b261, 0x3fef_737a_3361_9dc2, 0xbfc1_d861_b602_aff0, 0x3ffd_73bb_7be8_2d10]
        );
    }

    #[test]
    fn functions_agree_with_the_system_library() {
        for i in 1..20_000 {
            let x = f64::from(i) / 20_000.0;
            for scale in [1.0, 1e-9] {
                let (found, expected) = (ln(x * scale), (x * scale).ln());
                assert!((found - expected).abs() <= 4.0 * f64::EPSILON * expected.abs(), "ln {}", x * scale);
            }
            let (cos, sin) = cos_sin_turns(x);
            let angle = 2.0 * PI * x;
            assert!((cos - angle.cos()).abs() < 2e-15 && (sin - angle.sin()).abs() < 2e-15, "{x}");
        }
        assert_eq!((ln(1.0), cos_sin_turns(0.0), cos_sin_turns(0.25)), (0.0, (1.0, 0.0), (-0.0, 1.0)));
    }

    #[test]
    fn shuffling_reaches_every_order_about_as_often() {
        let mut counts = std::collections::BTreeMap::new();
        for step in 0..6000 {
            let mut items = [0, 1, 2];
            Stream::new(3, 0, step).shuffle(&mut items);
            *counts.entry(items).or_insert(0) += 1;
        }
        assert_eq!(counts.len(), 6);
        assert!(counts.values().all(|count| (850..1150).contains(count)), "{counts:?}");
        let mut nothing: [u8; 0] = [];
        Stream::new(3, 0, 0).shuffle(&mut nothing);
    }
}
