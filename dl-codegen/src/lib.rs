//! The code generator of `dl`: an optimised graph becomes kernels, kernels become machine code.
//!
//! ```text
//! Graph ─fuse→ groups ─schedule→ kernels (loop nests running vector programs) ─plan→ arena, launch table
//! kernels ─emit→ CLIF;  vector programs ─emit→ CLIF f32x4, or ─encode→ AVX2, AVX-512 bytes
//! ```
//!
//! [`compile`] is the pipeline, of the [`stages`]. [`fuse`] decides which nodes share a kernel, [`schedule`] makes a [`kernel`] of each group, [`plan`] orders the kernels and places
//! their buffers, and [`jit`] compiles them into memory, by way of [`emit`] and [`encode`]. The innermost bodies of kernels are programs of
//! [`vector`] instructions, the same for every width of vectors.
//!
//! ```
//! use dl_codegen::{compile::lower, jit::host_lanes, plan::plan_state, target::Target};
//! use dl_ir::{build, network::Network, passes};
//! use dl_runtime::machine::Machine;
//!
//! let network = Network::parse("< dense(2, 1) >")?;
//! let module = passes::optimize(build::module(&network, &network.target_types()[0]), |_, _| ())?;
//! let predict = module.function("predict").expect("modules of networks have it");
//!
//! let target = Target { lanes: host_lanes() };
//! let state = plan_state(&module, target);
//! let mut machine = Machine::new(state.clone(), 1)?;
//! machine.set_state(0, &[1.0f32, 2.0])?; // dense0.weight; the bias is 0
//! let program = lower(predict, &state, target)?.load(&mut machine)?;
//!
//! let mut call = machine.call(program, 1)?;
//! let (x, output) = (call.program().inputs[0].1, call.program().results[0].1);
//! call.input::<f32>(x).copy_from_slice(&[3.0, 4.0]);
//! call.run()?;
//! assert_eq!(call.result::<f32>(output), [11.0]);
//! # Ok::<(), Box<dyn std::error::Error + Send + Sync>>(())
//! ```
#![warn(missing_docs, clippy::undocumented_unsafe_blocks)]
pub mod bisect;
pub mod compile;
pub mod emit;
pub mod encode;
pub mod fuse;
pub mod jit;
pub mod kernel;
pub mod layout;
pub mod limits;
pub mod locations;
pub mod matrix;
pub mod plan;
pub mod schedule;
pub mod stages;
pub mod target;
pub mod vector;
