//! Initial values of parameters, the same bits on every machine.

use crate::random::Stream;

/// How a parameter begins. Fans are the numbers of inputs and outputs that a weight connects.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Init {
    /// All 0.
    Zeros,
    /// All 1.
    Ones,
    /// All this value.
    Constant(f32),
    /// Uniform in ±√(6 / (fan_in + fan_out)) (Glorot and Bengio 2010).
    GlorotUniform {
        /// Inputs.
        fan_in: usize,
        /// Outputs.
        fan_out: usize,
    },
    /// Normal with variance 2 / (fan_in + fan_out).
    GlorotNormal {
        /// Inputs.
        fan_in: usize,
        /// Outputs.
        fan_out: usize,
    },
    /// Uniform in ±√(6 / fan_in) (He et al. 2015).
    HeUniform {
        /// Inputs.
        fan_in: usize,
    },
    /// Normal with variance 2 / fan_in.
    HeNormal {
        /// Inputs.
        fan_in: usize,
    },
    /// Uniform in ±limit.
    Uniform {
        /// The limit.
        limit: f32,
    },
    /// Orthonormal rows, or columns where there are more rows than columns; uniform among such matrices.
    Orthogonal {
        /// Rows.
        rows: usize,
        /// Columns.
        cols: usize,
    },
    /// The bias of an LSTM, gates i, f, g, o: 1 for the forget gate's `hidden` values, 0 for the others.
    LstmBias {
        /// The number of hidden units.
        hidden: usize,
    },
}

/// The initial values of a parameter of this shape, row-major.
///
/// `stream` tells parameters apart.
///
/// # Panics
/// If the shape has another number of elements than an [`Orthogonal`](Init::Orthogonal) matrix.
pub fn fill(init: Init, seed: u64, stream: u32, shape: &[usize]) -> Vec<f32> {
    let len: usize = shape.iter().product();
    let random = Stream::new(seed, stream, 0);
    let uniform = |limit: f64| {
        let value = |element| (2.0 * f64::from(random.uniform(element)) - 1.0) * limit;
        (0..len as u64).map(|element| value(element) as f32).collect()
    };
    let normal = |variance: f64| {
        let deviation = variance.sqrt();
        (0..len as u64).map(|element| (random.normal(element) * deviation) as f32).collect()
    };
    match init {
        Init::Zeros => vec![0.0; len],
        Init::Ones => vec![1.0; len],
        Init::Constant(value) => vec![value; len],
        Init::GlorotUniform { fan_in, fan_out } => uniform((6.0 / (fan_in as f64 + fan_out as f64)).sqrt()),
        Init::GlorotNormal { fan_in, fan_out } => normal(2.0 / (fan_in as f64 + fan_out as f64)),
        Init::HeUniform { fan_in } => uniform((6.0 / fan_in as f64).sqrt()),
        Init::HeNormal { fan_in } => normal(2.0 / fan_in as f64),
        Init::Uniform { limit } => uniform(f64::from(limit)),
        Init::Orthogonal { rows, cols } => {
            assert_eq!(rows * cols, len, "elements of an orthogonal matrix of shape {shape:?}");
            orthogonal(&random, rows, cols)
        }
        Init::LstmBias { hidden } => {
            (0..len).map(|unit| if (hidden..2 * hidden).contains(&unit) { 1.0 } else { 0.0 }).collect()
        }
    }
}

/// Orthonormalises random normal vectors one after the other: as many as the shorter side, as long as the longer one.
fn orthogonal(random: &Stream, rows: usize, cols: usize) -> Vec<f32> {
    let (count, len) = (rows.min(cols), rows.max(cols));
    let mut basis: Vec<Vec<f64>> = Vec::with_capacity(count);
    for vector in 0..count {
        let element = |index: usize| random.normal((vector * len + index) as u64);
        let mut next: Vec<f64> = (0..len).map(element).collect();
        // Twice, since once leaves errors of the size of what was taken away (Giraud et al. 2005).
        for _ in 0..2 {
            for earlier in &basis {
                let along = dot(earlier, &next);
                next.iter_mut().zip(earlier).for_each(|(value, unit)| *value -= along * unit);
            }
        }
        let norm = dot(&next, &next).sqrt();
        next.iter_mut().for_each(|value| *value /= norm);
        basis.push(next);
    }
    let by_rows = rows <= cols;
    let at = |index: usize| {
        let (row, col) = (index / cols, index % cols);
        if by_rows { basis[row][col] } else { basis[col][row] }
    };
    (0..rows * cols).map(|index| at(index) as f32).collect()
}

