//! The graph IR of `dl`.
