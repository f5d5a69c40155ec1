//! dl
