//! What goes wrong is told, with the right exit status, and leaves no half-written file.

use crate::folder::{Folder, NET};
use dl_runtime::tensor::Data;

#[test]
fn mistakes_in_networks_are_shown_in_place() {
    let folder = Folder::new();
    let expected = "\
error: dense(3, 1) expects 3 features, but the layer before gives 2
 --> <network>:1:22
  |
1 | < dense(3, 2), dense(3, 1) >
  |   -----------        ^ expected 2
  |   |
  |   `dense` gives the shape [2]
  |
  = help: write `dense(2, 1)`, or change the layer before
";
    assert_eq!(folder.dlc(&["summary", "< dense(3, 2), dense(3, 1) >"]).fails(1), expected);
    folder.write("net.dl", "< dense(3, 2),\n  dens(2, 1) >");
    let error = folder.dlc(&["dump", "net.dl"]).fails(1);
    assert!(error.contains("--> net.dl:2:3") && error.contains("^^^^") && error.contains("dense"), "{error}");
}

#[test]
fn wrong_usage_has_a_status_of_its_own() {
    let folder = Folder::new();
    let cases: &[(&[&str], &str)] = &[
        (&[], "Usage"),
        (&["nothing"], "nothing"),
        (&["summary"], "NET"),
        (&["summary", NET, "--batch", "0"], "--batch"),
        (&["train", NET], "--data"),
        (&["train", NET, "--data", "d", "--threads", "0"], "--threads"),
        (&["bench", NET, "--lanes", "5"], "--lanes"),
        (&["bench", NET, "--seconds", "NaN"], "--seconds"),
        (&["init", NET, "--seed", "x", "--output", "w"], "--seed"),
        (&["init", NET, "--seed", "-1", "--output", "w"], "invalid value '-1' for '--seed"),
        (&["init", NET, "--seed", "18446744073709551616", "--output", "w"], "--seed"),
        (&["init", NET, "--output", ""], "--output"),
        (&["bench", NET, "--seconds", "-1"], "invalid value '-1' for '--seconds"),
        (&["bench", NET, "--seconds", "inf"], "--seconds"),
        (&["bench", NET, "--threads", "257"], "1..=256"),
        (&["bench", NET, "--batch", "4294967296"], "--batch"),
        (&["bench", NET, "--lanes", "7"], "[possible values: 4, 8, 16]"),
        (&["train", NET, "--data", "d", "--epochs", "0"], "--epochs"),
        (&["train", NET, "--data", "d", "--batch-size", "-3"], "invalid value '-3' for '--batch-size"),
        (&["verify", NET, "--threads", "1,0"], "--threads"),
        (&["verify", NET, "--threads", ""], "--threads"),
        (&["verify", NET, "--steps", "1.5"], "--steps"),
        (&["check", NET, "--batch", "NaN"], "--batch"),
        (&["dump", NET, "--stage", "stages"], "[possible values: layers"),
        (&["dump", NET, "--function", "train"], "there is no function `train`"),
        (&["dump", NET, "--print-after", "nothing"], "--print-after"),
        (&["dump", NET, "--format", "png"], "--format"),
        (&["dump", NET, "--stage", "clif", "--format", "dot"], "--format"),
        (&["profile", NET, "--function", "step"], "--function"),
    ];
    for (args, part) in cases {
        let error = folder.dlc(args).fails(2);
        assert!(error.contains(part), "{args:?}: {error}");
    }
    assert!(folder.dlc(&["--version"]).ok().starts_with("dlc "));
    assert!(folder.dlc(&["train", "--help"]).ok().contains("--no-shuffle"));
}

#[test]
fn a_file_that_is_not_there_is_named() {
    let folder = Folder::new();
    folder.write_data("d", 3, false);
    folder.dlc(&["init", NET, "--output", "w"]).ok();
    let cases: [(&str, &[&str]); 4] = [
        ("no.dl", &["summary", "no.dl"]),
        ("no.weights", &["eval", NET, "--weights", "no.weights", "--data", "d"]),
        ("no.data", &["eval", NET, "--weights", "w", "--data", "no.data"]),
        ("no.batch", &["predict", NET, "--weights", "w", "--input", "no.batch", "--output", "y"]),
    ];
    for (name, args) in cases {
        let error = folder.dlc(args).fails(1);
        assert!(error.starts_with("error: cannot read") && error.contains(name), "{error}");
        assert_eq!(error.lines().count(), 1, "{error}");
    }
    assert_eq!(folder.names(), ["d", "w"]);
}

