//! The code generator of `dl`: an optimised graph becomes kernels, kernels become machine code.
//!
//! ```text
//! Graph ─fuse→ groups ─schedule→ kernels (loop nests running vector programs) ─plan→ arena, launch table
//! kernels ─emit→ CLIF;  vector programs ─emit→ CLIF f32x4, or ─encode→ AVX2, AVX-512 bytes
//! ```
pub mod encode;
pub mod emit;
pub mod vector;
