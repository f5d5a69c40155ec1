//! `dlc grad`: the loss of a batch and its gradients.

use std::collections::BTreeMap;
use std::path::PathBuf;

use dl::data::DataSet;
use dl::ndarray::ArrayD;
use dl_runtime::files::tensors;
use dl_runtime::tensor::Tensor;

use crate::args::{Net, Run};
use crate::error::Result;

#[derive(clap::Args)]
pub struct Args {
    #[command(flatten)]
    net: Net,
    /// The weights: safetensors
    #[arg(long, value_name = "W")]
    weights: PathBuf,
    /// The batch: safetensors with `x` and `y`
    #[arg(long, value_name = "B")]
    input: PathBuf,
    /// The file to write: safetensors with `loss`, `grad.x` and `grad.<parameter>` each
    #[arg(long, value_name = "O")]
    output: PathBuf,
    #[command(flatten)]
    run: Run,
}

pub fn run(args: &Args) -> Result<()> {
    let mut net = args.run.configure(args.net.read()?).build()?;
    net.load(&args.weights)?;
    let mut batch = DataSet::open(&args.input)?;
    batch.reshape_examples(net.input_shape())?;
    let gradients = net.gradients(batch.train.x(), batch.train.y())?;
    let mut written = BTreeMap::from([("loss".to_owned(), Tensor::new(vec![1], vec![gradients.loss])?)]);
    let of_x = gradients.x.map(|gradient| ("x".to_owned(), gradient));
    for (of, gradient) in gradients.parameters.into_iter().chain(of_x) {
        written.insert(format!("grad.{of}"), tensor(gradient)?);
    }
    Ok(tensors::write(&args.output, &written)?)
}

fn tensor(array: ArrayD<f32>) -> Result<Tensor> {
    let shape = array.shape().to_vec();
    Ok(Tensor::new(shape, array.into_raw_vec_and_offset().0)?)
}
