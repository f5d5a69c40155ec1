//! Between plain, row-major tensors and the layouts that kernels like.

use crate::arena::Word;
use crate::program::Layout;

/// The number of elements that a tensor of this plain shape takes in a layout; `None` if it does not fit a `usize`.
///
/// A panel layout sees the last axis as columns and all others as rows.
pub fn packed_len(layout: Layout, shape: &[usize]) -> Option<usize> {
    let (rows, columns) = matrix(shape)?;
    let columns = match layout {
        Layout::RowMajor => columns,
        Layout::Panel { width } => columns.checked_next_multiple_of(width)?,
    };
    rows.checked_mul(columns)
}

/// Copies a row-major tensor into a layout; missing columns become zeros.
///
/// # Panics
/// If `plain` or `packed` has another length than the shape and the layout say.
pub fn pack<T: Word>(layout: Layout, shape: &[usize], plain: &[T], packed: &mut [T]) {
    check(layout, shape, plain.len(), packed.len());
    let Layout::Panel { width } = layout else {
        return packed.copy_from_slice(plain);
    };
    for_each_panel_row(shape, width, |plain_at, packed_at, columns| {
        let row = &mut packed[packed_at..packed_at + width];
        row[..columns].copy_from_slice(&plain[plain_at..plain_at + columns]);
        row[columns..].fill(T::default());
    });
}

/// Copies a tensor out of a layout into row-major order.
///
/// # Panics
/// As [`pack`].
pub fn unpack<T: Word>(layout: Layout, shape: &[usize], packed: &[T], plain: &mut [T]) {
    check(layout, shape, plain.len(), packed.len());
    let Layout::Panel { width } = layout else {
        return plain.copy_from_slice(packed);
    };
    for_each_panel_row(shape, width, |plain_at, packed_at, columns| {
        plain[plain_at..plain_at + columns].copy_from_slice(&packed[packed_at..packed_at + columns]);
    });
}

/// Calls `copy` with the plain and the packed position, and the number of columns, of each row of each panel.
fn for_each_panel_row(shape: &[usize], width: usize, mut copy: impl FnMut(usize, usize, usize)) {
    let (rows, columns) = matrix(shape).expect("the caller checked the length");
    for first in (0..columns).step_by(width) {
        for row in 0..rows {
            copy(row * columns + first, first * rows + row * width, width.min(columns - first));
        }
    }
}

/// A shape as rows and columns: the last axis, and the product of all others.
fn matrix(shape: &[usize]) -> Option<(usize, usize)> {
    let (&columns, rows) = shape.split_last().unwrap_or((&1, &[]));
    let rows = rows.iter().try_fold(1usize, |product, &dim| product.checked_mul(dim))?;
    Some((rows, columns))
}

fn check(layout: Layout, shape: &[usize], plain: usize, packed: usize) {
    assert_eq!(
        Some(plain),
        packed_len(Layout::RowMajor, shape),
        "length of a plain tensor of shape {shape:?}"
    );
    assert_eq!(Some(packed), packed_len(layout, shape), "length of a packed tensor of shape {shape:?}");
}

#[cfg(test)]
mod tests {
    use super::*;

    fn round_trip(layout: Layout, shape: &[usize]) -> Vec<f32> {
        let plain: Vec<f32> = (1..=shape.iter().product()).map(|value: usize| value as f32).collect();
        let mut packed = vec![f32::NAN; packed_len(layout, shape).unwrap()];
        pack(layout, shape, &plain, &mut packed);
        let mut back = vec![0.0; plain.len()];
        unpack(layout, shape, &packed, &mut back);
        assert_eq!(plain, back);
        packed
    }

    #[test]
    fn panels_hold_columns_side_by_side_and_end_in_zeros() {
        let packed = round_trip(Layout::Panel { width: 2 }, &[2, 3]);
        assert_eq!(packed, [1.0, 2.0, 4.0, 5.0, 3.0, 0.0, 6.0, 0.0]);
    }

    #[test]
    fn every_shape_makes_the_round_trip() {
        for shape in [&[][..], &[5], &[7, 16], &[3, 17], &[3, 3, 2, 5], &[0, 4], &[4, 0]] {
            for width in [1, 4, 16] {
                round_trip(Layout::Panel { width }, shape);
            }
            round_trip(Layout::RowMajor, shape);
        }
    }

    #[test]
    fn leading_axes_are_rows() {
        let (image, matrix) = (&[2, 2, 3][..], &[4, 3][..]);
        let layout = Layout::Panel { width: 2 };
        assert_eq!(round_trip(layout, image), round_trip(layout, matrix));
    }

    #[test]
    fn lengths_do_not_overflow() {
        assert_eq!(packed_len(Layout::RowMajor, &[usize::MAX, 2]), None);
        assert_eq!(packed_len(Layout::Panel { width: 16 }, &[usize::MAX]), None);
    }
}
