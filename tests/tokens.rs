//! Networks that read integers: an embedding behind `input`.

mod common;

use common::state::{State, twins};
use dl::tensor::{Examples, TensorError, Wanted};
use dl::{Error, Network};
use ndarray::{Array2, ArrayD, array};

const WORDS: &str =
    "< input(3), embedding(5, 4), flatten, dense(12, 2, softmax) >, optimizer = sgd(lr = 0.1)";

fn network(text: &str) -> Network {
    Network::parse(text).expect("a network without mistakes").seed(7).build().expect("it compiles")
}

fn outputs(x: impl Examples) -> ArrayD<f32> {
    network(WORDS).predict(x).expect("tokens").to_owned()
}

/// Trains on a batch that must be refused, and asserts that nothing changed.
fn refused(x: impl Examples) -> TensorError {
    let [mut net, twin] = twins(WORDS);
    let error = net.train_step(x, array![0, 1]).expect_err("no tokens");
    assert_eq!(State::of(&net), State::of(&twin), "{error}");
    let Error::Tensor { tensor: "x", source } = error else { panic!("{error}") };
    source
}

#[test]
fn integers_of_any_type_are_tokens() {
    let x = array![[0i32, 4, 2], [1, 1, 3]];
    let expected = outputs(&x);
    assert_eq!(outputs(x.mapv(i64::from)), expected);
    assert_eq!(outputs(x.mapv(|v| v as u8)), expected);
    let columns = x.t().as_standard_layout().into_owned();
    assert_eq!(outputs(columns.t()), expected);
    assert_ne!(outputs(array![[0i32, 4, 2], [1, 1, 2]]), expected);
}

#[test]
fn real_numbers_are_no_tokens() {
    let error = refused(Array2::<f32>::zeros((2, 3)));
    assert_eq!(error, TensorError::NotIntegers { wanted: Wanted::Tokens, found: "f32" });
    assert!(error.to_string().contains("hand in i32, i64, u8"), "{error}");
}

#[test]
fn tokens_beyond_the_vocabulary() {
    for token in [-1, 5, i64::MAX, i64::MIN] {
        let error = refused(array![[0, 4, 2], [1, 1, token]]);
        let value = i128::from(token);
        assert_eq!(error, TensorError::TokenOutOfRange { example: 1, position: 2, value, vocabulary: 5 });
    }
    let error = refused(array![[0, 9, 2], [1, 1, 3]]);
    let message = "token 1 of example 0 is 9, but the embedding has 5 entries (0 to 4)";
    assert_eq!(error.to_string(), message);
}

#[test]
fn integers_have_no_gradient() {
    let gradients = network(WORDS).gradients(array![[0, 4, 2], [1, 1, 3]], array![0, 1]).expect("finite");
    assert!(gradients.x().is_none());
    assert!(gradients.get("embedding0.weight").is_some());
}

/// The rows of a table that a step of gradient descent changes.
fn changed_rows(vocabulary: usize, x: &Array2<i32>) -> Vec<usize> {
    let mut net = network(&format!(
        "< input({}), embedding({vocabulary}, 6), flatten, dense({}, 2, softmax) >, optimizer = sgd(lr = 0.1)",
        x.ncols(),
        6 * x.ncols()
    ));
    let table = |net: &Network| net.parameters().swap_remove(0).1;
    let before = table(&net);
    net.train_step(x, array![0, 1]).expect("finite");
    let after = table(&net);
    let rows = before.outer_iter().zip(after.outer_iter()).enumerate();
    rows.filter(|(_, (before, after))| before != after).map(|(row, _)| row).collect()
}

#[test]
fn gradient_descent_changes_the_rows_that_were_read() {
    assert_eq!(changed_rows(7, &array![[0, 4, 2], [4, 4, 5]]), [0, 2, 4, 5]);
    assert_eq!(changed_rows(50_000, &array![[49_999, 7], [0, 7]]), [0, 7, 49_999]);
}

/// A target for each time step: the character that follows.
#[test]
fn sequences_of_classes_are_learnt() {
    let mut net = network(
        "< input(5), embedding(5, 8), attention(8, 2, causal = true), dense(8, 5, softmax) >, optimizer = adam(lr = 0.02)",
    );
    let x = Array2::from_shape_fn((5, 5), |(row, column)| (row + column) as i64 % 5);
    let y = x.mapv(|token| (token + 1) % 5);
    for _ in 0..150 {
        net.train_step(&x, &y).expect("finite");
    }
    let evaluation = net.evaluate(&x, &y).expect("finite");
    assert!(evaluation.loss < 0.1, "loss {}", evaluation.loss);
    assert_eq!(evaluation.accuracy, Some(1.0));
    assert!((net.train_step(&x, &y).expect("finite") - evaluation.loss).abs() < 1e-5);
}