#[test]
fn files_that_are_no_network() {
    let folder = Folder::new();
    std::fs::create_dir(folder.path("folder.dl")).unwrap();
    folder.write("binary.dl", b"< dense(1, 1) >\xff");
    folder.write("empty.dl", "");
    folder.write("two.dl", "A < dense(1, 1) >\nB < dense(1, 2) >");
    let cases = [
        ("folder.dl", "cannot read folder.dl: "),
        ("binary.dl", "cannot read binary.dl: it is not UTF-8 text"),
        ("empty.dl", "there is no network in this text"),
        ("", "there is no network in this text"),
        ("two.dl", "there are several networks: A, B"),
        ("two.dl#C", "there is no network `C`"),
        ("two.dl#", "there is no network ``"),
        ("#A", "cannot read #A: "),
        ("dense(4, 3)", "cannot read dense(4, 3): "),
        ("dense(4, 3)", "write its layers between `<` and `>`"),
        ("two.dll", "did you mean two.dl?"),
        ("tow.dl#A", "did you mean two.dl?"),
    ];
    for (net, part) in cases {
        let error = folder.dlc(&["summary", net]).fails(1);
        assert!(error.starts_with("error: ") && error.contains(part), "{net}: {error}");
    }
    #[cfg(target_os = "linux")]
    {
        let error = folder.dlc(&["summary", "/dev/zero"]).fails(1);
        assert!(error.contains("more than 1048576 bytes") && error.len() < 2000, "{} bytes", error.len());
    }
}

#[test]
fn batches_beyond_all_memory() {
    let folder = Folder::new();
    let largest = u32::MAX.to_string();
    for command in ["bench", "profile", "check", "verify"] {
        let error = folder.dlc(&[command, "< dense(1000000, 1) >", "--batch", &largest]).fails(1);
        let message = format!("error: no memory for {largest} made-up examples; use a smaller --batch\n");
        assert_eq!(error, message, "{command}");
    }
}

/// A pipe that nobody writes to: whoever opens it waits.
#[test]
#[cfg(unix)]
fn pipes_are_no_files() {
    let folder = Folder::new();
    folder.dlc(&["init", NET, "--output", "w"]).ok();
    let made = std::process::Command::new("mkfifo").arg(folder.path("pipe")).status().unwrap();
    assert!(made.success());
    for args in [
        &["eval", NET, "--weights", "pipe", "--data", "pipe"][..],
        &["train", NET, "--data", "pipe"],
        &["predict", NET, "--weights", "w", "--input", "pipe", "--output", "y"],
    ] {
        assert_eq!(folder.dlc(args).fails(1), "error: pipe is not a file\n", "{args:?}");
    }
}

#[test]
fn weights_must_fit() {
    let folder = Folder::new();
    folder.write_data("d", 3, false);
    folder.dlc(&["init", NET, "--output", "w"]).ok();
    let whole = std::fs::read(folder.path("w")).unwrap();
    folder.write("truncated", &whole[..whole.len() - 5]);
    folder.write("foreign", "this is not a safetensors file");
    folder.dlc(&["init", "< dense(4, 7, relu), dense(7, 3, softmax) >", "--output", "other"]).ok();
    folder.dlc(&["init", "< dense(4, 6) >", "--output", "fewer"]).ok();
    folder.dlc(&["init", "< dense(4, 6), dense(6, 3), dense(3, 1) >", "--output", "more"]).ok();
    let cases = [
        ("truncated", "not a valid safetensors file"),
        ("foreign", "not a valid safetensors file"),
        ("other", "[4, 7]"),
        ("fewer", "no tensor dense1"),
        ("more", "unexpected tensor dense2"),
    ];
    for (weights, part) in cases {
        let grad = ["grad", NET, "--weights", weights, "--input", "d", "--output", "g"];
        let train = ["train", NET, "--weights", weights, "--data", "d", "--output", "t"];
        for args in [&grad[..], &train[..]] {
            let error = folder.dlc(args).fails(1);
            assert!(error.contains(weights) && error.contains(part), "{error}");
        }
    }
    assert_eq!(folder.names(), ["d", "fewer", "foreign", "more", "other", "truncated", "w"]);
}

