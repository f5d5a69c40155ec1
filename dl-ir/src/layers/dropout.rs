//! `dropout(p)`: in training, elements become zero by chance (Srivastava et al., 2014).

use super::{LayerContext, LayerRule, Misfit, Mode};
use crate::arguments::{ArgKind, ArgSpec, Arguments, Range};
use crate::graph::NodeId;
use crate::ops::compare::Direction;

pub(super) struct Dropout;

const SIGNATURE: &[ArgSpec] = &[ArgSpec {
    name: "p",
    kind: ArgKind::Float(Range::Fraction),
    positional: true,
    default: None,
    meaning: "the probability that an element becomes zero",
}];

impl LayerRule for Dropout {
    fn name(&self) -> &'static str {
        "dropout"
    }

    fn signature(&self) -> &'static [ArgSpec] {
        SIGNATURE
    }

    fn infer(&self, _: &Arguments, input: &[usize]) -> Result<Vec<usize>, Misfit> {
        Ok(input.to_vec())
    }

    fn is_random(&self) -> bool {
        true
    }

    /// In training x/(1 − p) with probability 1 − p, else 0; otherwise x.
    fn build(&self, cx: &mut LayerContext<'_>, x: NodeId) -> NodeId {
        // As f32 numbers are compared, on every machine alike.
        let p = f64::from(cx.arguments().float("p") as f32);
        if cx.mode == Mode::Inference || p == 0.0 {
            return x;
        }
        let shape = cx.builder.shape(x).clone();
        let drawn = cx.uniform(shape);
        let b = &mut *cx.builder;
        let threshold = b.constant_like(p, x);
        let is_kept = b.compare(Direction::Ge, drawn, threshold);
        let scaled = b.scale(1.0 / (1.0 - p), x);
        let zero = b.constant_like(0.0, x);
        b.select(is_kept, scaled, zero)
    }
}
