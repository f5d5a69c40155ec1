//! The library against PyTorch in float64, at every width and on one thread and two.

#[path = "parity/case.rs"]
mod case;
#[path = "parity/interpreter.rs"]
mod interpreter;
#[path = "common/widths.rs"]
mod widths;

use std::path::Path;

use case::{Case, GRADIENT, OUTPUT};
use dl::{Builder, Network};
use widths::widths;

fn cases() -> impl Iterator<Item = Case> {
    Case::all(Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/parity")))
}

/// The network of a case with its parameters.
fn network(case: &Case, lanes: usize, threads: usize) -> Network {
    let builder = Builder::<Network>::open(&case.network(), None).expect("a network");
    let mut net = builder.lanes(lanes).threads(threads).build().expect("dense networks compile");
    net.load(case.path("weights")).expect("parameters of the network");
    net
}

/// Every tensor of a case, at one width and number of threads.
fn check(case: &Case, lanes: usize, threads: usize) {
    let batch = case.tensors("batch");
    let (x, y) = (&batch.tensors()["x"], &batch.tensors()["y"]);
    let expected = case.expected();
    let mut net = network(case, lanes, threads);

    let output = net.predict(x).expect("finite");
    expected.compare("output", output.as_slice().expect("contiguous"), OUTPUT);
    // The loss that PyTorch gives is that of training: with batch statistics, where there are any.
    if !expected.parameters().any(|name| name.ends_with("running_mean")) {
        let evaluation = net.evaluate(x, y).expect("finite");
        expected.compare("loss", &[evaluation.loss], OUTPUT);
    }

    let gradients = net.gradients(x, y).expect("finite");
    expected.compare("loss", &[gradients.loss()], OUTPUT);
    for name in expected.gradients() {
        let of = name.strip_prefix("grad.").expect("the name of a gradient");
        let found = gradients.get(of).or(gradients.x().filter(|_| of == "x"));
        let found = found.unwrap_or_else(|| panic!("{name} of {} is missing", case.name));
        expected.compare(name, found.as_slice().expect("contiguous"), GRADIENT);
    }

    let first = net.train_step(x, y).expect("finite");
    expected.compare("loss", &[first], OUTPUT);
    for _ in 1..expected.steps() {
        net.train_step(x, y).expect("finite");
    }
    for name in expected.parameters() {
        let found = net.parameter(name).expect("a parameter of the network");
        expected.compare_change(name, found.as_slice().expect("contiguous"));
    }
}

#[test]
fn networks_agree_with_pytorch() {
    for case in cases() {
        for lanes in widths() {
            for threads in [1, 2] {
                check(&case, lanes, threads);
            }
        }
    }
}
