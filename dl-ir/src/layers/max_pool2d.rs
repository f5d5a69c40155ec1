//! `max_pool2d(k, stride = k)`: the largest value of each window, for each channel.

use super::image::{INSIDE, POOLING, pooled, pooling, pooling_windows};
use super::{LayerContext, LayerRule, Misfit};
use crate::arguments::{ArgSpec, Arguments};
use crate::diagnostics::image_form;
use crate::graph::NodeId;

pub(super) struct MaxPool2d;

impl LayerRule for MaxPool2d {
    fn name(&self) -> &'static str {
        "max_pool2d"
    }

    fn signature(&self) -> &'static [ArgSpec] {
        POOLING
    }

    fn input_form(&self, _: &Arguments) -> String {
        image_form(None)
    }

    fn infer(&self, arguments: &Arguments, input: &[usize]) -> Result<Vec<usize>, Misfit> {
        pooled(|| self.text(arguments), arguments, input)
    }

    fn intermediate(&self, arguments: &Arguments, input: &[usize]) -> Option<Vec<usize>> {
        let output = self.infer(arguments, input).ok()?;
        Some(pooling_windows(arguments, output))
    }

    /// The index of each maximum tells where its gradient goes.
    fn build(&self, cx: &mut LayerContext<'_>, x: NodeId) -> NodeId {
        let windows = pooling(cx, x);
        let maxima = cx.builder.max_with_index(windows, &INSIDE);
        cx.builder.get(maxima, 0)
    }
}
