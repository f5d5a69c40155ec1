//! Activations, losses and optimizers against formulas written out by hand in f64.

use dl_ir::autodiff;
use dl_ir::builder::Builder;
use dl_ir::graph::NodeId;
use dl_ir::interp::{self, Environment};
use dl_ir::layers::{ACTIVATIONS, Activation, Mode};
use dl_ir::module::Init;
use dl_ir::network::Network;
use dl_ir::types::{DType, Shape, TensorType};
use dl_ir::value::Value;

const TOLERANCE: f64 = 1e-12;

fn assert_close(found: &[f64], expected: &[f64], what: &str) {
    assert_eq!(found.len(), expected.len(), "{what}: {found:?} against {expected:?}");
    for (f, e) in found.iter().zip(expected) {
        let close = f == e || (f - e).abs() <= TOLERANCE * (1.0 + e.abs());
        assert!(close, "{what}: {found:?} against {expected:?}");
    }
}

/// The elements of `node` for a batch of `batch` examples.
fn elements(builder: &Builder, environment: &Environment, batch: usize, node: NodeId) -> Vec<f64> {
    interp::values(builder.graph(), environment, batch)[node.index()][0].data.clone()
}

/// An activation's values and its slopes at `points`, each a row of one element.
fn activation(name: &str, points: &[f64]) -> (Vec<f64>, Vec<f64>) {
    let activation = Activation::find(name).expect("a known activation");
    let mut b = Builder::new();
    let x = b.input("x", TensorType::f32(Shape::batched(&[1])));
    let y = (activation.apply)(&mut b, x);
    let one = b.constant_like(1.0, y);
    let slope = autodiff::vjp(&mut b, &[(y, one)], &[x])[0];
    let environment = Environment::from([("x".to_owned(), Value::f32(&[points.len(), 1], points.to_vec()))]);
    (elements(&b, &environment, points.len(), y), elements(&b, &environment, points.len(), slope))
}

fn sigmoid(x: f64) -> f64 {
    1.0 / (1.0 + (-x).exp())
}

#[test]
fn activations_have_their_values() {
    let points = [-800.0, -2.5, -1.0, -0.25, 0.0, 0.25, 1.0, 2.5, 800.0];
    type Formula = fn(f64) -> f64;
    let formulas: [(&str, Formula); 8] = [
        ("relu", |x| if x > 0.0 { x } else { 0.0 }),
        ("leaky_relu", |x| if x > 0.0 { x } else { 0.01 * x }),
        ("sigmoid", sigmoid),
        ("tanh", f64::tanh),
        ("softplus", |x| if x > 700.0 { x } else { (1.0 + x.exp()).ln() }),
        ("elu", |x| if x > 0.0 { x } else { x.exp() - 1.0 }),
        ("silu", |x| x * sigmoid(x)),
        ("linear", |x| x),
    ];
    for (name, formula) in formulas {
        assert_close(&activation(name, &points).0, &points.map(formula), name);
    }
}

#[test]
fn gelu_is_the_exact_one() {
    // x·Φ(x), with Φ(1) and Φ(−0.5) from a table of the normal distribution.
    let (values, _) = activation("gelu", &[0.0, 1.0, -0.5]);
    assert_close(&values, &[0.0, 0.841_344_746_068_542_9, -0.5 * 0.308_537_538_725_986_9], "gelu");
}

#[test]
fn slopes_at_kinks_are_those_of_the_language() {
    for (name, slope) in [("relu", 0.0), ("leaky_relu", 0.01), ("elu", 1.0)] {
        assert_close(&activation(name, &[0.0]).1, &[slope], name);
    }
}

#[test]
fn activations_neither_hide_nan_nor_make_one() {
    for activation_rule in ACTIVATIONS {
        let (values, _) = activation(activation_rule.name, &[f64::NAN]);
        assert!(values[0].is_nan(), "{} of NaN", activation_rule.name);
        let (values, slopes) = activation(activation_rule.name, &[-2000.0, 2000.0]);
        let finite = values.iter().chain(&slopes).all(|value| value.is_finite());
        assert!(finite, "{}: {values:?}, {slopes:?}", activation_rule.name);
    }
}

