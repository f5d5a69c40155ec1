//! Random examples and targets that a network accepts: enough to measure and to compare, nothing to learn.

use dl::data::Split;
use dl_ir::interp::Environment;
use dl_ir::module::Module;
use dl_ir::network::Network;
use dl_ir::types::{DType, TensorType};
use dl_runtime::random::Stream;
use dl_runtime::tensor::{Data, Tensor};

use crate::commands::check::value;
use crate::error::{Error, Result};

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
            None => filled(len, |element| signed(stream.uniform(element))).map(Data::F32),
        })?;
    let y = tensor(targets, examples, Stream::new(seed, TARGETS, 0), |stream, len| match targets.dtype {
        DType::F32 => filled(len, |element| target(stream.uniform(element))).map(Data::F32),
        _ => below(classes, stream, len),
    })?;
    Ok(Split::new("made-up data".as_ref(), ("x", x), ("y", y))?)
}

/// Made-up values for all inputs and states of a module of a network, these examples and targets among them: not all numbers are targets.
pub fn environment(module: &Module, data: &Split, batch: usize, seed: u64) -> Environment {
    let mut environment = dl_ir::bisect::made_up::made_up(module, batch, seed);
    environment.insert("x".to_owned(), value(data.x()));
    environment.insert("y".to_owned(), value(data.y()));
    environment
}

/// Random integers below a bound.
fn below(bound: usize, stream: Stream, len: usize) -> Option<Data> {
    let integer = |element| (f64::from(stream.uniform(element)) * bound as f64) as i32;
    filled(len, integer).map(Data::I32)
}

/// So many elements; `None` where there is no memory for them.
fn filled<T>(len: usize, of: impl Fn(u64) -> T) -> Option<Vec<T>> {
    let mut values = Vec::new();
    values.try_reserve_exact(len).ok()?;
    values.extend((0..len as u64).map(of));
    Some(values)
}

fn tensor(
    ty: &TensorType,
    examples: usize,
    stream: Stream,
    fill: impl Fn(Stream, usize) -> Option<Data>,
) -> Result<Tensor> {
    let shape = ty.shape.at(examples);
    let len = shape.iter().try_fold(1usize, |product, &size| product.checked_mul(size));
    let data = len.and_then(|len| fill(stream, len)).ok_or(Error::MadeUp { examples })?;
    Ok(Tensor::new(shape, data)?)
}
