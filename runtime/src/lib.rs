//! The runtime of `dl`: what a compiled network needs while it runs, and nothing of the compiler.
//!
//! It does not know graphs, layers or code generation. A compiler hands over a [`program`]: a launch table over
//! planned buffers. A [`machine`] runs it: it owns the [`arena`] in which all buffers lie, and leases threads from the one
//! [`pool`] of the process for a step. [`tensor`] says what users may hand in, [`layout`] how kernels like their tensors,
//! [`random`] and [`init`] where numbers begin, [`finite`] which numbers are none, [`files`] and [`data`] how they are kept.
//!
//! ```
//! use dl_runtime::machine::Machine;
//! use dl_runtime::program::{Element, Layout, StatePlan, StateSlot};
//!
//! // A weight [2, 3], which its kernels want in panels of two columns.
//! let weight = StateSlot {
//!     name: "dense0.weight".to_owned(),
//!     shape: vec![2, 3],
//!     element: Element::F32,
//!     layout: Layout::Panel { width: 2 },
//!     offset: 0,
//! };
//! let mut machine = Machine::new(StatePlan { slots: vec![weight] }, 1)?;
//! machine.set_state(0, &[1.0f32, 2.0, 3.0, 4.0, 5.0, 6.0])?;
//! // Users see plain, row-major tensors whatever the layout.
//! assert_eq!(machine.state::<f32>(0), [1.0, 2.0, 3.0, 4.0, 5.0, 6.0]);
//! # Ok::<(), dl_runtime::machine::RunError>(())
//! ```
//!
//! What holds throughout:
//!
//! - A step allocates nothing once its batch size has been seen, and starts no thread if one is asked for.
//! - A step that stops at a value that is not finite, or a batch that does not fit in memory, leaves the state as it was.
//! - Results do not depend on the number of threads, and random numbers on nothing but seed, stream, step and element.
//! - What comes from outside, a tensor or a file, is never trusted and never the cause of a panic.
//! - `unsafe` code is in [`arena`], [`machine`] and [`pool`] only.
#![warn(missing_docs, clippy::undocumented_unsafe_blocks)]
#![deny(unsafe_code)]

#[allow(unsafe_code, reason = "owns raw memory")]
pub mod arena;
pub mod data;
pub mod files;
pub mod finite;
pub mod init;
pub mod layout;
#[allow(unsafe_code, reason = "calls compiled kernels")]
pub mod machine;
#[allow(unsafe_code, reason = "lends closures to threads that outlive them")]
pub mod pool;
pub mod program;
pub mod random;
pub mod tensor;
