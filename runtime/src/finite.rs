//! Whether numbers are finite.

/// The bits of a number without its sign.
const MAGNITUDE: u32 = i32::MAX as u32;
/// One in the exponent's last place: it turns an exponent of all ones, which is that of infinities and NaN alone, into a sign.
const EXPONENT_ONE: u32 = 1 << 23;

/// Whether all values are finite: read once, without a branch for each.
pub fn all_finite(values: &[f32]) -> bool {
    let seen = values.iter().fold(0, |seen, value| seen | ((value.to_bits() & MAGNITUDE) + EXPONENT_ONE));
    seen & !MAGNITUDE == 0
}

/// The first value that is not finite, with its position.
pub fn first_not_finite(values: &[f32]) -> Option<(usize, f32)> {
    if all_finite(values) {
        return None;
    }
    values.iter().copied().enumerate().find(|(_, value)| !value.is_finite())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_what_is_not_finite_wherever_it_is() {
        let finite = [0.0, -0.0, 1.0, -1.0, f32::MAX, f32::MIN, f32::MIN_POSITIVE, f32::from_bits(1)];
        for len in 0..100 {
            let mut values: Vec<f32> = (0..len).map(|index| finite[index % finite.len()]).collect();
            assert!(all_finite(&values) && first_not_finite(&values).is_none());
            for index in (0..len).rev() {
                let signalling = f32::from_bits(f32::INFINITY.to_bits() + 1);
                let bad = [f32::NAN, -f32::NAN, f32::INFINITY, f32::NEG_INFINITY, signalling][index % 5];
                values[index] = bad;
                let (found, value) = first_not_finite(&values).expect("one is not finite");
                assert_eq!((found, value.to_bits()), (index, bad.to_bits()), "of {len}");
            }
        }
    }
}
