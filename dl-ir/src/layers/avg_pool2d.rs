//! `avg_pool2d(k, stride = k)`: the mean of each window, for each channel.

use super::image::{INSIDE, POOLING, pooled, pooling, pooling_windows};
use super::{LayerContext, LayerRule, Misfit};
use crate::arguments::{ArgSpec, Arguments};
use crate::diagnostics::image_form;
use crate::graph::NodeId;

pub(super) struct AvgPool2d;

impl LayerRule for AvgPool2d {
    fn name(&self) -> &'static str {
        "avg_pool2d"
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

    fn build(&self, cx: &mut LayerContext<'_>, x: NodeId) -> NodeId {
        let [height, width] = cx.arguments().pair("k");
        let windows = pooling(cx, x);
        let sum = cx.builder.reduce_sum(windows, &INSIDE);
        cx.builder.scale(1.0 / (height as f64 * width as f64), sum)
    }
}
