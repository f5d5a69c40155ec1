//! The code generator of `dl`: an optimised graph becomes kernels, kernels become machine code.
//!
//! ```text
//! Graph ─fuse→ groups ─schedule→ kernels (loop nests running vector programs) ─plan→ arena, launch table
//! kernels ─emit→ CLIF;  vector programs ─emit→ CLIF f32x4, or ─encode→ AVX2, AVX-512 bytes
//! ```
pub mod compile;
pub mod emit;
pub mod encode;
pub mod fuse;
pub mod jit;
pub mod kernel;
pub mod matrix;
pub mod plan;
pub mod schedule;
pub mod target;
pub mod vector;