#[test]
fn softmax_runs_over_the_last_axis() {
    let mut b = Builder::new();
    let x = b.input("x", TensorType::f32(Shape::batched(&[2, 2])));
    let y = (Activation::find("softmax").expect("known").apply)(&mut b, x);
    let data = vec![0.0, 3.0_f64.ln(), 5000.0, 5000.0];
    let environment = Environment::from([("x".to_owned(), Value::f32(&[1, 2, 2], data))]);
    assert_close(&elements(&b, &environment, 1, y), &[0.25, 0.75, 0.5, 0.5], "softmax");
}

/// What a loss gives for a network that hands on its input: loss, slope at the input, right answers.
struct Judged {
    loss: f64,
    slope: Vec<f64>,
    correct: Option<f64>,
}

/// Judges a batch `x` of examples of `width` elements, with `last` as the only layer behind `input`.
fn judge(last: &str, loss: &str, width: usize, x: &[f64], y: &[f64], dtype: DType) -> Judged {
    let text = format!("< input({width}), {last} >, loss = {loss}");
    let network = Network::parse(&text).expect("no mistakes");
    let batch = x.len() / width;
    let mut b = Builder::new();
    let input = b.input("x", network.input_type());
    let ty = network.target_types().into_iter().find(|ty| ty.dtype == dtype).expect("such targets");
    let y_value = Value::new(dtype, ty.shape.at(batch), y.to_vec());
    let target = b.input("y", ty);
    let forward = network.forward(&mut b, Mode::Training, input);
    let node = network.loss().build(&mut b, &forward, target);
    let correct = network.loss().correct(&mut b, &forward, target);
    let one = b.constant_like(1.0, node);
    let slope = autodiff::vjp(&mut b, &[(node, one)], &[input])[0];
    let environment = Environment::from([
        ("x".to_owned(), Value::f32(&[batch, width], x.to_vec())),
        ("y".to_owned(), y_value),
    ]);
    let of = |node| elements(&b, &environment, batch, node);
    Judged { loss: of(node)[0], slope: of(slope), correct: correct.map(|node| of(node)[0]) }
}

#[test]
fn cross_entropy_is_the_mean_of_minus_log_softmax() {
    let x = [1.0, 2.0, 0.5, -1.0, 0.0, 3.0];
    let log_p = |row: &[f64], i: usize| row[i] - row.iter().map(|z| z.exp()).sum::<f64>().ln();
    let expected = -(log_p(&x[..3], 0) + log_p(&x[3..], 2)) / 2.0;
    let indices = judge("softmax", "cross_entropy", 3, &x, &[0.0, 2.0], DType::I32);
    let rows = judge("softmax", "cross_entropy", 3, &x, &[1.0, 0.0, 0.0, 0.0, 0.0, 1.0], DType::F32);
    for judged in [&indices, &rows] {
        assert_close(&[judged.loss], &[expected], "cross_entropy");
        assert_eq!(judged.correct, Some(1.0));
        let p = |row: &[f64], i: usize, target: f64| (log_p(row, i).exp() - target) / 2.0;
        let slope = [
            p(&x[..3], 0, 1.0),
            p(&x[..3], 1, 0.0),
            p(&x[..3], 2, 0.0),
            p(&x[3..], 0, 0.0),
            p(&x[3..], 1, 0.0),
            p(&x[3..], 2, 1.0),
        ];
        assert_close(&judged.slope, &slope, "slope of cross_entropy");
    }
}

#[test]
fn cross_entropy_averages_over_time_steps_too() {
    let network = Network::parse("< input(2, 3), softmax >").expect("no mistakes");
    let mut b = Builder::new();
    let x = b.input("x", network.input_type());
    let y = b.input("y", network.target_types()[0].clone());
    let forward = network.forward(&mut b, Mode::Inference, x);
    let loss = network.loss().build(&mut b, &forward, y);
    let environment = Environment::from([
        ("x".to_owned(), Value::f32(&[1, 2, 3], vec![0.0; 6])),
        ("y".to_owned(), Value::new(DType::I32, vec![1, 2], vec![0.0, 2.0])),
    ]);
    assert_close(&elements(&b, &environment, 1, loss), &[3.0_f64.ln()], "cross_entropy");
    assert_eq!(network.loss().n_predictions(network.output_shape()), 2);
}

