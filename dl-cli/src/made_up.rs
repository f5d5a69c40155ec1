//! Random examples and targets that a network accepts: enough to measure and to compare, nothing to learn.

use dl::data::Split;
use dl_ir::network::Network;
use dl_ir::types::{DType, TensorType};
use dl_runtime::random::Stream;
use dl_runtime::tensor::{Data, Tensor};

use crate::error::Result;

/// Streams far from those of states.
const EXAMPLES: u32 = u32::MAX - 1;
const TARGETS: u32 = u32::MAX - 2;

/// As many examples as asked for, with targets of the network's usual type.
///
/// Examples are uniform in [−1, 1), or random tokens. Targets are random classes; ±1 for hinge; 0 or 1 for binary cross-entropy; uniform in [−1, 1) else.
pub fn made_up(network: &Network, examples: usize, seed: u64) -> Result<Split> {
    let targets = &network.target_types()[0];
    let classes = network.output_shape().last().copied().unwrap_or(1);
    let signed = |unit: f32| 2.0 * unit - 1.0;
    let target = |unit: f32| match network.loss().name() {
        "hinge" => (2.0 * unit).floor() * 2.0 - 1.0,
        "binary_cross_entropy" => (2.0 * unit).floor(),
        _ => signed(unit),
    };
    let x =
        tensor(&network.input_type(), examples, Stream::new(seed, EXAMPLES, 0), |stream, len| match network
            .vocabulary()
        {
            Some(vocabulary) => below(vocabulary, stream, len),
            None => Data::F32((0..len).map(|element| signed(stream.uniform(element))).collect()),
        })?;
    let y = tensor(targets, examples, Stream::new(seed, TARGETS, 0), |stream, len| match targets.dtype {
        DType::F32 => Data::F32((0..len).map(|element| target(stream.uniform(element))).collect()),
        _ => below(classes, stream, len),
    })?;
    Ok(Split::new("made-up data".as_ref(), ("x", x), ("y", y))?)
}

/// Random integers below a bound.
fn below(bound: usize, stream: Stream, len: u64) -> Data {
    let integer = |element| (f64::from(stream.uniform(element)) * bound as f64) as i32;
    Data::I32((0..len).map(integer).collect())
}

fn tensor(
    ty: &TensorType,
    examples: usize,
    stream: Stream,
    fill: impl Fn(Stream, u64) -> Data,
) -> Result<Tensor> {
    let shape = ty.shape.at(examples);
    let len = shape.iter().try_fold(1usize, |product, &size| product.checked_mul(size));
    let data = fill(stream, len.unwrap_or(usize::MAX) as u64);
    Ok(Tensor::new(shape, data)?)
}
