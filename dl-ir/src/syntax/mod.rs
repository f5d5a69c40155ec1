//! The network language: its syntax tree and the one parser that the macro, the command line and `.dl` files share.
//!
//! The parser knows the grammar only. What words mean is checked in [`network`](crate::network).

pub mod ast;
mod cursor;
mod number;
mod parse;
mod text;

pub(crate) use parse::parse_one;
pub(crate) use text::with_network;

/// The longest network text, in bytes.
pub const MAX_TEXT: usize = 1 << 20;

/// How deep brackets and layer lists may nest.
pub const MAX_DEPTH: usize = 64;

/// The largest number of layers of one text, counting those in nested lists.
pub const MAX_LAYERS: usize = 100_000;
