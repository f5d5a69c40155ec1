//! The network: what users train and run.

mod about;
mod checkpoint;
mod parameters;
mod training;

use dl_runtime::data::Split;
use dl_runtime::tensor::{Examples, Targets};
use ndarray::{ArrayViewD, Dimension, IxDyn};

use crate::builder::Builder;
use crate::engine::Engine;
use crate::error::Result;
use crate::function::Function;
pub use checkpoint::{Difference, Differences};

/// A neural network with its parameters and its optimizer's state, compiled for this CPU.
///
/// `network!` and [`Network::parse`] give a [`Builder`] of it.
///
/// ```
/// use dl::network;
/// use ndarray::array;
///
/// let mut net = network!(< dense(2, 8, tanh), dense(8, 1, sigmoid) >, optimizer = adam(lr = 0.05)).build()?;
/// let x = array![[0.0f32, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]];
/// let y = array![0u8, 1, 1, 0];
/// let first = net.train_step(&x, &y)?;
/// for _ in 0..200 {
///     net.train_step(&x, &y)?;
/// }
/// assert!(net.evaluate(&x, &y)?.loss < first);
/// # Ok::<(), dl::Error>(())
/// ```
#[derive(Debug)]
pub struct Network {
    engine: Engine,
    /// What everything random came from.
    seed: u64,
    /// The updates of parameters so far.
    steps: u64,
    /// As it was set; the step uses it rounded.
    learning_rate: f64,
    /// The size of a batch that summaries are about.
    batch: usize,
}

/// How well a network does on a batch.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Evaluation {
    /// The mean loss.
    pub loss: f32,
    /// The fraction of right predictions, where the loss knows right and wrong: for `cross_entropy` the largest output is at
    /// the target, for `binary_cross_entropy` output and target are on the same side of 0.5, for `hinge` they have the same sign.
    pub accuracy: Option<f32>,
}

impl Network {
    /// A builder of the network that `text` describes.
    ///
    /// # Errors
    /// [`Error::Network`](crate::Error::Network) with all mistakes in the text.
    pub fn parse(text: &str) -> Result<Builder> {
        Builder::parse(text)
    }

    pub(crate) fn from_engine(engine: Engine, seed: u64, batch: usize) -> Self {
        let learning_rate = engine.network().optimizer().learning_rate();
        Network { engine, seed, steps: 0, learning_rate, batch }
    }

    /// One step of training on a batch: the loss before the update. `x` has shape [n, …] with the network's input shape; `y` is n class
    /// indices of any integer type, or numbers in the output's shape.
    ///
    /// # Errors
    /// If shapes or values do not fit, or the loss is not finite. Nothing is changed then.
    pub fn train_step(&mut self, x: impl Examples, y: impl Targets) -> Result<f32> {
        let call = self.engine.run_with_targets(Function::TrainStep, &x, &y)?;
        let loss = call.scalar("loss").expect("train_step has a loss");
        self.steps = self.steps.saturating_add(1);
        Ok(loss)
    }

    /// The outputs for a batch, [n, …], in inference mode: a view of where they lie until the next call.
    ///
    /// # Errors
    /// If the shape of the examples does not fit.
    pub fn predict(&mut self, x: impl Examples) -> Result<ArrayViewD<'_, f32>> {
        self.output(Function::Predict, x)
    }

    /// The outputs for a batch, [n, …], in training mode: with dropout and batch statistics. Nothing is changed, so that
    /// [`vjp`](Self::vjp) differentiates this very pass.
    ///
    /// # Errors
    /// If the shape of the examples does not fit, or they are not finite.
    pub fn forward(&mut self, x: impl Examples) -> Result<ArrayViewD<'_, f32>> {
        self.output(Function::Forward, x)
    }

    fn output(&mut self, function: Function, x: impl Examples) -> Result<ArrayViewD<'_, f32>> {
        let mut shape = IxDyn::zeros(self.output_shape().len() + 1);
        shape[0] = x.n_examples();
        shape.slice_mut()[1..].copy_from_slice(self.output_shape());
        let call = self.engine.run(function, &x)?;
        let output = call.named_result("output").expect("it has an output");
        Ok(ArrayViewD::from_shape(shape, call.into_result(output)).expect("the output's shape"))
    }

    /// The mean loss and the accuracy on a batch, in inference mode.
    ///
    /// # Errors
    /// If shapes or values do not fit.
    pub fn evaluate(&mut self, x: impl Examples, y: impl Targets) -> Result<Evaluation> {
        let network = self.engine.network();
        let per_example = network.loss().n_predictions(network.output_shape());
        let call = self.engine.run_with_targets(Function::Evaluate, &x, &y)?;
        let loss = call.scalar("loss").expect("evaluate has a loss");
        let accuracy = call.scalar("correct").map(|correct| correct / (per_example * call.n()) as f32);
        Ok(Evaluation { loss, accuracy })
    }

    /// The mean loss and the accuracy on all examples of a part of a data set, in inference mode.
    ///
    /// # Errors
    /// If shapes or values do not fit.
    pub fn evaluate_all(&mut self, split: &Split) -> Result<Evaluation> {
        /// Enough for full speed; few enough that memory stays small.
        const BATCH: usize = 256;
        let all: Vec<usize> = (0..split.n_examples()).collect();
        let (mut loss, mut accuracy) = (0.0, Some(0.0));
        for indices in all.chunks(BATCH) {
            let batch = split.batch(indices)?;
            let part = self.evaluate(batch.x, batch.y)?;
            let weight = indices.len() as f64 / all.len() as f64;
            loss += weight * f64::from(part.loss);
            accuracy = accuracy.zip(part.accuracy).map(|(sum, part)| sum + weight * f64::from(part));
        }
        Ok(Evaluation { loss: loss as f32, accuracy: accuracy.map(|accuracy| accuracy as f32) })
    }
}
