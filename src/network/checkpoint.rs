//! Checkpoints: everything that training needs to go on as if it had never stopped.
//!
//! A checkpoint is a safetensors file. Weights have their names; all other state has a prefix before its own. Its description
//! has what is not in tensors: the number of steps, the seed, the learning rate as it was set, the network.

mod description;
mod difference;

use std::path::Path;

use dl_ir::network as ir;
use dl_runtime::files::{TensorFile, tensors};
use dl_runtime::program::Element;
use dl_runtime::tensor::Data;

use super::Network;
use super::parameters::is_weight;
use crate::error::{Error, Result};
use description::Description;
use difference::differences;
pub use difference::{Difference, Differences};

/// Before the names of all tensors that only training needs. No label has a slash.
const FOR_TRAINING: &str = "training/";

/// Whether a tensor of a checkpoint is one that only training needs.
pub(super) fn is_for_training(name: &str) -> bool {
    name.starts_with(FOR_TRAINING)
}

impl Network {
    /// Writes a checkpoint: parameters, buffers, the optimizer's state, the learning rate, the number of steps and the state of the
    /// generator of random numbers. The file is written beside its target first, and then put in its place: whatever happens, there
    /// is a whole file, the old one or the new one.
    ///
    /// ```
    /// use dl::network;
    /// use ndarray::array;
    ///
    /// network!(Line < dense(1, 1) >, optimizer = adam(lr = 0.1));
    /// # let folder = std::env::temp_dir().join(format!("dl-doc-{}", std::process::id()));
    /// # std::fs::create_dir_all(&folder)?;
    /// # let path = folder.join("line.checkpoint");
    ///
    /// let (x, y) = (array![[1.0f32], [2.0]], array![[3.0f32], [5.0]]);
    /// let mut net = Line::new()?;
    /// net.train_step(&x, &y)?;
    /// net.save_checkpoint(&path)?;
    ///
    /// let mut again = Line::new()?;
    /// again.resume(&path)?;
    /// assert_eq!(again.steps(), 1);
    /// assert_eq!(again.train_step(&x, &y)?, net.train_step(&x, &y)?);
    /// # std::fs::remove_dir_all(&folder)?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::File`]; an existing file is as it was then.
    pub fn save_checkpoint(&self, path: impl AsRef<Path>) -> Result<()> {
        let named = |slot| (self.file_name(slot), self.engine.state(slot));
        let states = (0..self.engine.declarations().states.len()).map(named).collect();
        let description = Description {
            steps: self.steps,
            seed: self.seed,
            learning_rate: self.learning_rate,
            network: self.network().to_string(),
        };
        Ok(tensors::write_checkpoint(path.as_ref(), &states, &description.to_string())?)
    }

    /// Goes on from a checkpoint of this network, with another seed at [`build`](crate::Builder::build) too: training gives the
    /// same bits as if it had not been interrupted.
    ///
    /// # Errors
    /// [`Error::OtherNetwork`] with all differences, if the checkpoint is of another network: layers, loss and optimizer must be the
    /// same; the name does not matter. [`Error::NotACheckpoint`], [`Error::Description`], [`Error::File`]. Nothing is changed then.
    pub fn resume(&mut self, path: impl AsRef<Path>) -> Result<()> {
        let path = path.as_ref();
        let mut file = TensorFile::read(path)?;
        let about = file.about().ok_or_else(|| Error::NotACheckpoint { path: path.to_owned() })?;
        let unreadable = || Error::Description { path: path.to_owned() };
        let description = Description::parse(about).ok_or_else(unreadable)?;
        let saved = ir::Network::parse(&description.network).map_err(|_| unreadable())?;
        let differences = differences(&saved, self.network(), &file, &self.expected_tensors());
        if !differences.0.is_empty() {
            return Err(Error::OtherNetwork { path: path.to_owned(), differences });
        }
        let mut values = self.take_weights(&mut file)?;
        for slot in 0..self.engine.declarations().states.len() {
            if !is_weight(self.declared(slot).role) {
                values.push((slot, self.take_state(slot, &mut file)?));
            }
        }
        file.finish()?;
        self.set_states(&values)?;
        self.set_learning_rate(description.learning_rate).expect("the description was read with this check");
        (self.steps, self.seed) = (description.steps, description.seed);
        Ok(())
    }

    /// The name of a state in a checkpoint.
    fn file_name(&self, slot: usize) -> String {
        let state = self.declared(slot);
        let prefix = if is_weight(state.role) { "" } else { FOR_TRAINING };
        format!("{prefix}{}", state.name)
    }

    /// What a checkpoint holds: names and shapes.
    fn expected_tensors(&self) -> Vec<(String, Vec<usize>)> {
        let n = self.engine.declarations().states.len();
        (0..n).map(|slot| (self.file_name(slot), self.shape(slot))).collect()
    }

    fn take_state(&self, slot: usize, file: &mut TensorFile) -> Result<Data> {
        let (name, shape) = (self.file_name(slot), self.shape(slot));
        Ok(match self.engine.machine().state_plan().slots[slot].element {
            Element::F32 => file.take_f32(&name, &shape)?.into(),
            Element::I32 => file.take_i32(&name, &shape)?.into(),
        })
    }
}
