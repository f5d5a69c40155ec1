//! `dlc grad`: the loss of a batch and its gradients.

use std::collections::BTreeMap;
use std::path::PathBuf;

use dl::data::DataSet;
use dl_ir::build::gradient_name;
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
    /// The file to write: safetensors with `loss`, `grad.<parameter>` each, and `grad.x` where x holds real numbers
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
    let mut written = BTreeMap::from([("loss".to_owned(), Tensor::new(vec![1], vec![gradients.loss()])?)]);
    let of_x = gradients.x().map(|gradient| ("x", gradient));
    for (of, gradient) in gradients.iter().chain(of_x) {
        let values: Vec<f32> = gradient.iter().copied().collect();
        written.insert(gradient_name(of), Tensor::new(gradient.shape().to_vec(), values)?);
    }
    Ok(tensors::write(&args.output, &written)?)
}
