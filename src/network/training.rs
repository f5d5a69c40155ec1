//! Training in parts of one's own: gradients, and the optimizer's update.

use std::borrow::Cow;

use dl_runtime::finite::first_not_finite;
use dl_runtime::machine::Call;
use dl_runtime::tensor::{Data, Examples, Targets};
use ndarray::{ArrayD, ArrayView, ArrayViewD, Dimension};

use super::Network;

use crate::error::{Error, Result};
use crate::function::Function;
use crate::gradients::Gradients;

impl Network {
    /// The gradients of the loss of a batch, in training mode. Nothing is changed.
    ///
    /// ```
    /// use dl::network;
    /// use ndarray::array;
    ///
    /// let mut net = network!(< dense(2, 3, softmax) >).build()?;
    /// let grads = net.gradients(&array![[0.5f32, -1.0]], &array![2])?;
    /// println!("loss {}", grads.loss());
    /// for (name, gradient) in &grads {
    ///     println!("{name}: {gradient}");
    /// }
    /// # Ok::<(), dl::Error>(())
    /// ```
    ///
    /// # Errors
    /// If shapes or values do not fit, or the loss is not finite.
    pub fn gradients(&mut self, x: impl Examples, y: impl Targets) -> Result<Gradients> {
        let shapes = self.gradient_shapes(&x);
        let call = self.engine.run_with_targets(Function::Gradients, &x, &y)?;
        Ok(collect(&call, shapes))
    }

    /// The vector–Jacobian product: the gradients of Σ dy·output in training mode, for a cotangent `dy` of the output's
    /// shape, [n, …]. It is the way to train by a loss of one's own: compute the output by [`forward`](Self::forward), the
    /// loss and its derivative by the output, and hand that in as `dy`. Nothing is changed.
    ///
    /// ```
    /// use dl::network;
    /// use ndarray::array;
    ///
    /// let mut net = network!(< dense(2, 8, tanh), dense(8, 1) >).build()?;
    /// let x = array![[0.0f32, 1.0], [1.0, 0.0]];
    /// // The loss is Σ output⁴ / 4.
    /// let dy = net.forward(&x)?.mapv(|output| output.powi(3));
    /// let grads = net.vjp(&x, &dy)?;
    /// net.apply_gradients(&grads)?;
    /// # Ok::<(), dl::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::InputShape`], [`Error::CotangentShape`]; [`Error::ValueNotFinite`] if `x` or `dy` is not finite.
    pub fn vjp(&mut self, x: impl Examples, dy: impl Targets) -> Result<Gradients> {
        let shapes = self.gradient_shapes(&x);
        let call = self.engine.run_with_cotangent(&x, &dy)?;
        Ok(collect(&call, shapes))
    }

    /// One update of all parameters by the network's optimizer, from these gradients: `&grads` of
    /// [`gradients`](Self::gradients) or [`vjp`](Self::vjp), or any other pairs of a parameter's name and an array.
    ///
    /// The generator of random numbers takes a step too: the next masks of dropout are new ones. Buffers, such as the running means of
    /// `batch_norm`, are the business of `train_step` alone.
    ///
    /// After `gradients` on the same batch, parameters are what [`train_step`](Self::train_step) would have made of them. They
    /// are the same to the bit, since both functions sum the same terms in the same order; only sums that one of them
    /// cuts into chunks, as it may where a sum is long and little else can be divided among threads, can differ in rounding.
    ///
    /// # Errors
    /// [`Error::UnknownParameter`], [`Error::GradientTwice`], [`Error::MissingGradient`], [`Error::GradientShape`],
    /// [`Error::ValueNotFinite`]. Nothing is changed then.
    pub fn apply_gradients<'a, N, A, D>(&mut self, gradients: impl IntoIterator<Item = (N, A)>) -> Result<()>
    where
        N: AsRef<str>,
        A: Into<ArrayView<'a, f32, D>>,
        D: Dimension,
    {
        let mut given: Vec<Option<ArrayViewD<'a, f32>>> = vec![None; self.engine.declarations().states.len()];
        for (name, gradient) in gradients {
            let slot = self.slot(self.parameter_slots(), name.as_ref())?;
            if given[slot].replace(gradient.into().into_dyn()).is_some() {
                return Err(Error::GradientTwice { name: name.as_ref().to_owned() });
            }
        }
        let mut checked = Vec::new();
        for slot in self.parameter_slots() {
            let (name, expected) = (self.declared(slot).name.clone(), self.shape(slot));
            let gradient = given[slot].take().ok_or_else(|| Error::MissingGradient { name: name.clone() })?;
            if gradient.shape() != expected {
                return Err(Error::GradientShape { name, expected, found: gradient.shape().to_vec() });
            }
            let plain = row_major(gradient);
            if let Some((index, value)) = first_not_finite(&plain) {
                return Err(Error::ValueNotFinite {
                    tensor: format!("the gradient of `{name}`"),
                    index,
                    value,
                });
            }
            checked.push((name, plain));
        }
        self.engine.apply_gradients(&checked)?;
        self.steps = self.steps.saturating_add(1);
        Ok(())
    }

