//! What documents show of `dlc` is what it prints.
//!
//! In a block marked `console`, a line `$ dlc …` is a command, and what follows, up to the next command, its standard output, or its
//! standard error if it fails. A line `…` stands for any lines. Commands run one after the other in the root of the repository, and write
//! files into its `target`. What depends on the machine is not compared (`masks.rs`).
//!
//! `DL_BLESS=1 cargo test -p dl-cli --test documents` writes what is printed into the documents, where it is not what they show; read the
//! difference before you commit it.

mod console;
mod masks;

#[test]
fn the_readme_shows_what_dlc_prints() {
    console::check("README.md");
}

#[test]
fn questions_are_answered_by_what_dlc_prints() {
    console::check("docs/debugging.md");
}
