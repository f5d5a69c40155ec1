//! The graph IR of `dl`: the network language, primitive ops, symbolic autodiff, passes and a reference interpreter.
//!
//! ```text
//! network text ─parse→ layers ─build→ Graph ─autodiff, update→ training Graph ─passes→ optimized Graph
//! ```
#![warn(missing_docs)]
#![forbid(unsafe_code)]

pub mod arguments;
pub mod autodiff;
pub mod build;
pub mod builder;
mod closest;
pub mod diagnostics;
pub mod graph;
pub mod interp;
pub mod layers;
pub mod losses;
pub mod module;
pub mod network;
pub mod ops;
pub mod optimizers;
pub mod passes;
pub mod syntax;
pub mod text;
pub mod types;
pub mod value;
pub mod verify;
