//! `dlc` as its users run it.

mod errors;
mod folder;
mod inspection;
mod oracles;
mod profile;
mod training;
