//! Emitting CLIF, the intermediate representation of Cranelift.

pub mod kernel;
pub mod listing;
mod located;
pub mod module;
#[cfg(test)]
pub(crate) mod testing;
pub mod vector;

pub use module::{DefineError, define_kernels};
