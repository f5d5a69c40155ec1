//! Random networks of the layers, losses and optimizers that there are.

use crate::random::Random;

/// Tails of every kind at every width.
const SIZES: [usize; 7] = [1, 2, 3, 17, 31, 33, 127];
/// Values that have statistics worth the name.
const ENOUGH: usize = 17;
const ACTIVATIONS: [&str; 10] =
    ["linear", "relu", "leaky_relu", "sigmoid", "tanh", "softplus", "elu", "silu", "gelu", "softmax"];
/// Losses, with the activation that the network must end with.
const LOSSES: [(&str, Option<&str>); 6] = [
    ("cross_entropy", Some("softmax")),
    ("binary_cross_entropy", Some("sigmoid")),
    ("mse", None),
    ("mae", None),
    ("huber", None),
    ("hinge", None),
];
const OPTIMIZERS: [&str; 9] = [
    "sgd(lr = 0.1)",
    "sgd(lr = 0.1, momentum = 0.9, weight_decay = 0.01)",
    "sgd(lr = 0.1, momentum = 0.9, nesterov = true)",
    "rmsprop(lr = 0.01)",
    "rmsprop(lr = 0.01, momentum = 0.5)",
    "adam",
    "adam(lr = 0.01, beta1 = 0.8)",
    "adamw(lr = 0.01)",
    "adagrad(lr = 0.1)",
];

/// A network's text, and a batch size to run it at.
pub struct Sample {
    pub text: String,
    pub batch: usize,
}

/// A network of at most `max_work` multiplications in its forward pass, and the same number of elements in any tensor.
pub fn network(random: &mut Random, max_work: usize) -> Sample {
    let mut draft = Draft::start(random);
    let depth = 1 + random.below(5);
    for layer in 1..=depth {
        draft.add(random, layer == depth, max_work);
    }
    let (loss, last) = random.choose(&LOSSES);
    if let Some(activation) = last {
        draft.layers.push(activation.to_owned());
    }
    let optimizer = random.choose(&OPTIMIZERS);
    let layers = draft.layers.join(", ");
    Sample { text: format!("< {layers} >, loss = {loss}, optimizer = {optimizer}"), batch: draft.batch }
}

/// A network in the making.
struct Draft {
    layers: Vec<String>,
    /// What the last layer gives, without the batch.
    shape: Vec<usize>,
    batch: usize,
    work: usize,
}

impl Draft {
    fn start(random: &mut Random) -> Self {
        let batch = random.choose(&SIZES);
        let shape = match random.below(3) {
            0 => vec![random.choose(&[1, 2, 3, 5]), random.choose(&SIZES)],
            _ => vec![random.choose(&SIZES)],
        };
        let sizes: Vec<String> = shape.iter().map(usize::to_string).collect();
        Draft { layers: vec![format!("input({})", sizes.join(", "))], shape, batch, work: 0 }
    }

    fn add(&mut self, random: &mut Random, is_last: bool, max_work: usize) {
        match random.below(10) {
            0 if self.shape.len() > 1 => {
                self.shape = vec![self.shape.iter().product()];
                self.layers.push("flatten".to_owned());
            }
            1 if !is_last => {
                let activation = random.choose(&ACTIVATIONS);
                self.layers.push(activation.to_owned());
            }
            2 if self.shape.len() == 1 && self.shape[0].is_multiple_of(3) => {
                self.shape = vec![3, self.shape[0] / 3];
                self.layers.push(format!("reshape(3, {})", self.shape[1]));
            }
            3 => {
                let width = *self.shape.last().expect("shapes have axes");
                let (inner, activation) = (self.width(random, max_work / 2), random.choose(&ACTIVATIONS));
                self.layers.push(format!(
                    "residual(< dense({width}, {inner}, {activation}), dense({inner}, {width}) >)"
                ));
                self.work += 2 * self.positions() * width * inner;
            }
            4 => self.layers.push("dropout(0.25)".to_owned()),
            // Of few values, or of values with a norm already, gradients are differences of equal numbers.
            5 if !self.has_norm() && self.shape.last().is_some_and(|&width| width >= ENOUGH) => {
                let width = self.shape[self.shape.len() - 1];
                self.layers.push(format!("layer_norm({width})"));
            }
            6 if !self.has_norm() && self.positions() >= ENOUGH => {
                let width = self.shape[self.shape.len() - 1];
                self.layers.push(format!("batch_norm({width})"));
            }
            7 if self.shape.len() == 2 => self.add_recurrent(random, max_work),
            _ => {
                let width = *self.shape.last().expect("shapes have axes");
                let (out, activation) = (self.width(random, max_work), random.choose(&ACTIVATIONS));
                let bias = if random.below(4) == 0 { ", bias = false" } else { "" };
                self.layers.push(format!("dense({width}, {out}, {activation}{bias})"));
                self.work += self.positions() * width * out;
                *self.shape.last_mut().expect("shapes have axes") = out;
            }
        }
    }

    /// A loop over time steps.
    fn add_recurrent(&mut self, random: &mut Random, max_work: usize) {
        let (kind, gates) = random.choose(&[("rnn", 1), ("lstm", 4), ("gru", 3)]);
        let [steps, features] = self.shape[..] else { unreachable!("asked for steps of features") };
        let units = self.width(random, max_work / gates / 2);
        self.work += self.batch * steps * gates * units * (features + units);
        let returns_all = random.below(2) == 0;
        self.layers.push(format!("{kind}({features}, {units}, return_sequences = {returns_all})"));
        self.shape = if returns_all { vec![steps, units] } else { vec![units] };
    }

    fn has_norm(&self) -> bool {
        self.layers.iter().any(|layer| layer.contains("norm"))
    }

    /// Rows that a dense layer works on.
    fn positions(&self) -> usize {
        self.batch * self.shape[..self.shape.len() - 1].iter().product::<usize>()
    }

    /// The width of a new layer, within what is left of the work.
    fn width(&self, random: &mut Random, max_work: usize) -> usize {
        let per_column = self.positions() * self.shape.last().expect("shapes have axes");
        let room = max_work.saturating_sub(self.work) / per_column;
        random.choose(&SIZES).min(room.max(1))
    }
}
