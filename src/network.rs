//! The network: what users train and run.

use std::collections::BTreeMap;
use std::path::Path;

use dl_ir::module::{Module, StateRole};
use dl_ir::network as ir;
use dl_runtime::data::Split;
use dl_runtime::files::{TensorFile, tensors};
use dl_runtime::machine::Call;
use dl_runtime::program::BufferId;
use dl_runtime::tensor::{Examples, Targets, Tensor};
use ndarray::{ArrayD, ArrayView, ArrayViewD, Dimension, IxDyn};

use crate::builder::Builder;
use crate::engine::{Engine, Function};
use crate::error::{Error, Result};

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
    seed: u64,
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

/// The gradients of a batch's loss.
#[derive(Clone, PartialEq, Debug)]
pub struct Gradients {
    /// The loss.
    pub loss: f32,
    /// By parameter, in plain shapes.
    pub parameters: BTreeMap<String, ArrayD<f32>>,
    /// With respect to the examples, in their shape; `None` where they are integers.
    pub x: Option<ArrayD<f32>>,
}

impl Network {
    /// A builder of the network that `text` describes.
    ///
    /// # Errors
    /// [`Error::Network`] with all mistakes in the text.
    pub fn parse(text: &str) -> Result<Builder> {
        Builder::parse(text)
    }

    pub(crate) fn from_engine(engine: Engine, seed: u64) -> Self {
        Network { engine, seed }
    }

    /// One step of training on a batch: the loss before the update. `x` has shape [n, …] with the network's input shape; `y` is n class
    /// indices of any integer type, or numbers in the output's shape.
    ///
    /// # Errors
    /// If shapes or values do not fit, or the loss is not finite. Nothing is changed then.
    pub fn train_step(&mut self, x: impl Examples, y: impl Targets) -> Result<f32> {
        let call = self.engine.run_with_targets(Function::TrainStep, &x, &y)?;
        Ok(scalar(&call, "loss").expect("train_step has a loss"))
    }

