//! What users can do wrong: an error that says so, no panic, and nothing changed.

mod common;

use std::process::Command;

use common::state::{State, twins};
use dl::tensor::{Data, Examples, Targets, Tensor, TensorError};
use dl::{Error, Network, NotFiniteCause};
use ndarray::{Array1, Array2, Array3, array};

const CLASSIFIER: &str =
    "< dense(4, 5, tanh), dense(5, 3, softmax) >, optimizer = sgd(lr = 0.1, momentum = 0.9)";
const REGRESSION: &str = "< dense(4, 5, relu), dense(5, 2) >, loss = mse, optimizer = adam(lr = 0.01)";

fn examples(n: usize) -> Array2<f32> {
    Array2::from_shape_fn((n, 4), |(row, column)| ((row * 4 + column) as f32 * 0.37).sin())
}

fn classes(n: usize) -> Array1<i64> {
    Array1::from_shape_fn(n, |row| row as i64 % 3)
}

fn values(n: usize) -> Array2<f32> {
    Array2::from_shape_fn((n, 2), |(row, column)| ((row * 2 + column) as f32 * 0.71).cos())
}

/// Trains on a batch that must fail, and shows that the network goes on as its twin does, which never saw that batch.
fn refused(text: &str, x: impl Examples, y: impl Targets) -> Error {
    let [mut net, mut twin] = twins(text);
    let step = |net: &mut Network| match text {
        CLASSIFIER => net.train_step(examples(3), classes(3)),
        _ => net.train_step(examples(3), values(3)),
    };
    for net in [&mut net, &mut twin] {
        step(net).expect("a good batch");
    }
    let error = net.train_step(x, y).expect_err("a bad batch");
    assert_eq!(State::of(&net), State::of(&twin), "{error}");
    // The optimizer's state shows in the next step.
    for _ in 0..2 {
        assert_eq!(step(&mut net).expect("a good batch"), step(&mut twin).expect("a good batch"), "{error}");
        assert_eq!(State::of(&net), State::of(&twin), "{error}");
    }
    error
}

#[test]
fn examples_of_another_shape() {
    let error = refused(CLASSIFIER, Array2::<f32>::zeros((3, 5)), classes(3));
    assert!(matches!(&error, Error::InputShape { expected, found } if expected == &[4] && found == &[5]));
    let error = refused(CLASSIFIER, Array3::<f32>::zeros((3, 2, 2)), classes(3));
    assert!(matches!(&error, Error::InputShape { found, .. } if found == &[2, 2]));
    let error = refused(CLASSIFIER, &[0.0f32; 4][..], classes(4));
    assert_eq!(
        error.to_string(),
        "examples have shape [], but the network takes [4] (both without the batch)"
    );
    let error = refused(CLASSIFIER, Tensor::new(vec![], vec![1.0f32]).expect("a scalar"), classes(3));
    assert!(matches!(error, Error::InputShape { .. }), "{error}");
}

#[test]
fn examples_of_another_type() {
    let error = refused(CLASSIFIER, Array2::<i64>::zeros((3, 4)), classes(3));
    let Error::Tensor { tensor: "x", source: TensorError::NotReal { found: "i64" } } = error else {
        panic!("{error}");
    };
}

#[test]
fn targets_of_another_shape() {
    let error = refused(REGRESSION, examples(3), Array2::<f32>::zeros((3, 3)));
    assert!(
        matches!(&error, Error::TargetShape { expected, found, .. } if expected == &[vec![2]] && found == &[3])
    );
    let error = refused(REGRESSION, examples(3), Array1::<f32>::zeros(3));
    assert!(matches!(error, Error::TargetShape { .. }), "{error}");
    let error = refused(CLASSIFIER, examples(3), Array2::<f32>::zeros((3, 4)));
    let message = "targets have shape [4], but cross_entropy takes [] or [3] (both without the batch)";
    assert_eq!(error.to_string(), message);
}

#[test]
fn classes_as_real_numbers() {
    let error = refused(CLASSIFIER, examples(3), Array1::<f32>::zeros(3));
    assert!(
        matches!(&error, Error::TargetType { loss: "cross_entropy", shape } if shape.is_empty()),
        "{error}"
    );
}

#[test]
fn classes_out_of_range() {
    for (class, expected) in [(3, 3), (-1, -1), (i64::MAX, i128::from(i64::MAX))] {
        let mut y = classes(3);
        y[1] = class;
        let Error::Tensor { tensor: "y", source } = refused(CLASSIFIER, examples(3), &y) else {
            panic!("class {class}");
        };
        assert_eq!(source, TensorError::ClassOutOfRange { index: 1, value: expected, classes: 3 });
    }
}

