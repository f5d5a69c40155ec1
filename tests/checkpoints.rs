//! Checkpoints: training goes on to the bit; what does not fit is told; what is damaged is refused; the old file outlives failures.

mod common;
#[path = "common/folder.rs"]
mod folder;

use std::fs;
use std::path::Path;

use common::state::{State, twins};
use dl::{Difference, Error, Network};
use folder::Folder;
use ndarray::{Array1, Array2};

const TEXT: &str = "< dense(4, 5, tanh), dense(5, 3, softmax) >, optimizer = adam(lr = 0.01)";

/// Steps of training, each on a batch of its own, with a learning rate that falls from step to step.
fn train(net: &mut Network, steps: std::ops::Range<u64>) -> Vec<u32> {
    let step = |step: u64| {
        let value = |(row, column)| ((step * 31 + row as u64 * 4 + column as u64) as f32 * 0.37).sin();
        let x = Array2::from_shape_fn((6, 4), value);
        let y = Array1::from_shape_fn(6, |row| (row as u64 + step) % 3);
        let loss = net.train_step(&x, &y).expect("finite");
        net.set_learning_rate(0.97 * net.learning_rate()).expect("a learning rate");
        loss.to_bits()
    };
    steps.map(step).collect()
}

fn build(text: &str, seed: u64) -> Network {
    Network::parse(text).expect("a network").seed(seed).build().expect("it compiles")
}

fn resume_error(text: &str, path: &Path) -> Error {
    let mut net = build(text, 1);
    let before = State::of(&net);
    let error = net.resume(path).expect_err("a checkpoint that does not fit");
    assert_eq!(State::of(&net), before, "{error}");
    error
}

#[test]
fn training_goes_on_to_the_bit() {
    let folder = Folder::new("resume");
    let path = folder.file("checkpoint");
    for optimizer in
        ["adam(lr = 0.01)", "sgd(lr = 0.1, momentum = 0.9)", "rmsprop(lr = 0.01)", "adagrad(lr = 0.1)"]
    {
        let text = format!("< dense(4, 5, tanh), dense(5, 3, softmax) >, optimizer = {optimizer}");
        let mut whole = build(&text, 5);
        train(&mut whole, 0..4);
        whole.save_checkpoint(&path).expect("a file");
        let expected = train(&mut whole, 4..9);
        // Another seed, and a name, which does not matter.
        let mut resumed = build(&format!("Named {text}"), 77);
        resumed.resume(&path).expect("a checkpoint");
        assert_eq!((resumed.steps(), resumed.seed()), (4, 5));
        assert_eq!(train(&mut resumed, 4..9), expected, "{optimizer}");
        assert_eq!(State::of(&resumed), State::of(&whole), "{optimizer}");
        assert_eq!(resumed.learning_rate().to_bits(), whole.learning_rate().to_bits());
    }
}

/// Running statistics, the generator's key and its step are in the checkpoint too.
#[test]
fn dropout_and_running_statistics_go_on() {
    let folder = Folder::new("resume-modes");
    let path = folder.file("checkpoint");
    let text = "< dense(4, 16, relu), batch_norm(16), dropout(0.5), dense(16, 3, softmax) >";
    let mut whole = build(text, u64::MAX - 4);
    train(&mut whole, 0..3);
    whole.save_checkpoint(&path).expect("a file");
    let expected = train(&mut whole, 3..6);
    let mut resumed = build(text, 1);
    resumed.resume(&path).expect("a checkpoint");
    assert_eq!(train(&mut resumed, 3..6), expected);
    assert_eq!(State::of(&resumed), State::of(&whole));
    // With the masks of another seed training is another one.
    let mut other = build(text, 1);
    other.load(&path).expect("weights");
    assert_eq!(other.parameter("batch_norm0.running_mean").expect("a buffer").shape(), [16]);
    assert_ne!(train(&mut other, 3..6), expected);
}

#[test]
fn the_same_training_makes_the_same_file() {
    let folder = Folder::new("same-file");
    let [one, two] = ["one", "two"].map(|name| {
        let mut net = build(TEXT, 3);
        train(&mut net, 0..2);
        net.save_checkpoint(folder.file(name)).expect("a file");
        fs::read(folder.file(name)).expect("the file")
    });
    assert_eq!(one, two);
}