/// The dot product in eight sums, for speed; the order of additions is fixed.
fn dot(a: &[f64], b: &[f64]) -> f64 {
    let (a, a_rest) = a.as_chunks::<8>();
    let (b, b_rest) = b.as_chunks::<8>();
    let mut sums = [0.0; 8];
    for (a, b) in a.iter().zip(b) {
        for lane in 0..8 {
            sums[lane] += a[lane] * b[lane];
        }
    }
    let rest = a_rest.iter().zip(b_rest).map(|(a, b)| a * b);
    sums.into_iter().chain(rest).fold(0.0, |sum, term| sum + term)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn moments(values: &[f32]) -> (f64, f64) {
        let n = values.len() as f64;
        let mean = values.iter().map(|&value| f64::from(value)).sum::<f64>() / n;
        (mean, values.iter().map(|&value| (f64::from(value) - mean).powi(2)).sum::<f64>() / n)
    }

    #[test]
    fn constants() {
        assert_eq!(fill(Init::Zeros, 1, 0, &[2, 2]), [0.0; 4]);
        assert_eq!(fill(Init::Ones, 1, 0, &[3]), [1.0; 3]);
        assert_eq!(fill(Init::Constant(2.5), 1, 0, &[2]), [2.5; 2]);
        assert_eq!(fill(Init::LstmBias { hidden: 2 }, 1, 0, &[8]), [0.0, 0.0, 1.0, 1.0, 0.0, 0.0, 0.0, 0.0]);
    }

    #[test]
    fn uniforms_fill_their_interval() {
        let cases = [
            (Init::GlorotUniform { fan_in: 100, fan_out: 50 }, 0.2f32),
            (Init::HeUniform { fan_in: 150 }, 0.2),
            (Init::Uniform { limit: 0.05 }, 0.05),
        ];
        for (init, limit) in cases {
            let values = fill(init, 1, 0, &[100, 200]);
            let largest = values.iter().fold(0.0, |so_far: f32, value| so_far.max(value.abs()));
            assert!(largest <= limit && largest > 0.999 * limit, "{init:?}: {largest}");
            let (mean, variance) = moments(&values);
            let expected = f64::from(limit).powi(2) / 3.0;
            assert!(
                mean.abs() < 0.02 * f64::from(limit) && (variance / expected - 1.0).abs() < 0.03,
                "{init:?}"
            );
        }
    }

    #[test]
    fn normals_have_their_variance() {
        let cases = [
            (Init::GlorotNormal { fan_in: 100, fan_out: 60 }, 0.0125),
            (Init::HeNormal { fan_in: 50 }, 0.04),
        ];
        for (init, expected) in cases {
            let (mean, variance) = moments(&fill(init, 1, 0, &[100, 200]));
            assert!(mean.abs() < 0.01 && (variance / expected - 1.0).abs() < 0.04, "{init:?}: {variance}");
        }
    }

    #[test]
    fn orthogonal_matrices_are() {
        for (rows, cols) in [(1, 1), (8, 32), (32, 8), (17, 17)] {
            let values = fill(Init::Orthogonal { rows, cols }, 1, 0, &[rows, cols]);
            let (count, len) = (rows.min(cols), rows.max(cols));
            let at = |vector: usize, index: usize| {
                let at = if rows <= cols { vector * cols + index } else { index * cols + vector };
                f64::from(values[at])
            };
            for a in 0..count {
                for b in 0..count {
                    let dot: f64 = (0..len).map(|index| at(a, index) * at(b, index)).sum();
                    let expected = if a == b { 1.0 } else { 0.0 };
                    assert!((dot - expected).abs() < 1e-6, "{rows}×{cols}: {a}·{b} = {dot}");
                }
            }
        }
    }

    #[test]
    fn parameters_and_seeds_differ_and_repeat() {
        let init = Init::GlorotUniform { fan_in: 3, fan_out: 3 };
        let values = fill(init, 1, 0, &[3, 3]);
        assert_eq!(values, fill(init, 1, 0, &[3, 3]));
        assert_ne!(values, fill(init, 1, 1, &[3, 3]));
        assert_ne!(values, fill(init, 2, 0, &[3, 3]));
    }

    /// The same bits on every machine: these were computed once.
    #[test]
    fn values_have_the_same_bits_everywhere() {
        let bits = |init| fill(init, 7, 1, &[3, 3]).iter().map(|value| value.to_bits()).fold(0u32, mix);
        let mixed = [
            bits(Init::GlorotUniform { fan_in: 3, fan_out: 3 }),
            bits(Init::HeNormal { fan_in: 3 }),
            bits(Init::Orthogonal { rows: 3, cols: 3 }),
        ];
        assert_eq!(mixed, [506565010, 221378987, 1142703788]);
    }

    fn mix(hash: u32, bits: u32) -> u32 {
        (hash.rotate_left(5) ^ bits).wrapping_mul(0x9E37_79B9)
    }
}
