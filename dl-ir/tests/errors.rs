//! The gallery of wrong networks, under their lines. `DL_BLESS=1` rewrites what is shown.

#[path = "common/gallery.rs"]
mod gallery;

use std::fs;

use dl_ir::network::Network;
use gallery::{SEPARATOR, gallery};

#[test]
fn every_wrong_network_is_shown_as_blessed() {
    let bless = std::env::var_os("DL_BLESS").is_some();
    let mut failures = Vec::new();
    for wrong in gallery() {
        let (path, text) = (wrong.path.display(), &wrong.text);
        let Err(errors) = Network::parse(text) else { panic!("{path} has no mistake") };
        let expected = format!("{text}{SEPARATOR}{}\n", errors.render("net.dl", text));
        if bless {
            fs::write(&wrong.path, expected).expect("a writable file");
        } else if fs::read_to_string(&wrong.path).expect("a readable file") != expected {
            failures.push(format!("{path}:\n{expected}"));
        }
    }
    assert!(failures.is_empty(), "set DL_BLESS=1 to accept:\n{}", failures.join("\n"));
}
