//! The runtime of `dl`: what a compiled network needs while it runs, and nothing of the compiler.
//!
//! It knows programs (a launch table over planned buffers), the arena they live in, tensors that go in and out, and
//! files. It does not know graphs, layers or code generation.
#![warn(missing_docs)]
#![deny(unsafe_code)]

#[allow(unsafe_code, reason = "owns raw memory")]
pub mod arena;
pub mod data;
pub mod files;
pub mod init;
pub mod layout;
#[allow(unsafe_code, reason = "calls compiled kernels")]
pub mod machine;
#[allow(unsafe_code, reason = "lends closures to threads that outlive them")]
pub mod pool;
pub mod program;
pub mod random;
pub mod tensor;
