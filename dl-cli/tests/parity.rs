//! `dlc` against PyTorch in float64: what it writes for the cases of `tests/parity`.

#[path = "../../tests/parity/case.rs"]
mod case;

use std::path::Path;
use std::process::Command;

use case::{Case, GRADIENT, OUTPUT, reals};
use dl_runtime::files::TensorFile;

fn cases() -> impl Iterator<Item = Case> {
    Case::all(Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/parity")))
}

/// Runs `dlc COMMAND NET --weights W ARGS --output O`, and reads what it wrote.
fn dlc(case: &Case, command: &str, args: &[&str]) -> TensorFile {
    let folder = tempfile::tempdir().expect("a folder for temporary files");
    let output = folder.path().join("output");
    let mut process = Command::new(env!("CARGO_BIN_EXE_dlc"));
    process.arg(command).arg(case.network()).arg("--weights").arg(case.path("weights"));
    let ended = process.args(args).arg("--output").arg(&output).output().expect("dlc runs");
    assert!(ended.status.success(), "{command} of {}: {}", case.name, String::from_utf8_lossy(&ended.stderr));
    TensorFile::read(&output).expect("what dlc wrote")
}

fn batch(case: &Case) -> String {
    case.path("batch").to_str().expect("paths of this repository are text").to_owned()
}

#[test]
fn predictions() {
    for case in cases() {
        let found = dlc(&case, "predict", &["--input", &batch(&case)]);
        case.expected().compare("output", reals(&found.tensors()["y"]), OUTPUT);
    }
}

#[test]
fn gradients() {
    for case in cases() {
        let (found, expected) = (dlc(&case, "grad", &["--input", &batch(&case)]), case.expected());
        expected.compare("loss", reals(&found.tensors()["loss"]), OUTPUT);
        for name in expected.gradients() {
            expected.compare(name, reals(&found.tensors()[name]), GRADIENT);
        }
        let mut names = found.tensors().keys().filter(|name| *name != "loss").map(String::as_str);
        assert!(names.all(|name| expected.gradients().any(|known| known == name)), "{}", case.name);
    }
}

#[test]
fn training() {
    for case in cases() {
        let expected = case.expected();
        let epochs = expected.steps().to_string();
        // A batch larger than any case is all of it.
        let args = ["--no-shuffle", "--batch-size", "1000", "--epochs", &epochs, "--data", &batch(&case)];
        let found = dlc(&case, "train", &args);
        for name in expected.parameters() {
            expected.compare_change(name, reals(&found.tensors()[name]));
        }
    }
}
