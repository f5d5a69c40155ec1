//! What layers on images share: shapes [height, width, channels], and windows that slide over height and width.

use super::{LayerContext, Misfit};
use crate::arguments::{ArgKind, ArgSpec, Arguments, Setting};
use crate::diagnostics::NetworkError;
use crate::graph::NodeId;
use crate::ops::Slice;
use crate::ops::windows::n_windows;

/// The axis of height in a batch of images; that of width follows.
pub(super) const HEIGHT: usize = 1;

/// The arguments of layers that make one value of each window.
pub(super) const POOLING: &[ArgSpec] = &[
    ArgSpec {
        name: "k",
        kind: ArgKind::Pair,
        positional: true,
        default: None,
        meaning: "the size of the window, one number or (height, width)",
    },
    ArgSpec {
        name: "stride",
        kind: ArgKind::Pair,
        positional: false,
        default: Some(Setting::Like("k")),
        meaning: "the step from window to window",
    },
];

/// The sizes of an image, or why a shape is not one; a layer may say how many channels it takes.
pub(super) fn image(
    layer: impl Fn() -> String,
    channels: Option<usize>,
    input: &[usize],
) -> Result<[usize; 3], Misfit> {
    input.try_into().map_err(|_| {
        let error = NetworkError::NotAnImage { layer: layer(), channels, found: input.to_vec() };
        Misfit { error, argument: None }
    })
}

/// How many windows there are along height and width, or why there are none.
pub(super) fn count_windows(
    layer: impl Fn() -> String,
    found: [usize; 2],
    window: [usize; 2],
    stride: [usize; 2],
) -> Result<[usize; 2], Misfit> {
    let along = |axis: usize| n_windows(found[axis], window[axis], stride[axis]);
    match (along(0), along(1)) {
        (Some(rows), Some(columns)) => Ok([rows, columns]),
        _ => {
            let error = NetworkError::ImageTooSmall { layer: layer(), window, found };
            Err(Misfit { error, argument: Some("k") })
        }
    }
}

/// The output shape of a layer with the arguments [`POOLING`].
pub(super) fn pooled(
    layer: impl Fn() -> String,
    arguments: &Arguments,
    input: &[usize],
) -> Result<Vec<usize>, Misfit> {
    let [height, width, channels] = image(&layer, None, input)?;
    let (window, stride) = (arguments.pair("k"), arguments.pair("stride"));
    let [rows, columns] = count_windows(layer, [height, width], window, stride)?;
    Ok(vec![rows, columns, channels])
}

/// The shape of all windows of such a layer, one beside the other.
pub(super) fn pooling_windows(arguments: &Arguments, output: Vec<usize>) -> Vec<usize> {
    let ([rows, columns], channels) = ([output[0], output[1]], output[2]);
    let [height, width] = arguments.pair("k");
    vec![rows, columns, height, width, channels]
}

/// The windows [B, h', w', kh, kw, c] of such a layer. Rows and columns that no window reaches are cut off first, so that
/// what computes them can leave them out.
pub(super) fn pooling(cx: &mut LayerContext<'_>, x: NodeId) -> NodeId {
    let (window, stride) = (cx.arguments().pair("k"), cx.arguments().pair("stride"));
    let mut reached = Slice::whole(cx.builder.shape(x));
    for axis in 0..2 {
        reached.limit[HEIGHT + axis] = (cx.output()[axis] - 1) * stride[axis] + window[axis];
    }
    let x = cx.builder.slice(x, reached);
    cx.builder.windows(x, HEIGHT, &window, &stride)
}

/// The axes inside of the windows that [`pooling`] gives.
pub(super) const INSIDE: [usize; 2] = [HEIGHT + 2, HEIGHT + 3];
