//! Compiled code against the interpreter, function by function, at every width.

use std::collections::BTreeMap;

use dl::data::Split;
use dl::{Builder, Gradients, Network};
use dl_ir::build::gradient_name;
use dl_ir::interp::{self, Outcome};
use serde::Serialize;

use super::{environment, value};
use crate::args::host_widths;
use crate::error::Result;

/// The largest relative error: in L2 norm, tensor by tensor.
pub const TOLERANCE: f64 = 2e-5;

/// Tensors with a smaller norm are compared as if they had this one: where all cancels out, rounding is left.
const SMALL: f64 = 5e-5;

/// Steps of training before the comparison, so that no state is as fresh.
const STEPS: usize = 2;

/// A function at a width.
#[derive(Serialize)]
pub struct Comparison {
    pub function: &'static str,
    pub lanes: usize,
    /// The result or new state with the largest relative error.
    pub tensor: String,
    pub relative: f64,
    /// The largest error of an element of any of them.
    pub absolute: f64,
    pub ok: bool,
}

/// What a function gave, by name: results and new state.
type Found = BTreeMap<String, Vec<f64>>;

/// Compares all functions at all widths that the CPU has.
pub fn compare(builder: &Builder, batch: &Split) -> Result<Vec<Comparison>> {
    let mut comparisons = Vec::new();
    let mut expected: Option<[(&str, Outcome); 4]> = None;
    for lanes in host_widths() {
        let mut net = builder.clone().lanes(lanes.count()).build()?;
        for _ in 0..STEPS {
            net.train_step(batch.x(), batch.y())?;
        }
        let expected = match &mut expected {
            Some(expected) => expected,
            none => none.insert(interpret(&net, batch)?),
        };
        let vanishing = Vanishing::of(&expected[GRADIENTS].1);
        for ((function, outcome), found) in expected.iter().zip(run(&mut net, batch)?) {
            comparisons.push(worst(function, lanes.count(), outcome, &found, &vanishing));
        }
    }
    Ok(comparisons)
}

const FUNCTIONS: [&str; 4] = ["predict", "evaluate", "gradients", "train_step"];
/// Which of them has the gradients.
const GRADIENTS: usize = 2;

/// What the functions should give.
fn interpret(net: &Network, batch: &Split) -> Result<[(&'static str, Outcome); 4]> {
    let (environment, module) = (environment(net.states(), batch), net.module()?);
    Ok(FUNCTIONS.map(|name| {
        let function = module.function(name).expect("networks have these functions");
        (name, interp::run(function, &environment, batch.n_examples()))
    }))
}

/// What they give. The last one changes the state.
fn run(net: &mut Network, batch: &Split) -> Result<[Found; 4]> {
    let (x, y) = (batch.x(), batch.y());
    let predicted = Found::from([("output".to_owned(), doubles(net.predict(x)?.iter()))]);
    let evaluation = net.evaluate(x, y)?;
    let mut evaluated = Found::from([("loss".to_owned(), vec![f64::from(evaluation.loss)])]);
    if let Some(accuracy) = evaluation.accuracy {
        let network = net.network();
        let predictions = network.loss().n_predictions(network.output_shape()) * batch.n_examples();
        evaluated.insert("correct".to_owned(), vec![f64::from(accuracy * predictions as f32)]);
    }
    let differentiated = found(&net.gradients(x, y)?);
    let loss = net.train_step(x, y)?;
    let mut trained: Found =
        net.states().into_iter().map(|(name, state)| (name, value(&state).data)).collect();
    trained.insert("loss".to_owned(), vec![f64::from(loss)]);
    Ok([predicted, evaluated, differentiated, trained])
}

fn doubles<'a>(values: impl Iterator<Item = &'a f32>) -> Vec<f64> {
    values.copied().map(f64::from).collect()
}

/// Gradients as the graph names them.
fn found(gradients: &Gradients) -> Found {
    let of_x = gradients.x().map(|gradient| ("x", gradient));
    let named = gradients.iter().chain(of_x);
    let named = named.map(|(of, gradient)| (gradient_name(of), doubles(gradient.iter())));
    named.chain([("loss".to_owned(), vec![f64::from(gradients.loss())])]).collect()
}

/// Gradients of which nothing is left but rounding, as of a bias whose effect a norm takes away again. Some optimizers make
/// whole steps of that.
struct Vanishing {
    /// The parameters.
    parameters: Vec<String>,
    /// The norm of the largest gradient, which they are to be seen beside.
    scale: f64,
}

impl Vanishing {
    /// Those whose gradients, in f64, are smaller by so much than the largest.
    const SHARE: f64 = 1e-12;

    fn of(gradients: &Outcome) -> Self {
        let norms: Vec<(&str, f64)> = gradients
            .results
            .iter()
            .filter_map(|(name, value)| Some((name.strip_prefix("grad.")?, norm(value.data.iter().copied()))))
            .collect();
        let scale = norms.iter().map(|&(_, norm)| norm).fold(0.0, f64::max);
        let vanish = |&&(_, norm): &&(&str, f64)| norm > 0.0 && norm <= Self::SHARE * scale;
        let parameters = norms.iter().filter(vanish).map(|&(name, _)| name.to_owned()).collect();
        Vanishing { parameters, scale }
    }

