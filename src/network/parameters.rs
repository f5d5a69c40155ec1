//! Parameters: looking at them, setting them, keeping them in files.

use std::collections::BTreeMap;
use std::path::Path;

use dl_ir::module::{StateDecl, StateRole};
use dl_ir::optimizers::LEARNING_RATE;
use dl_runtime::files::{TensorFile, tensors};
use dl_runtime::finite::first_not_finite;
use dl_runtime::tensor::{Data, Tensor};
use ndarray::{ArrayD, ArrayView, Dimension};

use super::Network;
use super::checkpoint::is_for_training;

use crate::error::{Error, Result};

impl Network {
    /// A parameter, or a buffer such as a running mean, in its plain shape.
    ///
    /// # Errors
    /// [`Error::UnknownParameter`], which lists those that there are.
    pub fn parameter(&self, name: &str) -> Result<ArrayD<f32>> {
        Ok(self.tensor(self.slot(self.weight_slots(), name)?))
    }

    /// All parameters by name, in the order of the layers, then all buffers.
    pub fn parameters(&self) -> Vec<(String, ArrayD<f32>)> {
        let named = |slot| (self.declared(slot).name.clone(), self.tensor(slot));
        self.weight_slots().into_iter().map(named).collect()
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
    /// [`Error::UnknownParameter`], [`Error::ParameterShape`], [`Error::ValueNotFinite`]. Nothing is changed then.
    pub fn set_parameter<'a, D: Dimension>(
        &mut self,
        name: &str,
        value: impl Into<ArrayView<'a, f32, D>>,
    ) -> Result<()> {
        let (slot, value) = (self.slot(self.weight_slots(), name)?, value.into());
        let expected = self.shape(slot);
        if value.shape() != expected {
            let (name, found) = (name.to_owned(), value.shape().to_vec());
            return Err(Error::ParameterShape { name, expected, found });
        }
        let plain: Vec<f32> = value.iter().copied().collect();
        if let Some((index, value)) = first_not_finite(&plain) {
            return Err(Error::ValueNotFinite { tensor: format!("parameter `{name}`"), index, value });
        }
        self.engine.set_state(slot, &plain.into())
    }

    /// Writes all parameters and buffers to a safetensors file, beside it first and then in its place.
    ///
    /// # Errors
    /// [`Error::File`]; an existing file is as it was then.
    pub fn save(&self, path: impl AsRef<Path>) -> Result<()> {
        let named = |slot| (self.declared(slot).name.clone(), self.engine.state(slot));
        let weights: BTreeMap<String, Tensor> = self.weight_slots().into_iter().map(named).collect();
        Ok(tensors::write(path.as_ref(), &weights)?)
    }

    /// Reads all parameters and buffers from a safetensors file: one of [`save`](Self::save), or a checkpoint, of which the rest is left
    /// alone. Missing, misshapen and unknown tensors are errors, and so are numbers that are not finite.
    ///
    /// # Errors
    /// [`Error::File`]; no parameter is changed then.
    pub fn load(&mut self, path: impl AsRef<Path>) -> Result<()> {
        let mut file = TensorFile::read(path.as_ref())?;
        let weights = self.take_weights(&mut file)?;
        if file.about().is_some() {
            let others: Vec<String> =
                file.tensors().keys().filter(|name| is_for_training(name)).cloned().collect();
            others.iter().for_each(|name| drop(file.take_optional(name)));
        }
        file.finish()?;
        self.set_states(&weights)
    }

    /// The number of trained elements.
    pub fn n_parameters(&self) -> usize {
        self.engine.network().n_parameters()
    }

    /// The values of all weights, by slot, taken out of a file.
    pub(super) fn take_weights(&self, file: &mut TensorFile) -> Result<Vec<(usize, Data)>> {
        let take = |slot| {
            let values = file.take_finite(&self.declared(slot).name, &self.shape(slot))?;
            Ok((slot, values.into()))
        };
        self.weight_slots().into_iter().map(take).collect()
    }

    /// Sets states of values that have their types and shapes.
    pub(super) fn set_states(&mut self, values: &[(usize, Data)]) -> Result<()> {
        values.iter().try_for_each(|(slot, values)| self.engine.set_state(*slot, values))
    }

    /// What `save` writes and `load` reads.
    fn weight_slots(&self) -> Vec<usize> {
        self.slots(|state| is_weight(state.role))
    }

    /// What the optimizer trains.
    pub(super) fn parameter_slots(&self) -> Vec<usize> {
        self.slots(|state| state.role == StateRole::Parameter)
    }

    pub(super) fn learning_rate_slot(&self) -> usize {
        let slots = self.slots(|state| state.role == StateRole::Hyper && state.name == LEARNING_RATE);
        *slots.first().expect("every optimizer has a learning rate")
    }

    /// The slots of states that are so, in the module's order.
    fn slots(&self, which: impl Fn(&StateDecl) -> bool) -> Vec<usize> {
        let states = self.engine.declarations().states.iter().enumerate();
        states.filter(|(_, state)| which(state)).map(|(slot, _)| slot).collect()
    }

    /// The one of these that has this name.
    pub(super) fn slot(&self, among: Vec<usize>, name: &str) -> Result<usize> {
        among.iter().copied().find(|&slot| self.declared(slot).name == name).ok_or_else(|| {
            let known = among.iter().map(|&slot| self.declared(slot).name.clone()).collect();
            Error::UnknownParameter { name: name.to_owned(), known }
        })
    }

    pub(super) fn declared(&self, slot: usize) -> &StateDecl {
        &self.engine.declarations().states[slot]
    }

    pub(super) fn shape(&self, slot: usize) -> Vec<usize> {
        self.engine.machine().state_plan().slots[slot].shape.clone()
    }

    fn tensor(&self, slot: usize) -> ArrayD<f32> {
        let data = self.engine.machine().state::<f32>(slot);
        ArrayD::from_shape_vec(self.shape(slot), data)
            .expect("a state has as many elements as its shape says")
    }
}

/// Whether a state is one of the weights, which files of weights hold: what predictions need.
pub(super) fn is_weight(role: StateRole) -> bool {
    matches!(role, StateRole::Parameter | StateRole::Buffer)
}
