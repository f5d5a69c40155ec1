//! `global_avg_pool2d`: the mean of each channel over the whole image.

use super::image::{HEIGHT, image};
use super::{LayerContext, LayerRule, Misfit};
use crate::arguments::{ArgSpec, Arguments};
use crate::diagnostics::image_form;
use crate::graph::NodeId;

pub(super) struct GlobalAvgPool2d;

impl LayerRule for GlobalAvgPool2d {
    fn name(&self) -> &'static str {
        "global_avg_pool2d"
    }

    fn signature(&self) -> &'static [ArgSpec] {
        &[]
    }

    fn input_form(&self, _: &Arguments) -> String {
        image_form(None)
    }

    fn infer(&self, arguments: &Arguments, input: &[usize]) -> Result<Vec<usize>, Misfit> {
        let [_, _, channels] = image(|| self.text(arguments), None, input)?;
        Ok(vec![channels])
    }

    fn build(&self, cx: &mut LayerContext<'_>, x: NodeId) -> NodeId {
        let axes = [HEIGHT, HEIGHT + 1];
        let dims = cx.builder.shape(x).dims();
        let n: usize = axes.iter().filter_map(|&axis| dims[axis].as_static()).product();
        let sum = cx.builder.reduce_sum(x, &axes);
        cx.builder.scale(1.0 / n as f64, sum)
    }
}