    /// Whether a tensor is such a parameter, its gradient, or what an optimizer keeps for it.
    fn has(&self, tensor: &str) -> bool {
        let is_of = |parameter: &String| {
            tensor.strip_suffix(parameter.as_str()).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
        };
        self.parameters.iter().any(is_of)
    }
}

fn worst(
    function: &'static str,
    lanes: usize,
    expected: &Outcome,
    found: &Found,
    vanishing: &Vanishing,
) -> Comparison {
    let mut worst =
        Comparison { function, lanes, tensor: String::new(), relative: 0.0, absolute: 0.0, ok: true };
    let new_states = expected.updates.iter().filter(|(name, _)| !vanishing.has(name));
    for (name, value) in expected.results.iter().chain(new_states) {
        let least = if vanishing.has(name) { vanishing.scale } else { SMALL };
        let (relative, absolute) = errors(&found[name], &value.data, least);
        if worst.tensor.is_empty() || relative > worst.relative {
            (worst.tensor, worst.relative) = (name.clone(), relative);
        }
        worst.absolute = worst.absolute.max(absolute);
    }
    worst.ok = worst.relative <= TOLERANCE;
    worst
}

fn norm(values: impl Iterator<Item = f64>) -> f64 {
    values.map(|value| value * value).sum::<f64>().sqrt()
}

/// The error in L2 norm, relative to that of the expected or to `least`, and the largest error of an element.
fn errors(found: &[f64], expected: &[f64], least: f64) -> (f64, f64) {
    let differences = || found.iter().zip(expected).map(|(&found, &expected)| found - expected);
    let error = norm(differences());
    let scale = norm(expected.iter().copied()).max(least);
    // A value that is not a number is the worst of all.
    let relative = if error.is_nan() { f64::INFINITY } else { error / scale };
    (relative, differences().map(f64::abs).fold(0.0, f64::max))
}

#[cfg(test)]
mod tests {
    use super::*;
    use dl_ir::interp::Environment;
    use dl_ir::value::Value;

    /// What the comparison says if these were found where [1, 2] and [0] are expected.
    fn compare(a: [f64; 2], b: f64) -> Comparison {
        let value = |data: &[f64]| Value::f32(&[data.len()], data.to_vec());
        let results = Environment::from([("a".to_owned(), value(&[1.0, 2.0]))]);
        let updates = Environment::from([("b".to_owned(), value(&[0.0]))]);
        let found = Found::from([("a".to_owned(), a.to_vec()), ("b".to_owned(), vec![b])]);
        let nothing = Vanishing { parameters: Vec::new(), scale: 1.0 };
        worst("train_step", 4, &Outcome { results, updates }, &found, &nothing)
    }

    #[test]
    fn gradients_of_nothing_are_seen_beside_others() {
        let gradients = |of_bias: f64| {
            let value = |data: &[f64]| Value::f32(&[data.len()], data.to_vec());
            let of = [("grad.a.bias", [of_bias]), ("grad.b.weight", [2.0])];
            let results = of.map(|(name, data)| (name.to_owned(), value(&data)));
            Outcome { results: results.into(), updates: Environment::new() }
        };
        let vanishing = Vanishing::of(&gradients(1e-15));
        let has =
            ["a.bias", "grad.a.bias", "adam.m.a.bias", "b.weight", "aa.bias"].map(|name| vanishing.has(name));
        assert_eq!(has, [true, true, true, false, false]);
        assert!(Vanishing::of(&gradients(1e-9)).parameters.is_empty());
        assert!(Vanishing::of(&gradients(0.0)).parameters.is_empty());
        let with_noise = |noise: f64| {
            let found =
                Found::from([("grad.a.bias".into(), vec![noise]), ("grad.b.weight".into(), vec![2.0])]);
            worst("gradients", 4, &gradients(1e-15), &found, &vanishing).ok
        };
        assert!(with_noise(1e-6) && !with_noise(1e-3));
    }

    #[test]
    fn the_worst_tensor_decides() {
        let found = compare([1.0, 2.00001], 0.0);
        assert!(found.ok && found.tensor == "a" && found.absolute > 9e-6, "{}", found.relative);
        assert!(!compare([1.0, 2.001], 0.0).ok);
        let found = compare([1.0, 2.00001], 1e-5);
        assert!(!found.ok && found.tensor == "b");
        assert!(compare([1.0, 2.0], 1e-10).ok);
    }

    #[test]
    fn what_is_not_a_number_is_wrong() {
        assert!(!compare([1.0, f64::NAN], 0.0).ok);
        assert!(!compare([1.0, 2.0], f64::NAN).ok);
        assert!(!compare([f64::NAN, 2.0], 1.0).ok);
    }
}