#[test]
fn data_must_fit() {
    let folder = Folder::new();
    folder.dlc(&["init", NET, "--output", "w"]).ok();
    let x = |len: usize| Data::from(vec![0.5f32; len]);
    let y = |classes: &[i64]| Data::from(classes.to_vec());
    folder.write_tensors("wide", &[("x", &[2, 5], x(10)), ("y", &[2], y(&[0, 1]))]);
    folder.write_tensors("class", &[("x", &[2, 4], x(8)), ("y", &[2], y(&[0, 3]))]);
    folder.write_tensors("count", &[("x", &[2, 4], x(8)), ("y", &[3], y(&[0, 1, 2]))]);
    folder.write_tensors("alone", &[("x", &[2, 4], x(8))]);
    folder.write_tensors("floats", &[("x", &[2, 4], x(8)), ("y", &[2], x(2))]);
    folder.write_tensors("other", &[("x", &[2, 4], x(8)), ("y", &[2], y(&[0, 1])), ("z", &[1], x(1))]);
    let nan = Data::from(vec![f32::NAN; 8]);
    folder.write_tensors("nan", &[("x", &[2, 4], nan), ("y", &[2], y(&[0, 1]))]);
    let before = folder.names();
    let cases = [
        ("wide", "[5]"),
        ("class", "class 3, but the network has 3 classes"),
        ("count", "2 examples in x, but 3 targets in y"),
        ("alone", "no tensor y"),
        ("floats", "class indices"),
        ("other", "unexpected tensor z"),
        ("nan", "NaN"),
    ];
    for (data, part) in cases {
        let error = folder.dlc(&["train", NET, "--data", data, "--output", "t"]).fails(1);
        assert!(error.starts_with("error: ") && error.contains(part), "{data}: {error}");
        if data != "nan" {
            let args = ["grad", NET, "--weights", "w", "--input", data, "--output", "g"];
            assert!(folder.dlc(&args).fails(1).contains(part), "{data}");
        }
    }
    assert_eq!(folder.names(), before);
}

#[test]
fn an_output_that_cannot_be_written_is_found_at_once() {
    let folder = Folder::new();
    folder.write_data("d", 3, false);
    folder.dlc(&["init", NET, "--output", "w"]).ok();
    for output in [".", "no/file"] {
        let batch = ["--weights", "w", "--input", "d"];
        let cases: [(&str, &[&str]); 4] =
            [("dump", &[]), ("init", &[]), ("predict", &batch), ("grad", &batch)];
        for (command, options) in cases {
            let error = folder.dlc(&[&[command, NET], options, &["--output", output]].concat()).fails(1);
            assert!(error.starts_with(&format!("error: cannot write {output}: ")), "{command}: {error}");
        }
    }
    // Before training: these are more epochs than anyone waits for.
    let epochs = u32::MAX.to_string();
    let error = folder.dlc(&["train", NET, "--data", "d", "--epochs", &epochs, "--output", "no/w"]).fails(1);
    assert!(error.starts_with("error: cannot write no/w: "), "{error}");
    assert_eq!(folder.names(), ["d", "w"]);
}

#[test]
#[cfg(target_os = "linux")]
fn a_full_disk_is_an_error() {
    let folder = Folder::new();
    let full = std::fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_dlc"));
    let run = command.args(["summary", NET]).stdout(full).output().unwrap();
    assert_eq!(run.status.code(), Some(1));
    assert!(String::from_utf8(run.stderr).unwrap().starts_with("error: cannot write to standard output"));
    assert_eq!(folder.dlc(&["init", NET, "--output", "/dev/full"]).status, 1);
}
