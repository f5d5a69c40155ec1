//! The graph IR of `dl`: the network language, primitive ops, symbolic autodiff, passes and a reference interpreter.
//!
//! ```text
//! network text ─parse→ layers ─build→ Graph ─autodiff, update→ training Graph ─passes→ optimized Graph
//! ```
#![warn(missing_docs)]
#![forbid(unsafe_code)]

pub mod autodiff;
pub mod builder;
mod closest;
pub mod graph;
pub mod interp;
pub mod module;
pub mod ops;
pub mod text;
pub mod types;
pub mod value;
pub mod verify;
