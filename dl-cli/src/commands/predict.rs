//! `dlc predict`: the outputs for a batch.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use dl::data::DataError;
use dl_runtime::files::{TensorFile, tensors};
use dl_runtime::tensor::{Examples, Tensor};

use crate::args::{Net, Run};
use crate::error::Result;

#[derive(clap::Args)]
pub struct Args {
    #[command(flatten)]
    net: Net,
    /// The weights: safetensors
    #[arg(long, value_name = "W")]
    weights: PathBuf,
    /// The batch: safetensors with `x`
    #[arg(long, value_name = "B")]
    input: PathBuf,
    /// The file to write: safetensors with `y`
    #[arg(long, value_name = "O")]
    output: PathBuf,
    #[command(flatten)]
    run: Run,
}

pub fn run(args: &Args) -> Result<()> {
    let mut net = args.run.configure(args.net.read()?).build()?;
    net.load(&args.weights)?;
    let x = examples(&args.input, net.input_shape())?;
    let y = net.predict(&x)?;
    let y = Tensor::new(y.shape().to_vec(), y.iter().copied().collect::<Vec<f32>>())?;
    Ok(tensors::write(&args.output, &BTreeMap::from([("y".to_owned(), y)]))?)
}

/// The examples of a batch. What else a batch may hold is not needed.
fn examples(path: &Path, shape: &[usize]) -> Result<Tensor> {
    let mut file = TensorFile::read(path)?;
    let mut x = file.take("x")?;
    for unneeded in ["y", "x_test", "y_test"] {
        file.take_optional(unneeded);
    }
    file.finish()?;
    let found = x.example_shape().to_vec();
    x.reshape_rows(shape).map_err(|_| DataError::Reshape { expected: shape.to_vec(), found })?;
    Ok(x)
}
