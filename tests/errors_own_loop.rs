//! What users can do wrong with gradients, cotangents and learning rates: an error that says so, no panic, and nothing changed.

mod common;

use common::state::{State, twins};
use dl::tensor::TensorError;
use dl::{Error, Network, NotFiniteCause};
use ndarray::{Array1, Array2, Array3, ArrayD, array};

const TEXT: &str = "< dense(4, 5, tanh), dense(5, 3, softmax) >, optimizer = adam(lr = 0.01)";
const NOT_FINITE: [f32; 3] = [f32::NAN, f32::INFINITY, f32::NEG_INFINITY];

fn examples(n: usize) -> Array2<f32> {
    Array2::from_shape_fn((n, 4), |(row, column)| ((row * 4 + column) as f32 * 0.37).sin())
}

fn classes(n: usize) -> Array1<i64> {
    Array1::from_shape_fn(n, |row| row as i64 % 3)
}

/// A call that must fail, on a network that has been trained; it goes on as its twin does, which never saw that call.
fn refused<T>(call: impl FnOnce(&mut Network) -> dl::Result<T>) -> Error {
    let [mut net, mut twin] = twins(TEXT);
    for net in [&mut net, &mut twin] {
        net.train_step(examples(3), classes(3)).expect("a good batch");
    }
    let Err(error) = call(&mut net) else { panic!("a bad call") };
    assert_eq!(State::of(&net), State::of(&twin), "{error}");
    assert_eq!((net.steps(), net.learning_rate()), (twin.steps(), twin.learning_rate()), "{error}");
    let losses =
        [&mut net, &mut twin].map(|net| net.train_step(examples(3), classes(3)).expect("a good batch"));
    assert_eq!(losses[0].to_bits(), losses[1].to_bits(), "{error}");
    assert_eq!(State::of(&net), State::of(&twin), "{error}");
    error
}

#[test]
fn examples_that_do_not_fit() {
    let (wide, dy) = (Array2::<f32>::zeros((3, 5)), Array2::<f32>::zeros((3, 3)));
    for error in [
        refused(|net| net.forward(&wide).map(drop)),
        refused(|net| net.vjp(&wide, &dy)),
        refused(|net| net.gradients(&wide, classes(3))),
    ] {
        assert!(matches!(&error, Error::InputShape { expected, found } if expected == &[4] && found == &[5]));
    }
    let integers = Array2::<i64>::zeros((3, 4));
    for error in [refused(|net| net.forward(&integers).map(drop)), refused(|net| net.vjp(&integers, &dy))] {
        assert!(matches!(error, Error::Tensor { tensor: "x", source: TensorError::NotReal { .. } }));
    }
}

#[test]
fn empty_batches() {
    for (name, error) in [
        ("forward", refused(|net| net.forward(examples(0)).map(drop))),
        ("vjp", refused(|net| net.vjp(examples(0), Array2::<f32>::zeros((0, 3))))),
        ("gradients", refused(|net| net.gradients(examples(0), classes(0)))),
    ] {
        let message = format!("{name} was called with an empty batch; it needs at least one example");
        assert_eq!(error.to_string(), message);
    }
}

#[test]
fn values_that_are_not_finite() {
    for value in NOT_FINITE {
        let mut x = examples(3);
        x[[1, 2]] = value;
        let message =
            format!("element 6 of x is {value}; only finite numbers serve, and nothing was changed");
        assert_eq!(refused(|net| net.forward(&x).map(drop)).to_string(), message);
        assert_eq!(refused(|net| net.vjp(&x, Array2::<f32>::zeros((3, 3)))).to_string(), message);
        let error = refused(|net| net.gradients(&x, classes(3)));
        let Error::NotFinite { cause: NotFiniteCause::Input { index: 6, .. }, .. } = error else {
            panic!("{error}");
        };
        let mut dy = Array2::<f32>::zeros((3, 3));
        dy[[2, 1]] = value;
        let error = refused(|net| net.vjp(examples(3), &dy));
        assert!(
            matches!(&error, Error::ValueNotFinite { tensor, index: 7, .. } if tensor == "dy"),
            "{error}"
        );
    }
    // Finite in f64 alone.
    let error = refused(|net| net.vjp(examples(1), array![[0.0, 1e300, 0.0]]));
    assert!(matches!(error, Error::ValueNotFinite { index: 1, .. }), "{error}");
}