#[test]
fn batches_that_differ_or_are_empty() {
    let error = refused(CLASSIFIER, examples(3), classes(4));
    assert_eq!(error.to_string(), "there are 3 examples, but 4 targets");
    let error = refused(CLASSIFIER, examples(0), classes(0));
    let message = "train_step was called with an empty batch; it needs at least one example";
    assert_eq!(error.to_string(), message);
    let [mut net, _] = twins(CLASSIFIER);
    net.predict(examples(0)).expect_err("an empty batch");
    net.evaluate(examples(0), classes(0)).expect_err("an empty batch");
    net.gradients(examples(0), classes(0)).expect_err("an empty batch");
}

fn cause(error: &Error) -> &NotFiniteCause {
    match error {
        Error::NotFinite { loss, cause } if !loss.is_finite() => cause,
        other => panic!("{other}"),
    }
}

#[test]
fn examples_that_are_not_finite() {
    for value in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
        for (text, index) in [(CLASSIFIER, 6), (REGRESSION, 11)] {
            let mut x = examples(3);
            x.as_slice_mut().expect("contiguous")[index] = value;
            let error = match text {
                CLASSIFIER => refused(text, &x, classes(3)),
                _ => refused(text, &x, values(3)),
            };
            let NotFiniteCause::Input { index: found, .. } = cause(&error) else { panic!("{error}") };
            assert_eq!(*found, index, "{error}");
        }
    }
}

#[test]
fn targets_that_are_not_finite() {
    for value in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
        let mut y = values(3);
        y[[1, 1]] = value;
        let error = refused(REGRESSION, examples(3), &y);
        assert!(matches!(cause(&error), NotFiniteCause::Target { index: 3, .. }), "{error}");
    }
}

#[test]
fn finite_numbers_that_overflow() {
    let error = refused(REGRESSION, &(examples(3) * 1e30), values(3));
    assert_eq!(*cause(&error), NotFiniteCause::Overflow);
}

#[test]
fn parameters_that_are_not_finite() {
    for value in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
        let [mut net, twin] = twins(REGRESSION);
        let mut bias = net.parameter("dense1.bias").expect("a parameter");
        bias[1] = value;
        let error = net.set_parameter("dense1.bias", &bias).expect_err("not a number to compute with");
        let message = format!(
            "element 1 of parameter `dense1.bias` is {value}; only finite numbers serve, and nothing was changed"
        );
        assert_eq!(error.to_string(), message);
        assert_eq!(State::of(&net), State::of(&twin));
    }
}

/// Finite gradients of a finite loss can still lead too far.
#[test]
fn parameters_that_have_overflowed() {
    let [mut net, _] = twins("< dense(1, 1) >, optimizer = sgd(lr = 1e38)");
    let (x, y) = (array![[1e3f32]], array![[-1e3f32]]);
    net.train_step(&x, &y).expect("a finite loss");
    let before = State::of(&net);
    let error = net.train_step(&x, &y).expect_err("parameters beyond all numbers");
    let NotFiniteCause::Parameter { name, index: 0, .. } = cause(&error) else { panic!("{error}") };
    assert_eq!(name, "dense0.weight");
    net.gradients(&x, &y).expect_err("parameters beyond all numbers");
    assert_eq!(State::of(&net), before);
    // Repaired, it trains.
    net.set_parameter("dense0.weight", &array![[1.0]]).expect("its shape");
    net.set_parameter("dense0.bias", &array![1.0]).expect("its shape");
    net.train_step(&x, &y).expect("good parameters");
}

#[test]
fn parameters_of_another_name_or_shape() {
    let [mut net, twin] = twins(CLASSIFIER);
    let message = "there is no parameter `dense2.weight`; the network has dense0.weight, dense0.bias, \
                   dense1.weight, dense1.bias";
    assert_eq!(net.parameter("dense2.weight").expect_err("no such parameter").to_string(), message);
    let error = net.set_parameter("dense2.weight", &array![1.0]).expect_err("no such parameter");
    assert_eq!(error.to_string(), message);
    // State that is no parameter.
    net.parameter("lr").expect_err("not a parameter");
    let error = net.set_parameter("dense0.weight", &Array2::zeros((5, 4))).expect_err("transposed");
    let message = "parameter `dense0.weight` has shape [4, 5], but the value has [5, 4]";
    assert_eq!(error.to_string(), message);
    net.set_parameter("dense0.bias", &Array2::zeros((1, 5))).expect_err("an axis too many");
    assert_eq!(State::of(&net), State::of(&twin));
}

