//! `dlc` as its users run it.

mod errors;
mod folder;
mod gallery;
mod inspection;
mod locations;
mod matrix;
mod modules;
mod oracles;
mod profile;
mod training;
#[path = "../../../dl-ir/tests/common/gallery.rs"]
mod wrong_networks;