#[test]
fn a_checkpoint_serves_as_weights_for_any_optimizer() {
    let folder = Folder::new("as-weights");
    let path = folder.file("checkpoint");
    let mut net = build(TEXT, 3);
    train(&mut net, 0..2);
    net.save_checkpoint(&path).expect("a file");
    for optimizer in ["adam(lr = 0.01)", "sgd(lr = 0.5, momentum = 0.9)"] {
        let mut other = build(&TEXT.replace("adam(lr = 0.01)", optimizer), 8);
        other.load(&path).expect("weights");
        assert_eq!(other.parameters(), net.parameters());
        let lr = if optimizer.starts_with("adam") { 0.01 } else { 0.5 };
        assert_eq!((other.learning_rate(), other.steps()), (lr, 0));
    }
}

#[test]
fn weights_are_no_checkpoint() {
    let folder = Folder::new("no-checkpoint");
    let path = folder.file("weights");
    build(TEXT, 3).save(&path).expect("a file");
    assert!(matches!(resume_error(TEXT, &path), Error::NotACheckpoint { .. }));
    assert!(matches!(resume_error(TEXT, &folder.file("missing")), Error::File(_)));
}

#[test]
fn differences_are_spelled_out() {
    let folder = Folder::new("differences");
    let path = folder.file("checkpoint");
    build(TEXT, 3).save_checkpoint(&path).expect("a file");
    let cases = [
        (
            "< dense(4, 6, tanh), dense(6, 3, softmax) >, optimizer = adam(lr = 0.01)",
            "\n  layer 0 is dense0: dense(4, 5, tanh) in the checkpoint, but dense0: dense(4, 6, tanh) here\
             \n  layer 1 is dense1: dense(5, 3, softmax) in the checkpoint, but dense1: dense(6, 3, softmax) here\
             \n  the shape of tensor dense0.weight is [4, 5] in the checkpoint, but [4, 6] here",
        ),
        (
            "< dense(4, 5, relu), dense(5, 3, softmax) >, optimizer = adam(lr = 0.01)",
            "\n  layer 0 is dense0: dense(4, 5, tanh) in the checkpoint, but dense0: dense(4, 5, relu) here",
        ),
        (
            "< dense(4, 5, tanh), dense(5, 3), softmax >, loss = mse, optimizer = adam(lr = 0.01)",
            "\n  layer 1 is dense1: dense(5, 3, softmax) in the checkpoint, but dense1: dense(5, 3) here\
             \n  layer 2 is missing in the checkpoint, but softmax0: softmax here\
             \n  the loss is cross_entropy in the checkpoint, but mse here",
        ),
        (
            "< dense(4, 5, tanh), dense(5, 3, softmax) >, optimizer = adam(lr = 0.02)",
            "\n  the optimizer is adam(lr = 0.01) in the checkpoint, but adam(lr = 0.02) here",
        ),
        (
            "< dense(4, 5, tanh), dense(5, 3, softmax) >, optimizer = sgd(lr = 0.01)",
            "\n  the optimizer is adam(lr = 0.01) in the checkpoint, but sgd(lr = 0.01) here\
             \n  tensor training/adam.c1 is in the checkpoint only",
        ),
        (
            "< dense(4, 5, tanh), dense(5, 3, softmax) >, optimizer = adagrad(lr = 0.01)",
            "\n  tensor training/adagrad.sum.dense0.weight is missing in the checkpoint",
        ),
    ];
    for (text, expected) in cases {
        let error = resume_error(text, &path);
        let message = error.to_string();
        assert!(message.contains("is a checkpoint of another network:\n"), "{message}");
        assert!(message.contains(expected), "{expected}\nis not in\n{message}");
        let Error::OtherNetwork { differences, .. } = error else { panic!("{message}") };
        assert!(!differences.0.is_empty());
    }
    let error = resume_error(&TEXT.replace("tanh", "relu"), &path);
    let Error::OtherNetwork { differences, .. } = error else { panic!("{error}") };
    assert!(matches!(&differences.0[..], [Difference::Layer { index: 0, .. }]), "{differences}");
}

