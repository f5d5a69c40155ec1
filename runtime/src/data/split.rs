//! Examples with their targets, and batches of them.

use std::path::Path;

use ndarray::{ArrayD, IxDyn};

use super::DataError;
use crate::random::{Stream, streams};
use crate::tensor::{Convert, Examples as _, Tensor, TensorError, Values};

/// Examples and their targets, as many of the one as of the other, in the types they were stored in.
#[derive(Debug, Clone, PartialEq)]
pub struct Split {
    x: Tensor,
    y: Tensor,
}

impl Split {
    /// Puts examples and targets together. `path`, and the names of the tensors in it, are for messages.
    ///
    /// # Errors
    /// [`DataError::Empty`] if either holds nothing; [`DataError::Count`] if their numbers differ.
    pub fn new(
        path: &Path,
        (x_name, x): (&'static str, Tensor),
        (y_name, y): (&'static str, Tensor),
    ) -> Result<Self, DataError> {
        for (tensor, values) in [(x_name, &x), (y_name, &y)] {
            if values.n_rows() == 0 || values.data().is_empty() {
                let shape = values.shape().to_vec();
                return Err(DataError::Empty { path: path.to_owned(), tensor, shape });
            }
        }
        let (examples, targets) = (x.n_rows(), y.n_rows());
        if examples != targets {
            return Err(DataError::Count { path: path.to_owned(), x: x_name, examples, y: y_name, targets });
        }
        Ok(Split { x, y })
    }

    /// The number of examples; never zero.
    pub fn n_examples(&self) -> usize {
        self.x.n_rows()
    }

    /// The shape of one example.
    pub fn example_shape(&self) -> &[usize] {
        self.x.row_shape()
    }

    /// The shape of one target; empty for class indices.
    pub fn target_shape(&self) -> &[usize] {
        self.y.row_shape()
    }

    /// All examples.
    pub fn x(&self) -> &Tensor {
        &self.x
    }

    /// All targets.
    pub fn y(&self) -> &Tensor {
        &self.y
    }

    /// Sees the examples in another shape with as many elements.
    ///
    /// # Errors
    /// [`DataError::Reshape`].
    pub fn reshape_examples(&mut self, shape: &[usize]) -> Result<(), DataError> {
        let found = self.example_shape().to_vec();
        self.x.reshape_rows(shape).map_err(|_| DataError::Reshape { expected: shape.to_vec(), found })
    }

    /// The indices of all examples in the random order of an epoch.
    pub fn shuffled(&self, seed: u64, epoch: u64) -> Vec<usize> {
        let mut order: Vec<usize> = (0..self.n_examples()).collect();
        Stream::new(seed, streams::SHUFFLE, epoch).shuffle(&mut order);
        order
    }

    /// The examples and targets at these indices. They are gathered when a network reads them, straight to where it does.
    ///
    /// ```
    /// use dl_runtime::{data::Split, tensor::Tensor};
    /// let x = Tensor::new(vec![3, 2], vec![0u8, 51, 102, 153, 204, 255])?;
    /// let y = Tensor::new(vec![3], vec![0u8, 1, 0])?;
    /// let split = Split::new("memory".as_ref(), ("x", x), ("y", y))?;
    /// let batch = split.batch(&[2, 0])?;
    /// assert_eq!(batch.x.to_reals()?, ndarray::array![[0.8, 1.0], [0.0, 0.2]].into_dyn());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// [`DataError::NoExample`].
    pub fn batch<'s>(&'s self, indices: &'s [usize]) -> Result<Batch<'s>, DataError> {
        let examples = self.n_examples();
        if let Some(&index) = indices.iter().find(|&&index| index >= examples) {
            return Err(DataError::NoExample { index, examples });
        }
        Ok(Batch { x: Rows { tensor: &self.x, indices }, y: Rows { tensor: &self.y, indices } })
    }
}

/// Some of a split's examples and their targets.
#[derive(Debug, Clone, Copy)]
pub struct Batch<'s> {
    /// The examples.
    pub x: Rows<'s>,
    /// The targets.
    pub y: Rows<'s>,
}

/// Some rows of a tensor: [`Examples`](crate::tensor::Examples) or [`Targets`](crate::tensor::Targets).
#[derive(Debug, Clone, Copy)]
pub struct Rows<'s> {
    tensor: &'s Tensor,
    /// Each below the number of rows.
    indices: &'s [usize],
}

