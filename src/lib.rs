//! A compiler for neural networks on CPUs.
//!
//! One line describes a network. Its whole training step (forward, loss, backward and update) is differentiated and optimised as one
//! graph when Rust compiles the program, and becomes fused machine code for the CPU at hand when the program runs.
//!
//! ```
//! use dl::network;
//! use ndarray::{Array1, Array2};
//!
//! let mut net = network!(< dense(784, 128, relu), dense(128, 10, softmax) >).seed(1).build()?;
//! let (x, y) = (Array2::<f32>::zeros((32, 784)), Array1::<u8>::zeros(32));
//! let loss = net.train_step(&x, &y)?;
//! assert!(loss > 0.0);
//! assert_eq!(net.predict(&x)?.shape(), [32, 10]);
//! # Ok::<(), dl::Error>(())
//! ```
#![warn(missing_docs)]
#![forbid(unsafe_code)]

mod builder;
mod engine;
mod error;
mod item;
mod network;

pub use builder::Builder;
pub use dl_macros::network;
pub use dl_runtime::data;
pub use dl_runtime::tensor;
pub use error::{Error, NotFiniteCause, Result};
#[doc(no_inline)]
pub use ndarray;
pub use network::{Evaluation, Gradients, Network};

/// What most programs use: `use dl::prelude::*;`.
pub mod prelude {
    pub use crate::data::DataSet;
    pub use crate::{Builder, Network, network};
}
