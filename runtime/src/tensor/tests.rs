use ndarray::{Array0, Array2, Array3, array, s};

use super::*;

fn reals(x: impl Examples, len: usize) -> Result<Vec<f32>, TensorError> {
    let mut out = vec![f32::NAN; len];
    x.write_reals(&mut out).map(|()| out)
}

fn classes(y: impl Targets, classes: usize) -> Result<Vec<i32>, TensorError> {
    let mut out = vec![-9; y.n_targets()];
    y.write_classes(classes, &mut out).map(|()| out)
}

#[test]
fn arrays_views_and_references_serve() {
    let x = array![[1.0f32, 2.0], [3.0, 4.0], [5.0, 6.0]];
    let all = vec![1.0, 2.0, 3.0, 4.0, 5.0, 6.0];
    assert_eq!(reals(&x, 6).unwrap(), all);
    assert_eq!(reals(x.view(), 6).unwrap(), all);
    assert_eq!(reals(x.view(), 6).unwrap(), all);
    assert_eq!(reals(x.slice(s![1..3, ..]), 4).unwrap(), all[2..]);
    assert_eq!(reals(x.to_shared(), 6).unwrap(), all);
    assert_eq!(reals(x.view().into_dyn(), 6).unwrap(), all);
    assert_eq!(reals(x, 6).unwrap(), all);
    assert_eq!(reals(&[1.0, 2.0f64][..], 2).unwrap(), [1.0, 2.0]);
}

#[test]
fn strided_arrays_are_read_in_logical_order() {
    let x = array![[1.0f32, 2.0, 3.0], [4.0, 5.0, 6.0]];
    assert_eq!(reals(x.t(), 6).unwrap(), [1.0, 4.0, 2.0, 5.0, 3.0, 6.0]);
    assert_eq!(reals(x.slice(s![.., ..;2]), 4).unwrap(), [1.0, 3.0, 4.0, 6.0]);
}

#[test]
fn shapes_leave_out_the_batch() {
    let x = Array3::<f32>::zeros((5, 2, 3));
    assert_eq!((x.n_examples(), x.example_shape()), (5, &[2, 3][..]));
    let y = vec![1u8, 2, 3];
    assert_eq!((y.n_targets(), y.target_shape()), (3, &[][..]));
    let scalar = Array0::<f32>::zeros(());
    assert_eq!((scalar.n_examples(), scalar.example_shape()), (0, &[][..]));
}

#[test]
fn pixels_are_scaled_as_examples_but_not_as_targets() {
    let bytes = Array2::from_shape_vec((1, 3), vec![0u8, 51, 255]).unwrap();
    assert_eq!(reals(&bytes, 3).unwrap(), [0.0, 51.0 / 255.0, 1.0]);
    let mut values = [0.0; 3];
    bytes.write_values(&mut values).unwrap();
    assert_eq!(values, [0.0, 51.0, 255.0]);
    for value in 0..=255u8 {
        assert_eq!(pixel(value), (f64::from(value) / 255.0) as f32);
    }
}

#[test]
fn integers_of_every_type_are_classes() {
    assert_eq!(classes(&array![1u8, 0], 2).unwrap(), [1, 0]);
    assert_eq!(classes(array![1i64, 0].view(), 2).unwrap(), [1, 0]);
    assert_eq!(classes([1usize, 0], 2).unwrap(), [1, 0]);
    assert_eq!(classes(vec![1u32, 0], 2).unwrap(), [1, 0]);
    assert!(Targets::are_integers(&[1i8]) && !Targets::are_integers(&[1.0f32]));
}

#[test]
fn bad_classes_and_tokens_are_named() {
    let error = classes([0i64, 3, 10], 10).unwrap_err();
    assert_eq!(error, TensorError::ClassOutOfRange { index: 2, value: 10, classes: 10 });
    assert_eq!(error.to_string(), "target 2 is class 10, but the network has 10 classes (0 to 9)");
    let error = classes([0i8, -1], 10).unwrap_err();
    assert_eq!(error, TensorError::ClassOutOfRange { index: 1, value: -1, classes: 10 });
    let huge = classes([u64::MAX], usize::MAX).unwrap_err();
    assert_eq!(huge, TensorError::ClassOutOfRange { index: 0, value: u64::MAX.into(), classes: usize::MAX });
    let error = array![[1u8, 5]].write_tokens(5, &mut [0; 2]).unwrap_err();
    assert_eq!(error, TensorError::TokenOutOfRange { example: 0, position: 1, value: 5, vocabulary: 5 });
}

#[test]
fn the_wrong_kind_of_number_is_an_error() {
    let error = classes([1.0f32], 2).unwrap_err();
    assert_eq!(
        error.to_string(),
        "class indices must be integers, but f32 was given; hand in i32, i64, u8 or other integers, e.g. by `x.mapv(|v| v as i32)`"
    );
    assert_eq!(reals([1i64], 1).unwrap_err(), TensorError::NotReal { found: "i64" });
}

#[test]
fn another_number_of_elements_is_an_error() {
    assert_eq!(reals([1.0f32; 3], 4).unwrap_err(), TensorError::Length { expected: 4, found: 3 });
}
