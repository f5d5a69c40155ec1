//! A network as the compiler sees it: declared state, and functions over it.

use crate::graph::{Graph, NodeId};
use crate::types::TensorType;

/// The functions of one network over its state.
#[derive(Clone, PartialEq, Debug)]
pub struct Module {
    /// The canonical network text that it was built from; empty for hand-written modules.
    pub network: String,
    /// All state, in a fixed order.
    pub states: Vec<StateDecl>,
    /// The functions, by name: `train_step`, `predict` and others; see [`build`](crate::build).
    pub functions: Vec<Function>,
}

impl Module {
    /// The function of this name.
    pub fn function(&self, name: &str) -> Option<&Function> {
        self.functions.iter().find(|function| function.name == name)
    }

    /// The declaration of the state of this name.
    pub fn state(&self, name: &str) -> Option<&StateDecl> {
        self.states.iter().find(|state| state.name == name)
    }
}

/// A tensor that outlives a call.
#[derive(Clone, PartialEq, Debug)]
pub struct StateDecl {
    /// Its name: `dense0.weight`, `adam.m.dense0.weight`.
    pub name: String,
    /// Its type; no dimension depends on the batch.
    pub ty: TensorType,
    /// What it is for.
    pub role: StateRole,
    /// Its first value.
    pub init: Init,
}

/// What a state is for.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum StateRole {
    /// Trained by the optimizer.
    Parameter,
    /// Kept by the network, as running statistics are.
    Buffer,
    /// Kept by the optimizer.
    Optimizer,
    /// Set by the host: the learning rate.
    Hyper,
    /// Of the generator of random numbers: its key, and the number of training steps so far.
    Random,
}

/// The first value of a state.
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum Init {
    /// Every element this number.
    Constant(f64),
    /// A 32-bit word of the seed, for an i32 scalar.
    Seed {
        /// 0 is the low word, 1 the high one.
        word: usize,
    },
    /// Uniform in ±√(6 / (fan_in + fan_out)) (Glorot and Bengio, 2010).
    GlorotUniform {
        /// Inputs of a unit.
        fan_in: usize,
        /// Outputs of a unit.
        fan_out: usize,
    },
    /// Normal with variance 2 / (fan_in + fan_out) (Glorot and Bengio, 2010).
    GlorotNormal {
        /// Inputs of a unit.
        fan_in: usize,
        /// Outputs of a unit.
        fan_out: usize,
    },
    /// Uniform in ±√(6 / fan_in) (He et al., 2015).
    HeUniform {
        /// Inputs of a unit.
        fan_in: usize,
    },
    /// Uniform in ±limit.
    Uniform {
        /// The largest value.
        limit: f64,
    },
    /// Normal with variance 2 / fan_in (He et al., 2015).
    HeNormal {
        /// Inputs of a unit.
        fan_in: usize,
    },
    /// Orthonormal rows, or columns where there are more rows than columns (Saxe et al., 2014). The first axis counts rows.
    Orthogonal,
    /// The bias of an LSTM, gates i, f, g, o: 1 in the second quarter (Jozefowicz et al., 2015), 0 in the others.
    LstmBias,
}

/// A pure function: from inputs and state to results and new state. The body of a scan is one too.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Function {
    /// Its name.
    pub name: String,
    /// Its body.
    pub graph: Graph,
    /// What it returns, by name.
    pub results: Vec<(String, NodeId)>,
    /// The states it changes, by name, and their new values.
    pub updates: Vec<(String, NodeId)>,
}

impl Function {
    /// The nodes whose values leave the function.
    pub fn roots(&self) -> impl Iterator<Item = NodeId> + '_ {
        self.results.iter().chain(&self.updates).map(|&(_, node)| node)
    }
}