#[test]
fn losses_from_logits_stay_finite() {
    let softmax = judge("softmax", "cross_entropy", 2, &[3000.0, -3000.0], &[1.0], DType::I32);
    assert_close(&[softmax.loss], &[6000.0], "cross_entropy");
    assert_close(&softmax.slope, &[1.0, -1.0], "slope of cross_entropy");
    let sigmoid = judge("sigmoid", "binary_cross_entropy", 1, &[-3000.0, 3000.0], &[1.0, 1.0], DType::F32);
    assert_close(&[sigmoid.loss], &[1500.0], "binary_cross_entropy");
    assert_close(&sigmoid.slope, &[-0.5, 0.0], "slope of binary_cross_entropy");
}

#[test]
fn binary_cross_entropy_judges_at_one_half() {
    let (x, y) = ([0.0, 2.0, -1.0, 0.5], [1.0, 1.0, 0.0, 0.0]);
    let element = |(z, y): (&f64, &f64)| -(y * sigmoid(*z).ln() + (1.0 - y) * (1.0 - sigmoid(*z)).ln());
    let expected = x.iter().zip(&y).map(element).sum::<f64>() / 4.0;
    let judged = judge("sigmoid", "binary_cross_entropy", 2, &x, &y, DType::F32);
    assert_close(&[judged.loss], &[expected], "binary_cross_entropy");
    let slope: Vec<f64> = x.iter().zip(&y).map(|(z, y)| (sigmoid(*z) - y) / 4.0).collect();
    assert_close(&judged.slope, &slope, "slope of binary_cross_entropy");
    assert_eq!(judged.correct, Some(2.0));
}

#[test]
fn losses_of_differences_are_means_over_elements() {
    let (x, y) = ([0.5, 3.0, -2.0, 1.0], [0.0, 1.0, -2.0, 1.75]);
    type Formula = fn(f64) -> f64;
    let formulas: [(&str, Formula); 3] = [
        ("mse", |d| d * d),
        ("mae", f64::abs),
        ("huber", |d: f64| if d.abs() <= 1.0 { d * d / 2.0 } else { d.abs() - 0.5 }),
    ];
    for (name, formula) in formulas {
        let expected = x.iter().zip(&y).map(|(x, y)| formula(x - y)).sum::<f64>() / 4.0;
        let judged = judge("linear", name, 2, &x, &y, DType::F32);
        assert_close(&[judged.loss], &[expected], name);
        assert_eq!(judged.correct, None);
    }
    let slope = judge("linear", "mae", 2, &x, &y, DType::F32).slope;
    assert_close(&slope, &[0.25, 0.25, 0.0, -0.25], "slope of mae, 0 at 0");
    let slope = judge("linear", "huber", 2, &x, &y, DType::F32).slope;
    assert_close(&slope, &[0.125, 0.25, 0.0, -0.1875], "slope of huber");
}

#[test]
fn hinge_passes_its_gradient_at_the_tie() {
    let judged = judge("linear", "hinge", 1, &[1.0, 2.0, -0.5, 0.5], &[1.0, -1.0, -1.0, -1.0], DType::F32);
    assert_close(&[judged.loss], &[(0.0 + 3.0 + 0.5 + 1.5) / 4.0], "hinge");
    assert_close(&judged.slope, &[-0.25, 0.25, 0.25, 0.25], "slope of hinge");
    assert_eq!(judged.correct, Some(2.0));
}

/// The parameter after each of three steps, beginning at 1, with these gradients.
fn descend(optimizer: &str, gradients: [f64; 3]) -> Vec<f64> {
    let text = format!("< dense(1, 1, bias = false) >, optimizer = {optimizer}");
    let network = Network::parse(&text).expect("no mistakes");
    let mut b = Builder::new();
    let parameter = network.parameters().remove(0);
    let weight = b.state(&parameter.name, parameter.ty.clone());
    let gradient = b.input("g", parameter.ty.clone());
    let updates = network.optimizer().build(&mut b, &[(&parameter.name, weight, gradient)]);

    let mut environment: Environment = network
        .states()
        .iter()
        .map(|state| {
            let first = if let Init::Constant(value) = state.init { value } else { 1.0 };
            (state.name.clone(), Value::from_fn(&state.ty, 1, |_| first))
        })
        .collect();
    let step = |gradient: f64| {
        environment.insert("g".to_owned(), Value::f32(&[1, 1], vec![gradient]));
        let values = interp::values(b.graph(), &environment, 1);
        for (name, node) in &updates {
            assert!(environment.contains_key(name), "`{name}` is declared");
            environment.insert(name.clone(), values[node.index()][0].clone());
        }
        environment[&parameter.name].data[0]
    };
    gradients.into_iter().map(step).collect()
}

