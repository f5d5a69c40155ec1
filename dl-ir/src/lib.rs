//! The graph IR of `dl`: the network language, primitive ops, symbolic autodiff, passes and a reference interpreter.
//!
//! ```text
//! network text ─parse→ layers ─build→ Graph ─autodiff, update→ training Graph ─passes→ optimized Graph
//! ```
//!
//! [`network::Network`] is a network whose text has been parsed ([`syntax`]) and checked ([`layers`], [`losses`], [`optimizers`]; mistakes are
//! [`diagnostics`]). [`build`] makes a [`module`] of it: declared state, and functions whose bodies are [`graph`]s of primitive [`ops`], gradients included
//! ([`autodiff`]). [`passes`] optimise the module, [`verify`] holds it to its rules, [`interp`] says in f64 what it computes, [`origin`] says where its nodes come from,
//! and [`text`] writes and reads it.
//!
//! ```
//! use dl_ir::interp::{self, Environment};
//! use dl_ir::{build, network::Network, passes, text, value::Value};
//!
//! let network = Network::parse("< dense(2, 1) >, loss = mse, optimizer = sgd(lr = 0.1)")?;
//! let module = build::module(&network, &network.target_types()[0]);
//! let module = passes::optimize(module, |pass, module| println!("after {}:\n{module}", pass.name))?;
//! assert_eq!(text::parse(&module.to_string())?, module);
//!
//! // One example, x = [3, 4] with target 10: the output is 1·3 + 2·4 + 0.5 = 11.5, so the loss is 1.5².
//! let environment = Environment::from([
//!     ("x".to_owned(), Value::f32(&[1, 2], vec![3.0, 4.0])),
//!     ("y".to_owned(), Value::f32(&[1, 1], vec![10.0])),
//!     ("dense0.weight".to_owned(), Value::f32(&[2, 1], vec![1.0, 2.0])),
//!     ("dense0.bias".to_owned(), Value::f32(&[1], vec![0.5])),
//!     ("lr".to_owned(), Value::f32(&[], vec![0.1])),
//! ]);
//! let step = module.function("train_step").expect("modules of networks have it");
//! let outcome = interp::run(step, &environment, 1);
//! assert_eq!(outcome.results["loss"].data, [2.25]);
//! // The gradient of the bias is 2 · 1.5.
//! assert!((outcome.updates["dense0.bias"].data[0] - (0.5 - 0.1 * 3.0)).abs() < 1e-12);
//! # Ok::<(), Box<dyn std::error::Error + Send + Sync>>(())
//! ```
#![warn(missing_docs)]
#![forbid(unsafe_code)]

pub mod access;
pub mod arguments;
pub mod autodiff;
pub mod bisect;
pub mod build;
pub mod builder;
pub mod closest;
pub mod diagnostics;
pub mod flops;
pub mod graph;
pub mod interp;
pub mod layers;
pub mod losses;
pub mod module;
pub mod network;
pub mod ops;
pub mod optimizers;
pub mod origin;
pub mod passes;
pub mod product;
pub mod random;
mod rewrite;
pub mod syntax;
pub mod text;
pub mod types;
pub mod value;
pub mod verify;
