//! Modules as text, for people, tests, tools and the macro.
//!
//! ```text
//! dl 1
//! network "< dense(2, 1) >"
//! state dense0.weight : f32[2, 1] parameter glorot_uniform(2, 1)
//! function predict {
//!   %0 = input {name="x"} : f32[B, 2]
//!   %1 = state {name="dense0.weight"} : f32[2, 1]
//!   %2 = einsum %0, %1 {subscripts="ab,bc->ac"} : f32[B, 1]
//!   return y = %2
//! }
//! ```
//!
//! The first line is the version of the format. Then come the network that the module was built from, its states (type,
//! role, first value) and its functions: one node a line, with operands, attributes and type; what it returns; the new
//! values of the states it updates. `//` and `;` begin comments; line breaks mean nothing. Names that are not made of
//! letters, digits, `_` and `.` stand in quotes.
//!
//! A module that verifies prints ([`Display`](std::fmt::Display)) and parses ([`parse`]) to itself. Printing numbers the
//! nodes in order, so printing what was parsed gives the canonical text. In a graph, equal nodes are one: a line that
//! repeats an earlier op on the same operands names the earlier node, and is not printed again.
//!
//! A line may end with where its node comes from ([`origin`](crate::origin)); `{module:#}` prints that, `{module}` does not:
//!
//! ```text
//!   %7 = select %4, %6, %5 : f32[B, 3] @ layer dense0 at 1:3 vjp max %4 pass simplify
//! ```
//!
//! The body of a `scan` is an attribute: `body={`, lines as in a function, with numbers of their own, and `}`.

mod cursor;
mod error;
mod init;
mod lexer;
mod origin;
mod parse;
mod print;
mod quote;

pub use error::{ParseError, ParseProblem};
pub use parse::parse;
pub(crate) use print::Lines;
pub use print::OfLayer;
pub(crate) use quote::{Name, Quoted};

/// The version of the format.
pub const VERSION: usize = 1;

/// The longest text that is parsed, in bytes.
pub const MAX_LENGTH: usize = 64 << 20;

/// The most nodes a function may have.
pub const MAX_NODES: usize = 1 << 20;

/// How deep scans may stand in bodies of scans.
pub const MAX_DEPTH: usize = 4;

/// The most items a list may have: of operands, attributes, integers, parts of a tuple.
pub const MAX_LIST: usize = 1024;
