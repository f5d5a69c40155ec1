//! Gradients, as users get them and give them.

use std::iter::Map;
use std::ops::{Index, IndexMut};
use std::slice;

use ndarray::ArrayD;

/// The gradients of a batch: by parameter, in plain shapes, and of the examples.
///
/// ```
/// use dl::network;
/// use ndarray::array;
///
/// let mut net = network!(< dense(2, 1) >).build()?;
/// let mut grads = net.gradients(&array![[1.0f32, 2.0]], &array![[3.0f32]])?;
/// assert_eq!(grads["dense0.weight"].shape(), [2, 1]);
/// assert_eq!(grads.x().map(|x| x.shape()), Some(&[1, 2][..]));
/// // Clipped, and handed to the optimizer.
/// for (_, gradient) in grads.iter_mut() {
///     gradient.mapv_inplace(|g| g.clamp(-0.1, 0.1));
/// }
/// net.apply_gradients(&grads)?;
/// # Ok::<(), dl::Error>(())
/// ```
#[derive(Clone, PartialEq, Debug)]
pub struct Gradients {
    pub(crate) loss: f32,
    pub(crate) parameters: Vec<(String, ArrayD<f32>)>,
    pub(crate) x: Option<ArrayD<f32>>,
}

impl Gradients {
    /// The number that these are the gradients of: the loss of the batch, or for [`vjp`](crate::Network::vjp) Σ dy·output.
    pub fn loss(&self) -> f32 {
        self.loss
    }

    /// With respect to the examples, in their shape; `None` where they are integers.
    pub fn x(&self) -> Option<&ArrayD<f32>> {
        self.x.as_ref()
    }

    /// With respect to the parameter of this name; `None` if there is none.
    pub fn get(&self, parameter: &str) -> Option<&ArrayD<f32>> {
        self.parameters.iter().find(|(name, _)| name == parameter).map(|(_, gradient)| gradient)
    }

    /// The same, to be changed.
    pub fn get_mut(&mut self, parameter: &str) -> Option<&mut ArrayD<f32>> {
        self.parameters.iter_mut().find(|(name, _)| name == parameter).map(|(_, gradient)| gradient)
    }

    /// By parameter, in the order of the layers.
    pub fn iter(&self) -> Iter<'_> {
        self.parameters.iter().map(|(name, gradient)| (name.as_str(), gradient))
    }

    /// The same, to be changed.
    pub fn iter_mut(&mut self) -> impl Iterator<Item = (&str, &mut ArrayD<f32>)> {
        self.parameters.iter_mut().map(|(name, gradient)| (name.as_str(), gradient))
    }
}

/// The gradients of all parameters, by name.
pub type Iter<'g> = Map<slice::Iter<'g, (String, ArrayD<f32>)>, Named<'g>>;

type Named<'g> = fn(&'g (String, ArrayD<f32>)) -> (&'g str, &'g ArrayD<f32>);

impl<'g> IntoIterator for &'g Gradients {
    type Item = (&'g str, &'g ArrayD<f32>);
    type IntoIter = Iter<'g>;

    fn into_iter(self) -> Iter<'g> {
        self.iter()
    }
}

/// Panics if there is no parameter of this name, as a map does; see [`get`](Gradients::get).
impl Index<&str> for Gradients {
    type Output = ArrayD<f32>;

    fn index(&self, parameter: &str) -> &ArrayD<f32> {
        self.get(parameter).unwrap_or_else(|| panic!("there is no parameter `{parameter}`"))
    }
}

/// Panics as [`Index`] does.
impl IndexMut<&str> for Gradients {
    fn index_mut(&mut self, parameter: &str) -> &mut ArrayD<f32> {
        self.get_mut(parameter).unwrap_or_else(|| panic!("there is no parameter `{parameter}`"))
    }
}
