//! Values that are too large, or that mean nothing: an error that says so, no panic, and nothing changed.

mod common;
#[path = "common/folder.rs"]
mod folder;

use std::fs;
use std::path::Path;

use common::state::{State, twins};
use dl::inspect::{self, Stage, Summary};
use dl::tensor::{Examples, Tensor};
use dl::{Builder, Error, Network};
use dl_runtime::files::{TensorFile, tensors};
use folder::Folder;
use ndarray::{Array1, Array2, ArrayView2, array};

const REGRESSION: &str = "< dense(2, 4, tanh), dense(4, 16) >, loss = hinge";
const BINARY: &str = "< dense(2, 4, tanh), dense(4, 1, sigmoid) >";

/// A batch that no memory holds: the same row over and over, in the memory of one.
fn endless(row: &Array2<f32>) -> ArrayView2<'_, f32> {
    row.broadcast((1 << 56, row.len())).expect("one row in place of many")
}

/// A call that must fail, on a network that goes on as its twin does, which never saw that call.
fn refused<T>(text: &str, call: impl FnOnce(&mut Network) -> dl::Result<T>) -> Error {
    let [mut net, twin] = twins(text);
    let Err(error) = call(&mut net) else { panic!("a bad call") };
    assert_eq!(State::of(&net), State::of(&twin), "{error}");
    assert_eq!((net.steps(), net.learning_rate()), (twin.steps(), twin.learning_rate()), "{error}");
    error
}

#[test]
fn batches_beyond_all_memory() {
    let (x, y) = (Array2::zeros((1, 2)), Array2::ones((1, 16)));
    let errors = [
        refused(REGRESSION, |net| net.train_step(endless(&x), endless(&y))),
        refused(REGRESSION, |net| net.evaluate(endless(&x), endless(&y))),
        refused(REGRESSION, |net| net.gradients(endless(&x), endless(&y))),
        refused(REGRESSION, |net| net.vjp(endless(&x), endless(&y))),
        refused(REGRESSION, |net| net.predict(endless(&x)).map(drop)),
        refused(REGRESSION, |net| net.forward(endless(&x)).map(drop)),
    ];
    for error in errors {
        assert!(error.to_string().contains("use a smaller batch"), "{error}");
    }
}

#[test]
fn batches_to_look_at_beyond_all_memory() {
    let network = Network::parse(REGRESSION).expect("a network");
    let net = network.clone().build().expect("it compiles");
    let target = dl_codegen::target::Target { lanes: dl_codegen::vector::Lanes::L4 };
    for batch in [usize::MAX, usize::MAX / 2, 1 << 60] {
        for error in [
            Summary::new(network.network(), target, batch).map(drop).expect_err("beyond memory"),
            inspect::text(network.network(), target, Stage::Memory, None, batch)
                .map(drop)
                .expect_err("so too"),
            network.clone().batch(batch).build().map(drop).expect_err("and here"),
        ] {
            assert!(error.to_string().contains("use a smaller batch"), "{error}");
        }
        let module = net.module().expect("the module");
        assert!(inspect::flops(&module.functions[0], batch) > 0);
    }
}

#[test]
fn threads_out_of_range() {
    for threads in [0, 257, usize::MAX] {
        let error = Network::parse(BINARY).expect("a network").threads(threads).build();
        let error = error.map(drop).expect_err("no such number of threads");
        assert_eq!(error.to_string(), format!("a network runs on 1 to 256 threads, not {threads}"));
    }
}

/// The size of a tensor without elements is still one that can be counted.
#[test]
fn shapes_that_overflow() {
    for shape in [vec![0, usize::MAX, 2], vec![usize::MAX, 2, 0], vec![usize::MAX, usize::MAX]] {
        assert!(Tensor::new(shape.clone(), Vec::<f32>::new()).is_err(), "{shape:?}");
    }
    let empty = Tensor::new(vec![0, 2], Vec::<f32>::new()).expect("nothing, of rows of two");
    assert_eq!((empty.n_examples(), empty.row_len()), (0, 2));
    let error = refused(BINARY, |net| net.predict(&empty).map(drop));
    assert!(error.to_string().contains("an empty batch"), "{error}");
}

