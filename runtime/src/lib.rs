//! The runtime of `dl`: what a compiled network needs while it runs, and nothing of the compiler.
//!
//! It knows programs (a launch table over planned buffers), the arena they live in, tensors that go in and out, and
//! files. It does not know graphs, layers or code generation.
pub mod program;