    /// The outputs for a batch, [n, …], in inference mode: a view of where they lie until the next call.
    ///
    /// # Errors
    /// If the shape of the examples does not fit.
    pub fn predict(&mut self, x: impl Examples) -> Result<ArrayViewD<'_, f32>> {
        let mut shape = IxDyn::zeros(self.engine.network().output_shape().len() + 1);
        shape[0] = x.n_examples();
        for (to, &size) in shape.slice_mut()[1..].iter_mut().zip(self.engine.network().output_shape()) {
            *to = size;
        }
        let call = self.engine.run(Function::Predict, &x)?;
        let output = result(&call, "output").expect("predict has an output");
        Ok(ArrayViewD::from_shape(shape, call.into_result(output)).expect("the output's shape"))
    }

    /// The mean loss and the accuracy on a batch, in inference mode.
    ///
    /// # Errors
    /// If shapes or values do not fit.
    pub fn evaluate(&mut self, x: impl Examples, y: impl Targets) -> Result<Evaluation> {
        let network = self.engine.network();
        let predictions = network.loss().n_predictions(network.output_shape()) * x.n_examples();
        let call = self.engine.run_with_targets(Function::Evaluate, &x, &y)?;
        let loss = scalar(&call, "loss").expect("evaluate has a loss");
        let accuracy = scalar(&call, "correct").map(|correct| correct / predictions as f32);
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

    /// The gradients of the loss of a batch, in training mode. Nothing is changed.
    ///
    /// # Errors
    /// If shapes or values do not fit.
    pub fn gradients(&mut self, x: impl Examples, y: impl Targets) -> Result<Gradients> {
        let shapes: BTreeMap<String, Vec<usize>> = self.parameter_shapes().into_iter().collect();
        let mut x_shape = vec![x.n_examples()];
        x_shape.extend_from_slice(x.example_shape());
        let call = self.engine.run_with_targets(Function::Gradients, &x, &y)?;
        let mut gradients = Gradients {
            loss: scalar(&call, "loss").expect("gradients has a loss"),
            parameters: BTreeMap::new(),
            x: None,
        };
        for (name, buffer) in &call.program().results {
            let Some(of) = name.strip_prefix("grad.") else { continue };
            let data = call.plain_result::<f32>(*buffer);
            let array =
                |shape: &[usize]| ArrayD::from_shape_vec(shape, data).expect("the shape of its result");
            match shapes.get(of) {
                Some(shape) => drop(gradients.parameters.insert(of.to_owned(), array(shape))),
                None => gradients.x = Some(array(&x_shape)),
            }
        }
        Ok(gradients)
    }

    /// A parameter, or a buffer such as a running mean, in its plain shape.
    ///
    /// # Errors
    /// [`Error::UnknownParameter`], which lists those that there are.
    pub fn parameter(&self, name: &str) -> Result<ArrayD<f32>> {
        let slot = self.slot(name)?;
        Ok(self.tensor(slot))
    }

    /// All parameters by name, in the order of the layers, then all buffers.
    pub fn parameters(&self) -> Vec<(String, ArrayD<f32>)> {
        let slots = self.parameter_slots();
        slots.map(|slot| (self.engine.declarations().states[slot].name.clone(), self.tensor(slot))).collect()
    }

    /// All state by name, in the module's order: parameters, buffers, what the optimizer keeps, and key and step of the generator of
    /// random numbers, which are integers.
    pub fn states(&self) -> Vec<(String, Tensor)> {
        let named = self.engine.declarations().states.iter().enumerate();
        named.map(|(slot, state)| (state.name.clone(), self.engine.state(slot))).collect()
    }

    /// Sets a parameter or buffer from an array or view of its plain shape.
    ///
    /// # Errors
    /// [`Error::UnknownParameter`], [`Error::ParameterShape`]. Nothing is changed then.
    pub fn set_parameter<'a, D: Dimension>(
        &mut self,
        name: &str,
        value: impl Into<ArrayView<'a, f32, D>>,
    ) -> Result<()> {
        let (slot, value) = (self.slot(name)?, value.into());
        let expected = self.shape(slot);
        if value.shape() != expected {
            let (name, found) = (name.to_owned(), value.shape().to_vec());
            return Err(Error::ParameterShape { name, expected, found });
        }
        let plain: Vec<f32> = value.iter().copied().collect();
        Ok(self.engine.machine_mut().set_state(slot, &plain)?)
    }

    /// Writes all parameters and buffers to a safetensors file, beside it first and then in its place.
    ///
    /// # Errors
    /// [`Error::File`]; an existing file is as it was then.
    pub fn save(&self, path: impl AsRef<Path>) -> Result<()> {
        let tensor = |(name, array): (String, ArrayD<f32>)| {
            let shape = array.shape().to_vec();
            let data = array.into_raw_vec_and_offset().0;
            (name, Tensor::new(shape, data).expect("an array has as many elements as its shape says"))
        };
        Ok(tensors::write(path.as_ref(), &self.parameters().into_iter().map(tensor).collect())?)
    }

    /// Reads all parameters and buffers from a safetensors file. Missing, misshapen and unknown tensors are errors.
    ///
    /// # Errors
    /// [`Error::File`]; no parameter is changed then.
    pub fn load(&mut self, path: impl AsRef<Path>) -> Result<()> {
        let mut file = TensorFile::read(path.as_ref())?;
        let slots: Vec<usize> = self.parameter_slots().collect();
        let mut values = Vec::with_capacity(slots.len());
        for &slot in &slots {
            values.push(file.take_f32(&self.engine.declarations().states[slot].name, &self.shape(slot))?);
        }
        file.finish()?;
        for (slot, values) in slots.into_iter().zip(values) {
            self.engine.machine_mut().set_state(slot, &values)?;
        }
        Ok(())
    }

    /// The number of trained elements.
    pub fn n_parameters(&self) -> usize {
        self.engine.network().n_parameters()
    }

    /// The shape of an example.
    pub fn input_shape(&self) -> &[usize] {
        self.engine.network().input_shape()
    }

    /// The shape of an output.
    pub fn output_shape(&self) -> &[usize] {
        self.engine.network().output_shape()
    }

    /// The seed that it was built with.
    pub fn seed(&self) -> u64 {
        self.seed
    }

    /// The number of threads that a call may use.
    pub fn threads(&self) -> usize {
        self.engine.machine().threads()
    }

    /// The memory that it has now for parameters, optimizer state and everything in between, in bytes.
    pub fn arena_bytes(&self) -> usize {
        self.engine.machine().arena_bytes()
    }

    /// The network as it was understood.
    pub fn network(&self) -> &ir::Network {
        self.engine.network()
    }

    /// The optimised module of all its functions, for targets of the usual type. Functions that were not called yet are made for
    /// this.
    ///
    /// # Errors
    /// [`Error::Invalid`] if a pass made an invalid function, which is a bug of dl.
    pub fn module(&self) -> Result<Module> {
        self.engine.module()
    }

    /// What weights files hold: parameters, then buffers.
    fn parameter_slots(&self) -> impl Iterator<Item = usize> + '_ {
        let states = self.engine.declarations().states.iter().enumerate();
        let is_weight = |role| matches!(role, StateRole::Parameter | StateRole::Buffer);
        states.filter(move |(_, state)| is_weight(state.role)).map(|(slot, _)| slot)
    }

    fn parameter_shapes(&self) -> Vec<(String, Vec<usize>)> {
        self.parameter_slots()
            .map(|slot| (self.engine.declarations().states[slot].name.clone(), self.shape(slot)))
            .collect()
    }

    fn slot(&self, name: &str) -> Result<usize> {
        let found = self.parameter_slots().find(|&slot| self.engine.declarations().states[slot].name == name);
        found.ok_or_else(|| {
            let known = self.parameter_shapes().into_iter().map(|(name, _)| name).collect();
            Error::UnknownParameter { name: name.to_owned(), known }
        })
    }

    fn shape(&self, slot: usize) -> Vec<usize> {
        self.engine.machine().state_plan().slots[slot].shape.clone()
    }

    fn tensor(&self, slot: usize) -> ArrayD<f32> {
        let data = self.engine.machine().state::<f32>(slot);
        ArrayD::from_shape_vec(self.shape(slot), data)
            .expect("a state has as many elements as its shape says")
    }
}

fn result(call: &Call<'_>, name: &str) -> Option<BufferId> {
    call.program().results.iter().find(|(known, _)| known == name).map(|&(_, buffer)| buffer)
}

fn scalar(call: &Call<'_>, name: &str) -> Option<f32> {
    result(call, name).map(|buffer| call.result::<f32>(buffer)[0])
}
