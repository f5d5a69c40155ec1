//! How far values are apart.

use crate::interp::Environment;
use crate::value::Value;

/// The error in L2 norm of each expected value, by name, relative to its norm or to `small`; what is missing is infinitely wrong.
pub fn named_errors(
    expected: &Environment,
    found: &Environment,
    small: f64,
) -> impl Iterator<Item = (String, f64)> {
    expected.iter().map(move |(name, value)| {
        let relative = found.get(name).map_or(f64::INFINITY, |found| relative_error(value, found, small));
        (name.clone(), relative)
    })
}

/// The largest of these errors.
pub fn worst<T>(errors: impl IntoIterator<Item = (T, f64)>) -> Option<(T, f64)> {
    errors.into_iter().max_by(|(_, a), (_, b)| a.total_cmp(b))
}

/// The error in L2 norm, relative to the norm of the expected or to `small`. It is infinite between different types, and where there is
/// no number, or an infinite one, in the place of another.
pub fn relative_error(expected: &Value, found: &Value, small: f64) -> f64 {
    distance(expected, found) / norm(expected).max(small)
}

/// The norm of the difference; infinite where [`relative_error`] is.
pub fn distance(expected: &Value, found: &Value) -> f64 {
    if (expected.dtype, &expected.shape) != (found.dtype, &found.shape) {
        return f64::INFINITY;
    }
    let is_same = |a: f64, b: f64| a == b || (a.is_nan() && b.is_nan());
    let pairs = expected.data.iter().zip(&found.data);
    let error = length(pairs.map(|(&a, &b)| if is_same(a, b) { 0.0 } else { b - a }));
    if error.is_finite() { error } else { f64::INFINITY }
}

/// The L2 norm of those elements that are finite.
pub fn norm(value: &Value) -> f64 {
    length(value.data.iter().copied().filter(|element| element.is_finite()))
}

fn length(elements: impl Iterator<Item = f64>) -> f64 {
    elements.map(|element| element * element).sum::<f64>().sqrt()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::DType;

    #[test]
    fn errors_are_relative() {
        let value = |data: &[f64]| Value::f32(&[data.len()], data.to_vec());
        let error = |expected: &[f64], found: &[f64]| relative_error(&value(expected), &value(found), 1e-3);
        assert_eq!(error(&[3.0, 4.0], &[3.0, 4.5]), 0.1);
        assert_eq!(error(&[0.0], &[1e-3]), 1.0);
        assert_eq!(error(&[f64::NAN, f64::INFINITY], &[f64::NAN, f64::INFINITY]), 0.0);
        for (expected, found) in
            [(1.0, f64::NAN), (f64::NAN, 1.0), (f64::INFINITY, 1.0), (1.0, -f64::INFINITY)]
        {
            assert_eq!(error(&[expected], &[found]), f64::INFINITY, "{expected} and {found}");
        }
        assert_eq!(error(&[1.0], &[1.0, 1.0]), f64::INFINITY);
        let integer = Value::new(DType::I32, vec![1], vec![1.0]);
        assert_eq!(relative_error(&value(&[1.0]), &integer, 1e-3), f64::INFINITY);
    }
}
