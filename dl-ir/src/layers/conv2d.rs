//! `conv2d(cin, cout, k, act)`: each window of an image times a weight, plus a bias, through an activation.

use super::dense::{ACTIVATION, BIAS, add_bias};
use super::image::{HEIGHT, count_windows, image};
use super::{Activation, LayerContext, LayerRule, Misfit, Parameter, init};
use crate::arguments::{ArgKind, ArgSpec, Arguments, PADDINGS, Setting};
use crate::diagnostics::NetworkError;
use crate::diagnostics::image_form;
use crate::graph::NodeId;
use crate::module::Init;
use crate::ops::Pad;

pub(super) struct Conv2d;

const SIGNATURE: &[ArgSpec] = &[
    ArgSpec {
        name: "cin",
        kind: ArgKind::Size,
        positional: true,
        default: None,
        meaning: "the number of channels that come in",
    },
    ArgSpec {
        name: "cout",
        kind: ArgKind::Size,
        positional: true,
        default: None,
        meaning: "the number of channels that go out",
    },
    ArgSpec {
        name: "k",
        kind: ArgKind::Pair,
        positional: true,
        default: None,
        meaning: "the size of the window, one number or (height, width)",
    },
    ACTIVATION,
    ArgSpec {
        name: "stride",
        kind: ArgKind::Pair,
        positional: false,
        default: Some(Setting::Pair([1, 1])),
        meaning: "the step from window to window",
    },
    ArgSpec {
        name: "padding",
        kind: ArgKind::Padding,
        positional: false,
        default: Some(Setting::Word(PADDINGS[0])),
        meaning: "`same` surrounds the image with zeros, so that without a stride it keeps its size",
    },
    BIAS,
    init::ARGUMENT,
];

/// The zeros before and behind an axis, by Keras's rule: one window for each stride that begins in the image, and an odd zero
/// behind.
fn same_padding(extent: usize, window: usize, stride: usize) -> (usize, usize) {
    let covered = (extent.div_ceil(stride) - 1) * stride + window;
    let zeros = covered.saturating_sub(extent);
    (zeros / 2, zeros - zeros / 2)
}

/// The zeros before and behind height and width.
fn padding(arguments: &Arguments, image: [usize; 2]) -> [(usize, usize); 2] {
    let (window, stride) = (arguments.pair("k"), arguments.pair("stride"));
    match arguments.word("padding") {
        "same" => [0, 1].map(|axis| same_padding(image[axis], window[axis], stride[axis])),
        _ => [(0, 0); 2],
    }
}

impl LayerRule for Conv2d {
    fn name(&self) -> &'static str {
        "conv2d"
    }

    fn signature(&self) -> &'static [ArgSpec] {
        SIGNATURE
    }

    fn input_form(&self, arguments: &Arguments) -> String {
        image_form(Some(arguments.size("cin")))
    }

    fn infer(&self, arguments: &Arguments, input: &[usize]) -> Result<Vec<usize>, Misfit> {
        let layer = || self.text(arguments);
        let [height, width, found] = image(layer, Some(arguments.size("cin")), input)?;
        let expected = arguments.size("cin");
        if found != expected {
            let fitting = self.text(&arguments.with("cin", Setting::Size(found)));
            let error = NetworkError::Channels { layer: layer(), fitting, expected, found };
            return Err(Misfit { error, argument: Some("cin") });
        }
        let padding = padding(arguments, [height, width]);
        let padded = [height + padding[0].0 + padding[0].1, width + padding[1].0 + padding[1].1];
        let (window, stride) = (arguments.pair("k"), arguments.pair("stride"));
        let [rows, columns] = count_windows(layer, padded, window, stride)?;
        Ok(vec![rows, columns, arguments.size("cout")])
    }

    fn intermediate(&self, arguments: &Arguments, input: &[usize]) -> Option<Vec<usize>> {
        let output = self.infer(arguments, input).ok()?;
        let [height, width] = arguments.pair("k");
        Some(vec![output[0], output[1], height, width, arguments.size("cin")])
    }

    fn parameters(&self, arguments: &Arguments) -> Vec<Parameter> {
        let (cin, cout, [height, width]) =
            (arguments.size("cin"), arguments.size("cout"), arguments.pair("k"));
        // Sizes whose product is beyond the limit are refused later.
        let window = height.saturating_mul(width);
        let fans = (window.saturating_mul(cin), window.saturating_mul(cout));
        let init = init::weight_init(arguments.word("init"), fans.0, fans.1);
        let weight = Parameter { suffix: "weight", shape: vec![height, width, cin, cout], init };
        let bias = Parameter { suffix: "bias", shape: vec![cout], init: Init::Constant(0.0) };
        if arguments.flag("bias") { vec![weight, bias] } else { vec![weight] }
    }

    fn activation(&self, arguments: &Arguments) -> Option<&'static Activation> {
        Activation::find(arguments.word("act"))
    }

    fn build(&self, cx: &mut LayerContext<'_>, x: NodeId) -> NodeId {
        let (window, stride) = (cx.arguments().pair("k"), cx.arguments().pair("stride"));
        let weight = cx.parameter("weight");
        let [(top, bottom), (left, right)] = padding(cx.arguments(), [cx.input()[0], cx.input()[1]]);
        let zeros = Pad { low: vec![0, top, left, 0], high: vec![0, bottom, right, 0], interior: vec![0; 4] };
        let x = cx.builder.pad(x, zeros);
        let windows = cx.builder.windows(x, HEIGHT, &window, &stride);
        let product = cx.builder.einsum("bhwijc,ijco->bhwo", windows, weight);
        if !cx.arguments().flag("bias") {
            return product;
        }
        let bias = cx.parameter("bias");
        add_bias(cx.builder, product, bias)
    }
}