#[test]
fn integers_that_are_no_targets() {
    let x = Array2::<f32>::zeros((3, 2));
    let error = refused(BINARY, |net| net.train_step(&x, array![0, 1, 2]));
    let message = "target 2 is 2, but integers as targets of binary_cross_entropy are 0 or 1";
    assert_eq!(error.to_string(), message);
    let zero_one = Array2::from_elem((3, 16), 1i64) - Array1::from_iter((0..16).map(|i| i % 2));
    let error = refused(REGRESSION, |net| net.gradients(&x, &zero_one));
    let message = "target 1 is 0, but integers as targets of hinge are -1 or 1";
    assert_eq!(error.to_string(), message);
    refused(BINARY, |net| net.evaluate(&x, array![255u8, 1, 0]));
    let [mut net, _] = twins(BINARY);
    net.train_step(&x, array![0u8, 1, 1]).expect("classes");
    net.train_step(&x, array![0.5, 0.25, 1.0]).expect("probabilities");
    let [mut net, _] = twins(REGRESSION);
    net.train_step(&x, Array2::from_elem((3, 16), -1)).expect("signs");
}

/// Nobody trains for so long, but a file can say so.
#[test]
fn the_last_step() {
    let folder = Folder::new("last-step");
    let path = folder.file("checkpoint");
    let [mut net, mut twin] = twins(BINARY);
    let (x, y) = (array![[1.0f32, 2.0]], array![1]);
    for net in [&mut net, &mut twin] {
        net.train_step(&x, &y).expect("a step");
    }
    net.save_checkpoint(&path).expect("a file");
    let file = TensorFile::read(&path).expect("a checkpoint");
    let about = file.about().expect("its description").replace("steps = 1", &format!("steps = {}", u64::MAX));
    tensors::write_checkpoint(&path, file.tensors(), &about).expect("a file");
    net.resume(&path).expect("a checkpoint");
    assert_eq!(net.steps(), u64::MAX);
    for _ in 0..2 {
        assert_eq!(net.train_step(&x, &y).expect("a step"), twin.train_step(&x, &y).expect("a step"));
    }
    let gradients = net.gradients(&x, &y).expect("gradients");
    net.apply_gradients(&gradients).expect("an update");
    assert_eq!(net.steps(), u64::MAX);
    assert_eq!(folder.names(), ["checkpoint"]);
}

#[test]
fn files_that_are_no_network() {
    let folder = Folder::new("no-network");
    let open = |path: &Path, name| match Builder::<Network>::open(path, name) {
        Ok(_) => panic!("{} is no network", path.display()),
        Err(error) => error,
    };
    assert!(matches!(open(folder.path(), None), Error::Read { .. }));
    let path = folder.file("net.dl");
    fs::write(&path, b"< dense(1, 1) >\xff").expect("a file");
    let message = format!("cannot read {}: it is not UTF-8 text", path.display());
    assert_eq!(open(&path, None).to_string(), message);
    fs::write(&path, " ".repeat(3 << 20)).expect("a file");
    assert!(open(&path, None).to_string().contains("more than 1048576 bytes"));
    fs::write(&path, "A < dense(1, 1) >\nB < dense(1, 2) >").expect("a file");
    for (name, part) in [(None, "A, B"), (Some("C"), "no network `C`"), (Some(""), "no network ``")] {
        let error = open(&path, name);
        assert!(matches!(&error, Error::Network { .. }) && error.to_string().contains(part), "{error}");
    }
    #[cfg(target_os = "linux")]
    {
        let error = open(Path::new("/dev/zero"), None).to_string();
        assert!(error.contains("more than 1048576 bytes") && error.len() < 2000, "{} bytes", error.len());
    }
}

/// What stands for a clause is read as network text, whatever it holds.
#[test]
fn clauses_with_mistakes() {
    for text in ["", ">", "mse, optimizer = adam", "mse > <", "\"mse\"", "\u{0}", "(((", "nothing"] {
        let builder = || Network::parse(BINARY).expect("a network");
        for error in [builder().loss(text).map(drop), builder().optimizer(text).map(drop)] {
            assert!(matches!(error, Err(Error::Network { .. })), "{text:?}: {error:?}");
        }
    }
}