    /// The learning rate that the next update uses: the optimizer's `lr`, or what it was [set to](Self::set_learning_rate).
    pub fn learning_rate(&self) -> f64 {
        self.learning_rate
    }

    /// Sets the learning rate, for schedules: nothing is compiled anew. The step uses it rounded to f32.
    ///
    /// ```
    /// use dl::network;
    ///
    /// let mut net = network!(< dense(2, 1) >, optimizer = sgd(lr = 0.1)).build()?;
    /// net.set_learning_rate(0.95 * net.learning_rate())?;
    /// # Ok::<(), dl::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::LearningRate`] unless it is a finite number of at least 0, in f32 too. Nothing is changed then.
    pub fn set_learning_rate(&mut self, learning_rate: f64) -> Result<()> {
        let rounded = rounded(learning_rate).ok_or(Error::LearningRate { found: learning_rate })?;
        self.engine.set_state(self.learning_rate_slot(), &Data::F32(vec![rounded]))?;
        self.learning_rate = learning_rate;
        Ok(())
    }

    /// How many updates of the parameters there have been, [resumed](Self::resume) ones included.
    pub fn steps(&self) -> u64 {
        self.steps
    }

    fn gradient_shapes(&self, x: &impl Examples) -> Shapes {
        let mut of_x = vec![x.n_examples()];
        of_x.extend_from_slice(x.example_shape());
        let named = |slot| (self.declared(slot).name.clone(), self.shape(slot));
        Shapes { parameters: self.parameter_slots().into_iter().map(named).collect(), x: of_x }
    }
}

/// A learning rate as the step uses it; `None` if it cannot be one.
pub(super) fn rounded(learning_rate: f64) -> Option<f32> {
    let rounded = learning_rate as f32;
    (rounded.is_finite() && rounded.is_sign_positive()).then_some(rounded)
}

/// The shapes that gradients are shown in.
struct Shapes {
    parameters: Vec<(String, Vec<usize>)>,
    x: Vec<usize>,
}

/// The gradients that a call has computed.
fn collect(call: &Call<'_>, shapes: Shapes) -> Gradients {
    let gradient = |of: &str, shape: Vec<usize>| {
        let data = call.plain_result::<f32>(call.named_result(&dl_ir::build::gradient_name(of))?);
        Some(ArrayD::from_shape_vec(shape, data).expect("a gradient has the shape of what it is of"))
    };
    let of_parameter = |(name, shape): (String, Vec<usize>)| {
        let gradient = gradient(&name, shape).expect("each parameter has a gradient");
        (name, gradient)
    };
    Gradients {
        loss: call.scalar("loss").expect("functions of gradients have a loss"),
        parameters: shapes.parameters.into_iter().map(of_parameter).collect(),
        x: gradient("x", shapes.x),
    }
}

/// The elements of a view in row-major order, copied where they lie otherwise.
fn row_major(view: ArrayViewD<'_, f32>) -> Cow<'_, [f32]> {
    match view.to_slice() {
        Some(slice) => Cow::Borrowed(slice),
        None => Cow::Owned(view.iter().copied().collect()),
    }
}
