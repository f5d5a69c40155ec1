//! Emitting CLIF, the intermediate representation of Cranelift.

#[cfg(test)]
pub(crate) mod testing;
pub mod vector;
