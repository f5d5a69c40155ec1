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
//!
//! A network is a type of its own where it has a name, and an expression where it has none; [`Network::parse`] makes one from text at run time.
//! All are a [`Network`] with the same methods: [`train_step`](Network::train_step), [`predict`](Network::predict),
//! [`evaluate`](Network::evaluate), [`gradients`](Network::gradients), [`parameters`](Network::parameters), [`save`](Network::save) and
//! [`load`](Network::load). [`Builder`] has the options: seed, threads, width of vectors, size of the batch. Examples and targets are arrays and views of `ndarray`,
//! slices or vectors ([`tensor`]), or batches of a [data set](data).
//!
//! For one seed, results are the same to the bit at any number of threads and any width of vectors.
//!
//! `docs/language.md` in the repository describes the language: layers, losses, optimizers, files. A mistake in a network is an error of rustc at the
//! token that is wrong:
//!
//! ```compile_fail
//! # use dl::network;
//! // dense(128, 10) expects 128 features, but the layer before gives 256
//! let net = network!(< dense(784, 256, relu), dense(128, 10, softmax) >);
//! ```
#![warn(missing_docs)]
#![forbid(unsafe_code)]

mod budget;
mod builder;
mod engine;
mod error;
mod function;
mod gradients;
pub mod inspect;
mod item;
mod network;

/// Random numbers that depend on nothing but a seed and their place: noise for networks to read, the same in every run.
pub mod random {
    pub use dl_runtime::random::Stream;
}

pub use builder::Builder;
pub use dl_macros::network;
pub use dl_runtime::data;
pub use dl_runtime::tensor;
pub use error::{Error, NotFiniteCause, Result};
pub use function::Function;
pub use gradients::Gradients;
#[doc(no_inline)]
pub use ndarray;
pub use network::{Difference, Differences, Evaluation, Network};

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;

/// What most programs use: `use dl::prelude::*;`.
pub mod prelude {
    pub use crate::data::DataSet;
    pub use crate::{Builder, Network, network};
}
