//! Gradients against finite differences, both by the interpreter in f64: along one random direction for each parameter and for x, at a
//! random point.

use dl::Builder;
use dl::data::Split;
use dl_ir::interp::{self, Environment};
use dl_ir::module::Function;
use dl_ir::passes;
use dl_ir::value::Value;
use dl_runtime::random::Stream;
use serde::Serialize;

use super::environment;
use crate::error::Result;
use dl::inspect;

/// The largest relative error.
pub const TOLERANCE: f64 = 1e-6;

/// The length of a step, for a direction of length 1. A central difference is off by about its square, and by 1e-16 over it.
const STEP: f64 = 1e-5;

/// Gradients are compared as if their share along a direction were this at least, for a loss of 1: less than that drowns in rounding.
const SMALL: f64 = 1e-4;

/// How far the point is from initial weights, at most. Zeros, as biases are, may lie on kinks.
const DISTANCE: f64 = 0.05;

/// How many directions are tried before a parameter counts as lying at a kink.
const DIRECTIONS: u32 = 8;

/// Streams of random numbers for directions end here, far from those of states.
const LAST_STREAM: u32 = u32::MAX - 16;

/// The gradient of a parameter or of x.
#[derive(Serialize)]
pub struct Comparison {
    /// `grad.<parameter>` or `grad.x`.
    pub gradient: String,
    /// `null` if all directions cross a kink.
    pub relative: Option<f64>,
    pub ok: bool,
}

/// Compares all gradients.
pub fn compare(builder: &Builder, batch: &Split, seed: u64) -> Result<Vec<Comparison>> {
    let module = inspect::optimized(builder.network(), None)?;
    let function = |name: &str| module.function(name).expect("networks have these functions");
    let net = builder.clone().build()?;
    let mut environment = environment(net.states(), batch);
    for (idx, (name, _)) in net.parameters().into_iter().enumerate() {
        let stream = Stream::new(seed, LAST_STREAM - idx as u32, u64::from(DIRECTIONS));
        let value = environment.get_mut(&name).expect("parameters are state");
        for (element, value) in value.data.iter_mut().enumerate() {
            *value += DISTANCE * (2.0 * f64::from(stream.uniform(element as u64)) - 1.0);
        }
    }
    let gradients = interp::run(function("gradients"), &environment, batch.n_examples());
    let differences =
        Differences { loss: only_loss(function("train_step")), environment, batch: batch.n_examples(), seed };
    let named = gradients.results.into_iter().filter(|(name, _)| name != "loss").enumerate();
    Ok(named.map(|(idx, (name, gradient))| differences.compare(idx as u32, name, &gradient)).collect())
}

/// The forward part of a training step.
fn only_loss(step: &Function) -> Function {
    let step = Function { updates: Vec::new(), ..step.clone() };
    // Any pass keeps only what is needed.
    passes::PIPELINE.iter().fold(step, |step, pass| (pass.run)(step))
}

struct Differences {
    loss: Function,
    environment: Environment,
    batch: usize,
    seed: u64,
}

impl Differences {
    fn compare(&self, idx: u32, gradient_name: String, gradient: &Value) -> Comparison {
        let name =
            gradient_name.strip_prefix("grad.").expect("results of gradients have such names").to_owned();
        let stream = |attempt: u32| Stream::new(self.seed, LAST_STREAM - idx, u64::from(attempt));
        let smooth =
            (0..DIRECTIONS).find_map(|attempt| self.relative_error(&name, gradient, stream(attempt)));
        let ok = smooth.is_none_or(|relative| relative <= TOLERANCE);
        Comparison { gradient: gradient_name, relative: smooth, ok }
    }

    /// The error along a direction; `None` where the loss has a kink.
    fn relative_error(&self, name: &str, gradient: &Value, stream: Stream) -> Option<f64> {
        let len = gradient.data.len();
        let signs: Vec<f64> =
            (0..len).map(|i| if stream.word(i as u64) & 1 == 0 { 1.0 } else { -1.0 }).collect();
        let length = (len as f64).sqrt();
        let direction: Vec<f64> = signs.iter().map(|sign| sign / length).collect();
        let expected: f64 = gradient.data.iter().zip(&direction).map(|(g, d)| g * d).sum();
        // What a random direction sees of the gradient: `expected` itself may be small by chance.
        let norm = gradient.data.iter().map(|g| g * g).sum::<f64>().sqrt();
        let small = SMALL * self.loss_at(name, &direction, 0.0).abs().max(1.0);
        let scale = expected.abs().max(norm / length).max(small);
        let [whole, half] = [STEP, STEP / 2.0].map(|step| self.difference(name, &direction, step));
        let is_smooth = (whole - half).abs() <= TOLERANCE * scale;
        is_smooth.then(|| (half - expected).abs() / scale)
    }

    /// The central difference of the loss along a direction.
    fn difference(&self, name: &str, direction: &[f64], step: f64) -> f64 {
        (self.loss_at(name, direction, step) - self.loss_at(name, direction, -step)) / (2.0 * step)
    }

    /// The loss a step along a direction away.
    fn loss_at(&self, name: &str, direction: &[f64], step: f64) -> f64 {
        let mut environment = self.environment.clone();
        let value = environment.get_mut(name).expect("gradients are of parameters and x");
        value.data.iter_mut().zip(direction).for_each(|(value, direction)| *value += step * direction);
        interp::run(&self.loss, &environment, self.batch).results["loss"].data[0]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RELU: &str = r#"dl 1
state w : f32[] parameter constant(0.0)
function train_step {
  %0 = state {name="w"} : f32[]
  %1 = constant {value=0.0} : f32[]
  %2 = max %0, %1 : f32[]
  return loss = %2
}
"#;

    /// What the comparison says of relu at `w` for this gradient.
    fn compare(w: f64, gradient: f64) -> Comparison {
        let module = dl_ir::text::parse(RELU).unwrap();
        let environment = Environment::from([("w".to_owned(), Value::f32(&[], vec![w]))]);
        let differences = Differences { loss: module.functions[0].clone(), environment, batch: 1, seed: 0 };
        differences.compare(0, "grad.w".to_owned(), &Value::f32(&[], vec![gradient]))
    }

    #[test]
    fn right_gradients_pass_and_wrong_ones_do_not() {
        assert!(compare(1.0, 1.0).ok && compare(-1.0, 0.0).ok);
        assert!(!compare(1.0, 1.00001).ok && !compare(1.0, 0.0).ok && !compare(-1.0, 0.001).ok);
        assert!(!compare(1.0, f64::NAN).ok);
    }

    #[test]
    fn kinks_are_left_out() {
        for distance in [0.1, 0.3, 0.6, 0.9] {
            let found = compare(distance * STEP, 1.0);
            assert_eq!((found.relative, found.ok), (None, true), "at {distance} steps");
        }
    }
}