#[test]
fn cotangents_of_another_shape() {
    let error = refused(|net| net.vjp(examples(3), Array2::<f32>::zeros((3, 4))));
    assert_eq!(error.to_string(), "dy has shape [3, 4], but the output of these examples has [3, 3]");
    for dy in [
        Array2::<f32>::zeros((2, 3)).into_dyn(),
        Array1::zeros(3).into_dyn(),
        Array3::zeros((3, 3, 1)).into_dyn(),
        ArrayD::zeros(vec![]),
    ] {
        let error = refused(|net| net.vjp(examples(3), &dy));
        assert!(matches!(error, Error::CotangentShape { .. }), "{error}");
    }
}

/// Good gradients, to be spoilt.
fn gradients() -> Vec<(String, ArrayD<f32>)> {
    let [net, _] = twins(TEXT);
    net.parameters()
}

fn apply(net: &mut Network, gradients: &[(String, ArrayD<f32>)]) -> dl::Result<()> {
    net.apply_gradients(gradients.iter().map(|(name, gradient)| (name, gradient)))
}

#[test]
fn gradients_of_other_parameters() {
    let mut missing = gradients();
    missing.remove(1);
    let error = refused(|net| apply(net, &missing));
    assert_eq!(
        error.to_string(),
        "there is no gradient of parameter `dense0.bias`; each parameter needs one"
    );
    let mut twice = gradients();
    twice.push(twice[2].clone());
    let error = refused(|net| apply(net, &twice));
    assert!(matches!(&error, Error::GradientTwice { name } if name == "dense1.weight"), "{error}");
    for name in ["dense2.weight", "x", "lr", "adam.m.dense0.weight", ""] {
        let mut unknown = gradients();
        unknown.push((name.to_owned(), array![1.0f32].into_dyn()));
        let error = refused(|net| apply(net, &unknown));
        assert!(matches!(&error, Error::UnknownParameter { name: found, .. } if found == name), "{error}");
    }
    assert!(matches!(refused(|net| apply(net, &[])), Error::MissingGradient { .. }));
}

#[test]
fn gradients_of_another_shape() {
    for shape in [vec![5, 4], vec![20], vec![4, 5, 1], vec![]] {
        let mut wrong = gradients();
        wrong[0].1 = ArrayD::zeros(shape.clone());
        let error = refused(|net| apply(net, &wrong));
        let Error::GradientShape { name, expected, found } = &error else { panic!("{error}") };
        assert_eq!((name.as_str(), &expected[..], found), ("dense0.weight", &[4, 5][..], &shape));
    }
}

#[test]
fn gradients_that_are_not_finite() {
    for value in NOT_FINITE {
        // The last of them: those before it have been looked at by then, and must not have been used.
        let mut wrong = gradients();
        wrong[3].1[2] = value;
        let error = refused(|net| apply(net, &wrong));
        let message = format!(
            "element 2 of the gradient of `dense1.bias` is {value}; only finite numbers serve, and nothing was changed"
        );
        assert_eq!(error.to_string(), message);
    }
}

#[test]
fn learning_rates_out_of_range() {
    for learning_rate in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY, -0.1, -0.0, 1e39, -1e-300] {
        let error = refused(|net| net.set_learning_rate(learning_rate));
        let message = format!(
            "the learning rate must be a finite number of at least 0 that f32 can hold, not {learning_rate}"
        );
        assert_eq!(error.to_string(), message);
    }
}
