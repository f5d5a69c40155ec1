//! The generator of random numbers as state of a network: a key, and the number of training steps so far.
//!
//! Layers that draw in training do so through [`LayerContext::uniform`](crate::layers::LayerContext::uniform). All functions draw
//! for the step at hand; only a training step counts it up.

use crate::builder::Builder;
use crate::graph::NodeId;
use crate::module::{Init, StateDecl, StateRole};
use crate::ops::compare::Direction;
use crate::ops::{Constant, RandomUniform};
use crate::types::{DType, Shape, TensorType};

/// The stream of the first layer that draws, in the order of the forward pass; others follow. Initial values have the
/// streams below.
pub const FIRST_STREAM: usize = 1 << 31;

/// Low and high word of the key, which is the seed.
const KEY: [&str; 2] = ["random.key_low", "random.key_high"];

/// Low and high word of the step.
const STEP: [&str; 2] = ["random.step_low", "random.step_high"];

fn word_type() -> TensorType {
    TensorType::new(DType::I32, Shape::scalar())
}

/// The declarations of the generator's state.
pub fn states() -> Vec<StateDecl> {
    let declare = |name: &str, init| StateDecl {
        name: name.to_owned(),
        ty: word_type(),
        role: StateRole::Random,
        init,
    };
    let key = [0, 1].map(|word| declare(KEY[word], Init::Seed { word }));
    let step = STEP.map(|name| declare(name, Init::Constant(0.0)));
    key.into_iter().chain(step).collect()
}

fn read(b: &mut Builder, names: [&str; 2]) -> [NodeId; 2] {
    names.map(|name| b.state(name, word_type()))
}

/// Uniform numbers in [0, 1) of this shape, for the step at hand. `ordinal` tells draws of one step apart.
pub(crate) fn uniform(b: &mut Builder, ordinal: usize, shape: Shape) -> NodeId {
    let ([key_low, key_high], [step_low, step_high]) = (read(b, KEY), read(b, STEP));
    let op = RandomUniform { stream: FIRST_STREAM + ordinal, shape };
    b.push(op, &[key_low, key_high, step_low, step_high])
}

/// The next step: a number of 64 bits, counted up in two words.
pub(crate) fn next_step(b: &mut Builder) -> Vec<(String, NodeId)> {
    let [low, high] = read(b, STEP);
    let [zero, one] = [0.0, 1.0].map(|value| b.push(Constant::new(value, word_type()), &[]));
    let next_low = b.add(low, one);
    let carries = b.compare(Direction::Eq, next_low, zero);
    let carried = b.add(high, one);
    let next_high = b.select(carries, carried, high);
    STEP.map(str::to_owned).into_iter().zip([next_low, next_high]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::interp::{self, Environment};
    use crate::value::Value;

    #[test]
    fn steps_carry_from_word_to_word() {
        let mut b = Builder::new();
        let next = next_step(&mut b);
        let after = |low: i32, high: i32| {
            let word = |value: i32| Value::new(DType::I32, Vec::new(), vec![f64::from(value)]);
            let words = STEP.map(str::to_owned).into_iter().zip([word(low), word(high)]);
            let values = interp::values(b.graph(), &Environment::from_iter(words), 1);
            [0, 1].map(|index: usize| values[next[index].1.index()][0].data[0] as i32)
        };
        assert_eq!(after(0, 0), [1, 0]);
        assert_eq!(after(i32::MAX, 5), [i32::MIN, 5]);
        assert_eq!(after(-1, 5), [0, 6]);
        assert_eq!(after(-1, -1), [0, 0]);
    }
}