#[test]
fn damaged_checkpoints() {
    let folder = Folder::new("damaged");
    let path = folder.file("bad");
    let text = "< dense(1, 2) >, optimizer = sgd(lr = 0.5)";
    let mut net = build(text, 3);
    net.save_checkpoint(&path).expect("a file");
    let contents = fs::read(&path).expect("the file");
    let good = State::of(&net);
    for len in 0..contents.len() {
        fs::write(&path, &contents[..len]).expect("a file");
        net.resume(&path).expect_err("a part");
        net.load(&path).expect_err("a part");
    }
    for at in 0..contents.len() {
        let mut flipped = contents.clone();
        flipped[at] ^= 1 << (at % 8);
        fs::write(&path, &flipped).expect("a file");
        net.resume(&path).expect_err("damaged");
        net.load(&path).expect_err("damaged");
    }
    assert_eq!((State::of(&net), net.steps()), (good, 0));
    fs::write(&path, &contents).expect("a file");
    net.resume(&path).expect("the file as it was");
}

#[test]
fn numbers_that_are_not_finite() {
    let folder = Folder::new("checkpoint-not-finite");
    let path = folder.file("checkpoint");
    let text = "< dense(1, 1) >, optimizer = sgd(lr = 1e38)";
    let [mut net, _] = twins(text);
    // So steep that the parameters overflow.
    net.train_step(&ndarray::array![[1e3f32]], &ndarray::array![[-1e3f32]]).expect("a finite loss");
    net.save_checkpoint(&path).expect("a file");
    let error = resume_error(text, &path);
    assert!(error.to_string().contains("but finite numbers are needed"), "{error}");
}

/// What is written to while its disk is full, or its file as large as may be, or its process killed.
#[cfg(target_os = "linux")]
mod failures {
    use std::process::{Command, Output};

    use super::*;

    const FILE: &str = "DL_TEST_CHECKPOINT";

    #[test]
    fn a_full_disk() {
        let [net, _] = twins(TEXT);
        let error = net.save_checkpoint("/dev/full").expect_err("a full disk");
        assert!(error.to_string().contains("cannot write /dev/full: No space left"), "{error}");
    }

    /// A child of this test, in which files may have one block only, that overwrites a checkpoint.
    fn overwrite_in_child(folder: &Folder, before: &str) -> (Output, Vec<u8>) {
        let path = folder.file("checkpoint");
        let mut net = build(TEXT, 3);
        net.save_checkpoint(&path).expect("a file");
        let old = fs::read(&path).expect("the file");
        assert!(old.len() > 1024, "more than a block");
        let child = std::env::current_exe().expect("this test");
        let script = format!(
            "{before} ulimit -f 1; exec '{}' --ignored --exact failures::overwrites --nocapture",
            child.display()
        );
        let output = Command::new("sh").args(["-c", &script]).env(FILE, &path).output().expect("a shell");
        assert_eq!(fs::read(&path).expect("the file"), old, "{output:?}");
        net.resume(&path).expect("it is whole");
        (output, old)
    }

    #[test]
    fn no_room_for_the_file() {
        let folder = Folder::new("no-room");
        let (output, _) = overwrite_in_child(&folder, "trap '' XFSZ;");
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(
            text.contains("File too large") && text.contains("what was there before is unchanged"),
            "{text}"
        );
        assert_eq!(folder.names(), ["checkpoint"], "nothing is left beside it");
    }

    #[test]
    fn a_process_that_is_killed() {
        let folder = Folder::new("killed");
        let (output, _) = overwrite_in_child(&folder, "");
        assert_eq!(std::os::unix::process::ExitStatusExt::signal(&output.status), Some(25), "{output:?}");
    }

    #[test]
    #[ignore = "run by the others"]
    fn overwrites() {
        let path = std::env::var_os(FILE).expect("run by the others");
        let mut net = build(TEXT, 3);
        train(&mut net, 0..1);
        if let Err(error) = net.save_checkpoint(path) {
            println!("{error}");
        }
    }

    #[test]
    fn places_that_cannot_be_written() {
        let folder = Folder::new("places");
        let [net, _] = twins(TEXT);
        net.save_checkpoint(folder.file("checkpoint")).expect("a file");
        for path in
            [folder.file("checkpoint").join("c"), folder.path().to_owned(), "/proc/c".into(), "".into()]
        {
            let error = net.save_checkpoint(&path).expect_err("no place for a file");
            assert!(matches!(error, Error::File(_)), "{error}");
        }
        assert_eq!(folder.names(), ["checkpoint"]);
    }
}
