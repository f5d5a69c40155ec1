//! Files of weights: a good one comes back to the bit; any other is an error that changes nothing.

mod common;
#[path = "common/folder.rs"]
mod folder;

use std::fs;
use std::path::Path;

use common::state::{State, twins};
use dl::Network;
use folder::Folder;

const TEXT: &str = "< dense(2, 3, relu), dense(3, 1) >";

/// A network, and the bytes of another one's weights.
fn net_and_weights(folder: &Folder) -> (Network, Vec<u8>) {
    let [net, _] = twins(TEXT);
    let other = Network::parse(TEXT).expect("a network").seed(6).build().expect("it compiles");
    let path = folder.file("good");
    other.save(&path).expect("a file");
    (net, fs::read(path).expect("the file"))
}

/// Where the tensors of a safetensors file begin.
fn header_len(contents: &[u8]) -> usize {
    let length: [u8; 8] = contents[..8].try_into().expect("eight bytes");
    8 + u64::from_le_bytes(length) as usize
}

/// Loads a file that must be refused.
fn refused(net: &mut Network, path: &Path, what: &str) {
    let before = State::of(net);
    let error = net.load(path).expect_err(what);
    assert!(!error.to_string().is_empty());
    assert_eq!(State::of(net), before, "{what}");
}

#[test]
fn weights_come_back_to_the_bit() {
    let folder = Folder::new("round-trip");
    let (mut net, contents) = net_and_weights(&folder);
    net.load(folder.file("good")).expect("weights");
    net.save(folder.file("again")).expect("a file");
    assert_eq!(fs::read(folder.file("again")).expect("the file"), contents);
}

#[test]
fn truncated_files() {
    let folder = Folder::new("truncated");
    let (mut net, contents) = net_and_weights(&folder);
    let path = folder.file("bad");
    for len in 0..contents.len() {
        fs::write(&path, &contents[..len]).expect("a file");
        refused(&mut net, &path, &format!("the first {len} bytes"));
    }
    fs::write(&path, [&contents[..], b"x"].concat()).expect("a file");
    refused(&mut net, &path, "a byte too many");
}

#[test]
fn flipped_bits() {
    let folder = Folder::new("flipped");
    let (mut net, contents) = net_and_weights(&folder);
    let path = folder.file("bad");
    net.load(folder.file("good")).expect("weights");
    let good = State::of(&net);
    for at in 0..contents.len() {
        let mut flipped = contents.clone();
        flipped[at] ^= 1 << (at % 8);
        fs::write(&path, &flipped).expect("a file");
        if at < header_len(&contents) {
            refused(&mut net, &path, &format!("byte {at} flipped"));
        } else {
            // Another number is still a number, unless it is none.
            match net.load(&path) {
                Ok(()) => assert_ne!(State::of(&net), good, "byte {at} flipped"),
                Err(error) => assert!(error.to_string().contains("finite"), "byte {at} flipped: {error}"),
            }
        }
    }
}

#[test]
fn foreign_files() {
    let folder = Folder::new("foreign");
    let (mut net, _) = net_and_weights(&folder);
    let path = folder.file("bad");
    for contents in [
        &b"\x89PNG\r\n\x1a\n"[..],
        b"PK\x03\x04",
        b"\x80\x02}q\x00.",
        b"\xff\xff\xff\xff\xff\xff\xff\xff{}",
        b"< dense(2, 3) >",
    ] {
        fs::write(&path, contents).expect("a file");
        refused(&mut net, &path, "a foreign file");
    }
    refused(&mut net, folder.path(), "a folder");
    refused(&mut net, &folder.file("missing"), "no file");
}

#[test]
fn weights_of_other_networks() {
    let folder = Folder::new("others");
    let (mut net, _) = net_and_weights(&folder);
    let path = folder.file("other");
    for (text, message) in [
        ("< dense(2, 3, relu) >", "has no tensor dense1.weight"),
        ("< dense(2, 3, relu), dense(3, 2) >", "tensor dense1.weight has shape [3, 2], but [3, 1] is needed"),
        ("< dense(2, 3, relu), dense(3, 1), dense(1, 1) >", "holds an unexpected tensor dense2.bias"),
        ("< hidden: dense(2, 3, relu), dense(3, 1) >", "has no tensor dense0.weight"),
    ] {
        let other = Network::parse(text).expect("a network").build().expect("it compiles");
        other.save(&path).expect("a file");
        let before = State::of(&net);
        let error = net.load(&path).expect_err(text).to_string();
        assert!(error.contains(message), "{text}: {error}");
        assert_eq!(State::of(&net), before, "{text}");
    }
}

#[test]
fn weights_that_are_not_finite() {
    let folder = Folder::new("not-finite");
    let (mut net, contents) = net_and_weights(&folder);
    let path = folder.file("bad");
    for value in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
        let mut contents = contents.clone();
        let end = contents.len();
        contents[end - 4..].copy_from_slice(&value.to_le_bytes());
        fs::write(&path, &contents).expect("a file");
        let before = State::of(&net);
        let error = net.load(&path).expect_err("not finite").to_string();
        let message = format!("element 2 of tensor dense1.weight is {value}, but finite numbers are needed");
        assert!(error.contains(&message), "{error}");
        assert_eq!(State::of(&net), before);
    }
}

#[test]
fn a_file_that_cannot_be_written() {
    let folder = Folder::new("unwritable");
    let (net, contents) = net_and_weights(&folder);
    let as_folder = folder.file("good").join("w");
    net.save(&as_folder).expect_err("a file is no folder");
    net.save(folder.path()).expect_err("a folder is no file");
    net.save(folder.file("no").join("such")).expect_err("no folder");
    net.save("").expect_err("no name");
    assert_eq!(fs::read(folder.file("good")).expect("the file"), contents);
    assert_eq!(folder.names(), ["good"], "nothing is left beside it");
}
