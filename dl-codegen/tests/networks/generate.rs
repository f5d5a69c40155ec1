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

/// Those that do not divide by the gradient: the first few.
const PLAIN_OPTIMIZERS: usize = 3;

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
    // The gradient of a key's bias is nothing but rounding, of which others make whole steps.
    let optimizers = if draft.has("attention") { &OPTIMIZERS[..PLAIN_OPTIMIZERS] } else { &OPTIMIZERS[..] };
    let optimizer = random.choose(optimizers);
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
        let (batch, shape) = match random.below(4) {
            0 => (random.choose(&SIZES), vec![random.choose(&[1, 2, 3, 5]), random.choose(&SIZES)]),
            1 => {
                let mut side = || random.choose(&[3, 4, 5, 8, 9]);
                let (height, width) = (side(), side());
                (random.choose(&[1, 2, 3, 17]), vec![height, width, random.choose(&[1, 2, 3, 17])])
            }
            _ => (random.choose(&SIZES), vec![random.choose(&SIZES)]),
        };
        let sizes: Vec<String> = shape.iter().map(usize::to_string).collect();
        Draft { layers: vec![format!("input({})", sizes.join(", "))], shape, batch, work: 0 }
    }

    fn add(&mut self, random: &mut Random, is_last: bool, max_work: usize) {
        match random.below(10) {
            6..=9 if self.shape.len() == 3 => self.add_for_images(random, max_work),
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
            5 if !self.is_even() && self.shape.last().is_some_and(|&width| width >= ENOUGH) => {
                let width = self.shape[self.shape.len() - 1];
                self.layers.push(format!("layer_norm({width})"));
            }
            6 if !self.is_even() && self.positions() >= ENOUGH => {
                let width = self.shape[self.shape.len() - 1];
                self.layers.push(format!("batch_norm({width})"));
            }
            7 if self.shape.len() == 2 => self.add_recurrent(random, max_work),
            8 if self.shape.len() == 2 && self.attention_work() <= max_work.saturating_sub(self.work) => {
                self.add_attention(random);
            }
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

    /// Each time step looks at all of them, or at those before it.
    fn add_attention(&mut self, random: &mut Random) {
        self.work += self.attention_work();
        let width = self.shape[1];
        let heads: Vec<usize> = [1, 2, 3, width].into_iter().filter(|&n| width.is_multiple_of(n)).collect();
        let (heads, causal) = (random.choose(&heads), random.below(2) == 0);
        self.layers.push(format!("attention({width}, {heads}, causal = {causal})"));
    }

    fn attention_work(&self) -> usize {
        let [steps, width] = self.shape[..] else { unreachable!("asked for steps of features") };
        self.batch * steps * width * (4 * width + 2 * steps)
    }

    /// A convolution, or a pool behind one.
    fn add_for_images(&mut self, random: &mut Random, max_work: usize) {
        let [height, width, channels] = self.shape[..] else { unreachable!("asked for images") };
        let kernel = (random.choose(&[1, 2, 3]).min(height), random.choose(&[1, 2, 3]).min(width));
        let stride = 1 + random.below(2);
        let valid = |size: usize, kernel: usize| (size - kernel) / stride + 1;
        let (k, pooled) =
            (format!("({}, {})", kernel.0, kernel.1), [valid(height, kernel.0), valid(width, kernel.1)]);
        match random.below(5) {
            0 => {
                let kind = random.choose(&["max_pool2d", "avg_pool2d"]);
                self.layers.push(format!("{kind}({k}, stride = {stride})"));
                self.shape = vec![pooled[0], pooled[1], channels];
            }
            1 => {
                self.layers.push("global_avg_pool2d".to_owned());
                self.shape = vec![channels];
            }
            _ => {
                let padding = random.choose(&["valid", "same"]);
                let [height, width] = match padding {
                    "same" => [height.div_ceil(stride), width.div_ceil(stride)],
                    _ => pooled,
                };
                let per_channel = self.batch * height * width * kernel.0 * kernel.1 * channels;
                let room = max_work.saturating_sub(self.work) / per_channel;
                let out = random.choose(&SIZES).min(room.max(1));
                let (activation, bias) = (random.choose(&ACTIVATIONS), random.below(2) == 0);
                self.layers.push(format!(
                    "conv2d({channels}, {out}, {k}, {activation}, stride = {stride}, padding = {padding}, bias = {bias})"
                ));
                self.work += per_channel * out;
                self.shape = vec![height, width, out];
            }
        }
    }

    /// Whether numbers differ by little, or by what a norm has made of it: another norm would make much of their rounding.
    fn is_even(&self) -> bool {
        self.has("norm") || self.layers.last().is_some_and(|layer| layer.contains("softmax"))
    }

    fn has(&self, kind: &str) -> bool {
        self.layers.iter().any(|layer| layer.contains(kind))
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