const GRADIENTS: [f64; 3] = [0.5, -2.0, 1.25];

/// Applies a step to the parameter and the gradient, once for each of [`GRADIENTS`], counting from 1.
fn by_hand(mut step: impl FnMut(f64, f64, i32) -> f64) -> Vec<f64> {
    let mut w = 1.0;
    let step = |(t, g): (usize, f64)| {
        w = step(w, g, t as i32 + 1);
        w
    };
    GRADIENTS.into_iter().enumerate().map(step).collect()
}

#[test]
fn sgd_follows_its_formula() {
    assert_close(&descend("sgd(lr = 0.1)", GRADIENTS), &by_hand(|w, g, _| w - 0.1 * g), "sgd");
    for nesterov in [false, true] {
        let mut b = 0.0;
        let expected = by_hand(|w, g, t| {
            let g = g + 0.2 * w;
            b = if t == 1 { g } else { 0.9 * b + g };
            w - 0.1 * if nesterov { g + 0.9 * b } else { b }
        });
        let text = format!("sgd(lr = 0.1, momentum = 0.9, nesterov = {nesterov}, weight_decay = 0.2)");
        assert_close(&descend(&text, GRADIENTS), &expected, &text);
    }
}

#[test]
fn adam_and_adamw_follow_their_formulas() {
    for (text, decay) in [
        ("adam(lr = 0.1, beta1 = 0.8, beta2 = 0.95, eps = 0.01)", 0.0),
        ("adamw(lr = 0.1, beta1 = 0.8, beta2 = 0.95, eps = 0.01, weight_decay = 0.3)", 0.3),
    ] {
        let (mut m, mut v) = (0.0, 0.0);
        let expected = by_hand(|w, g, t| {
            m = 0.8 * m + 0.2 * g;
            v = 0.95 * v + 0.05 * g * g;
            let (c1, c2) = (1.0 - 0.8_f64.powi(t), 1.0 - 0.95_f64.powi(t));
            w - 0.1 * decay * w - 0.1 / c1 * m / (f64::sqrt(v) / c2.sqrt() + 0.01)
        });
        assert_close(&descend(text, GRADIENTS), &expected, text);
    }
}

#[test]
fn rmsprop_follows_its_formula() {
    for momentum in [0.0, 0.9] {
        let (mut v, mut b) = (0.0, 0.0);
        let expected = by_hand(|w, g, _| {
            v = 0.95 * v + 0.05 * g * g;
            b = momentum * b + g / (f64::sqrt(v) + 0.01);
            w - 0.1 * b
        });
        let text = format!("rmsprop(lr = 0.1, rho = 0.95, eps = 0.01, momentum = {momentum:?})");
        assert_close(&descend(&text, GRADIENTS), &expected, &text);
    }
}

#[test]
fn adagrad_follows_its_formula() {
    let mut sum = 0.0;
    let expected = by_hand(|w, g, _| {
        sum += g * g;
        w - 0.1 * g / (f64::sqrt(sum) + 0.01)
    });
    assert_close(&descend("adagrad(lr = 0.1, eps = 0.01)", GRADIENTS), &expected, "adagrad");
}

#[test]
fn dense_works_on_the_last_axis_of_any_shape() {
    let network = Network::parse("< input(2, 2), dense(2, 1, relu) >").expect("no mistakes");
    let mut b = Builder::new();
    let x = b.input("x", network.input_type());
    let output = network.forward(&mut b, Mode::Inference, x).output;
    let environment = Environment::from([
        ("x".to_owned(), Value::f32(&[1, 2, 2], vec![1.0, 2.0, 3.0, 4.0])),
        ("dense0.weight".to_owned(), Value::f32(&[2, 1], vec![10.0, -2.0])),
        ("dense0.bias".to_owned(), Value::f32(&[1], vec![-7.0])),
    ]);
    assert_close(&elements(&b, &environment, 1, output), &[0.0, 15.0], "dense");
}

#[test]
fn a_residual_adds_its_input() {
    let network = Network::parse("< input(2), residual(< relu, flatten >) >").expect("no mistakes");
    let mut b = Builder::new();
    let x = b.input("x", network.input_type());
    let output = network.forward(&mut b, Mode::Inference, x).output;
    let environment = Environment::from([("x".to_owned(), Value::f32(&[1, 2], vec![-1.0, 3.0]))]);
    assert_close(&elements(&b, &environment, 1, output), &[-1.0, 6.0], "residual");
}