#[test]
fn options_out_of_range() {
    let builder = || Network::parse(CLASSIFIER).expect("a network");
    for lanes in [0, 1, 5, 32, usize::MAX] {
        let error = builder().lanes(lanes).build().expect_err("no such width");
        assert_eq!(error.to_string(), format!("vectors have 4, 8 or 16 lanes, not {lanes} (set by lanes)"));
    }
    builder().batch(0).build().expect_err("a batch of nothing");
    builder().batch(usize::MAX).build().expect_err("more than memory");
}

#[test]
fn networks_with_mistakes() {
    for text in
        ["", "<", "< dense >", "< dense(2, 3), dense(4, 5) >", "< dense(1.5, 2) >", "\u{0}", "< \u{1F980} >"]
    {
        let Err(Error::Network { count, rendered, .. }) = Network::parse(text) else { panic!("{text}") };
        assert!(count > 0 && rendered.contains("error"), "{text}: {rendered}");
    }
    let missing = dl::Builder::<Network>::open("no/such/file.dl".as_ref(), None).expect_err("no file");
    assert!(missing.to_string().starts_with("cannot read no/such/file.dl: "), "{missing}");
}

/// The environment is a process's own: this asks a child of this test.
#[test]
fn lanes_from_the_environment() {
    let build_with = |lanes: &std::ffi::OsStr| {
        let mut child = Command::new(std::env::current_exe().expect("this test"));
        child.args(["--ignored", "--exact", "prints_how_a_build_ends", "--nocapture"]);
        let output = child.env("DL_LANES", lanes).output().expect("a child");
        assert!(output.status.success(), "{lanes:?}: {output:?}");
        String::from_utf8(output.stdout).expect("text")
    };
    assert!(build_with("4".as_ref()).contains("built"));
    for lanes in ["", "5", "-4", "4 ", "four", "0x8"] {
        let expected = format!("vectors have 4, 8 or 16 lanes, not {lanes} (set by DL_LANES)");
        let output = build_with(lanes.as_ref());
        assert!(output.contains(&expected), "{output}");
    }
    #[cfg(unix)]
    {
        use std::os::unix::ffi::OsStrExt;
        let output = build_with(std::ffi::OsStr::from_bytes(b"\xff"));
        assert!(output.contains("(set by DL_LANES)"), "{output}");
    }
}

#[test]
#[ignore = "run by `lanes_from_the_environment`"]
fn prints_how_a_build_ends() {
    match Network::parse(CLASSIFIER).expect("a network").build() {
        Ok(_) => println!("built"),
        Err(error) => println!("{error}"),
    }
}

#[test]
fn data_of_every_type_is_checked() {
    for data in [Data::U8(vec![9; 3]), Data::I32(vec![9; 3]), Data::I64(vec![9; 3])] {
        let y = Tensor::new(vec![3], data).expect("three");
        let error = refused(CLASSIFIER, examples(3), &y);
        assert!(error.to_string().contains("target 0 is class 9"), "{error}");
    }
}

#[test]
fn memory_beyond_the_budget_is_refused() {
    let build = |arena: usize, batch: usize| {
        let text = format!("< dense(4, 8, relu), dense(8, 3) >, budget(arena = {arena}, batch = {batch})");
        Network::parse(&text).unwrap().lanes(4).build()
    };
    let Err(Error::ArenaBudget { batch, needed, limit, state, largest, .. }) = build(2000, 100) else {
        panic!("2000 bytes are not enough for a hundred examples")
    };
    assert_eq!((batch, limit), (100, 2000));
    assert!(
        needed > 4 * 100 * 8 && state >= 3 * 4 * (4 * 8 + 8 + 8 * 3 + 3) && largest.contains('('),
        "{needed} {state} {largest}"
    );
    // What it says is enough is, and one byte less is not.
    assert!(build(needed, 100).is_ok());
    assert!(matches!(build(needed - 1, 100), Err(Error::ArenaBudget { .. })));
    assert!(matches!(build(2000, 1 << 40), Err(Error::ArenaBudget { batch, .. }) if batch == 1 << 40));
    let beyond_all = isize::MAX as usize;
    let Err(error) = build(2000, beyond_all) else { panic!("no memory is as large") };
    let is_named = error.to_string().contains(&beyond_all.to_string());
    assert!(matches!(error, Error::Run(_)) && is_named, "{error}");
}