impl Rows<'_> {
    /// A copy as real numbers, pixels divided by 255: [n, …].
    ///
    /// Networks read rows as they are. A copy is for where examples are more than that: the targets of an autoencoder, or
    /// pictures to look at.
    ///
    /// # Errors
    /// [`TensorError::NotReal`] for integers other than `u8`.
    pub fn to_reals(&self) -> Result<ArrayD<f32>, TensorError> {
        let shape = [&[self.indices.len()], self.row_shape()].concat();
        let mut reals = vec![0.0; shape.iter().product()];
        self.write_reals(&mut reals)?;
        Ok(ArrayD::from_shape_vec(IxDyn(&shape), reals).expect("as many numbers as the shape says"))
    }
}

impl Values for Rows<'_> {
    fn n_rows(&self) -> usize {
        self.indices.len()
    }

    fn row_shape(&self) -> &[usize] {
        self.tensor.row_shape()
    }

    fn are_integers(&self) -> bool {
        Values::are_integers(self.tensor)
    }

    /// The rows are gathered when they are written.
    fn as_f32(&self) -> Option<&[f32]> {
        None
    }

    fn write<C: Convert>(&self, out: &mut [C::Out], how: &C) -> Result<(), TensorError> {
        self.tensor.write_rows(self.indices, out, how)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tensor::{Examples, Targets};

    fn split(n_x: usize, n_y: usize) -> Result<Split, DataError> {
        let x = Tensor::new(vec![n_x, 2], (0..2 * n_x as u8).collect::<Vec<_>>()).unwrap();
        let y = Tensor::new(vec![n_y], (0..n_y as i64).collect::<Vec<_>>()).unwrap();
        Split::new(Path::new("d"), ("x", x), ("y", y))
    }

    #[test]
    fn a_batch_is_gathered_in_the_order_asked_for() {
        let split = split(4, 4).unwrap();
        let batch = split.batch(&[3, 1, 1]).unwrap();
        assert_eq!((batch.x.n_examples(), batch.x.example_shape()), (3, &[2][..]));
        let mut x = [0.0; 6];
        batch.x.write_reals(&mut x).unwrap();
        assert_eq!(x, [6.0, 7.0, 2.0, 3.0, 2.0, 3.0].map(|value: f32| value / 255.0));
        assert_eq!(batch.x.to_reals().unwrap(), ndarray::aview1(&x).to_shape(IxDyn(&[3, 2])).unwrap());
        assert_eq!(batch.y.to_reals().unwrap_err(), TensorError::NotReal { found: "i64" });
        let mut y = [0; 3];
        batch.y.write_classes(4, &mut y).unwrap();
        assert_eq!(y, [3, 1, 1]);
        let error = batch.y.write_classes(3, &mut y).unwrap_err();
        assert_eq!(error, TensorError::ClassOutOfRange { index: 0, value: 3, classes: 3 });
    }

    #[test]
    fn positions_in_errors_count_through_the_batch() {
        let split = split(4, 4).unwrap();
        let error = split.batch(&[0, 2]).unwrap().x.write_tokens(5, &mut [0; 4]).unwrap_err();
        assert_eq!(error, TensorError::TokenOutOfRange { example: 1, position: 1, value: 5, vocabulary: 5 });
    }

    #[test]
    fn examples_that_are_not_there_are_errors() {
        let split = split(4, 4).unwrap();
        let error = split.batch(&[0, 4]).unwrap_err();
        assert_eq!(error.to_string(), "there is no example 4: the data set has 4");
    }

    #[test]
    fn parts_must_fit_together() {
        let error = split(4, 3).unwrap_err();
        assert_eq!(error.to_string(), "d: 4 examples in x, but 3 targets in y");
        assert_eq!(split(0, 0).unwrap_err().to_string(), "d: x has shape [0, 2], which holds no examples");
    }

    #[test]
    fn examples_change_shape_if_the_count_agrees() {
        let mut split = split(4, 4).unwrap();
        split.reshape_examples(&[1, 2, 1]).unwrap();
        assert_eq!(split.example_shape(), [1, 2, 1]);
        let huge = split.reshape_examples(&[usize::MAX; 3]).unwrap_err().to_string();
        assert!(huge.contains("they have 2 elements, it reads"), "{huge}");
        let error = split.reshape_examples(&[3]).unwrap_err();
        assert_eq!(
            error.to_string(),
            "examples of shape [1, 2, 1] do not fit a network with input shape [3]: they have 2 elements, it reads 3"
        );
    }
}
