//! What the tests of the library share.

pub mod state;
