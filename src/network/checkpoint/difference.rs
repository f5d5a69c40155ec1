//! How the network of a checkpoint differs from the one that should resume it.

use std::fmt;

use dl_ir::network::{LayerInfo, Network};
use dl_runtime::files::TensorFile;

use crate::inspect::layer_text;

/// One difference between the network of a checkpoint and this one.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum Difference {
    /// A layer is another one, or is on one side only.
    Layer {
        /// Its position, from 0.
        index: usize,
        /// The checkpoint's layer, with its name.
        checkpoint: Option<String>,
        /// This network's.
        network: Option<String>,
    },
    /// The loss is another one.
    Loss {
        /// The checkpoint's.
        checkpoint: &'static str,
        /// This network's.
        network: &'static str,
    },
    /// The optimizer is another one, or has other arguments.
    Optimizer {
        /// The checkpoint's.
        checkpoint: String,
        /// This network's.
        network: String,
    },
    /// A tensor is not in the checkpoint.
    Missing {
        /// Its name.
        tensor: String,
    },
    /// A tensor of the checkpoint is none of this network.
    Extra {
        /// Its name.
        tensor: String,
    },
    /// A tensor has another shape.
    Shape {
        /// Its name.
        tensor: String,
        /// Its shape in the checkpoint.
        checkpoint: Vec<usize>,
        /// Its shape here.
        network: Vec<usize>,
    },
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let other = |f: &mut fmt::Formatter<'_>, what: &dyn fmt::Display, there: &str, here: &str| {
            write!(f, "{what} is {there} in the checkpoint, but {here} here")
        };
        let layer = |layer: &Option<String>| layer.clone().unwrap_or_else(|| "missing".to_owned());
        match self {
            Difference::Layer { index, checkpoint, network } => {
                other(f, &format_args!("layer {index}"), &layer(checkpoint), &layer(network))
            }
            Difference::Loss { checkpoint, network } => other(f, &"the loss", checkpoint, network),
            Difference::Optimizer { checkpoint, network } => other(f, &"the optimizer", checkpoint, network),
            Difference::Missing { tensor } => write!(f, "tensor {tensor} is missing in the checkpoint"),
            Difference::Extra { tensor } => write!(f, "tensor {tensor} is in the checkpoint only"),
            Difference::Shape { tensor, checkpoint, network } => {
                let (there, here) = (format!("{checkpoint:?}"), format!("{network:?}"));
                other(f, &format_args!("the shape of tensor {tensor}"), &there, &here)
            }
        }
    }
}

/// All differences, most telling first; the message shows the first few.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Differences(pub Vec<Difference>);

impl fmt::Display for Differences {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const SHOWN: usize = 12;
        for difference in self.0.iter().take(SHOWN) {
            write!(f, "\n  {difference}")?;
        }
        match self.0.len().saturating_sub(SHOWN) {
            0 => Ok(()),
            more => write!(f, "\n  and {more} more"),
        }
    }
}

/// Compares what was saved, and the tensors of the file, with what is here. Names of networks do not count.
pub(super) fn differences(
    saved: &Network,
    here: &Network,
    file: &TensorFile,
    expected: &[(String, Vec<usize>)],
) -> Differences {
    let mut found = layers(saved, here);
    let (checkpoint, network) = (saved.loss().name(), here.loss().name());
    if checkpoint != network {
        found.push(Difference::Loss { checkpoint, network });
    }
    let (checkpoint, network) = (saved.optimizer().to_string(), here.optimizer().to_string());
    if checkpoint != network {
        found.push(Difference::Optimizer { checkpoint, network });
    }
    found.extend(tensors(file, expected));
    Differences(found)
}

fn layers(saved: &Network, here: &Network) -> Vec<Difference> {
    let (saved, here) = (saved.layer_infos(), here.layer_infos());
    let text = |layer: &LayerInfo| format!("{}: {}", layer.name, layer_text(layer.kind, &layer.arguments));
    let compare = |index: usize| {
        let (checkpoint, network) = (saved.get(index).map(text), here.get(index).map(text));
        (checkpoint != network).then_some(Difference::Layer { index, checkpoint, network })
    };
    (0..saved.len().max(here.len())).filter_map(compare).collect()
}

fn tensors(file: &TensorFile, expected: &[(String, Vec<usize>)]) -> Vec<Difference> {
    let compare = |(name, shape): &(String, Vec<usize>)| {
        let tensor = name.clone();
        match file.tensors().get(name) {
            None => Some(Difference::Missing { tensor }),
            Some(found) if found.shape() != shape => {
                Some(Difference::Shape { tensor, checkpoint: found.shape().to_vec(), network: shape.clone() })
            }
            Some(_) => None,
        }
    };
    let is_extra = |name: &&String| expected.iter().all(|(known, _)| known != *name);
    let extra = file.tensors().keys().filter(is_extra).cloned();
    expected.iter().filter_map(compare).chain(extra.map(|tensor| Difference::Extra { tensor })).collect()
}
