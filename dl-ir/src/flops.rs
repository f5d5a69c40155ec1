//! How much arithmetic a function is.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::graph::{Graph, NodeId};
use crate::module::Function;
use crate::ops::{Einsum, Op};
use crate::origin::Origin;
use crate::types::Dim;

/// The floating-point operations of a function's contractions on a batch: two for each product that is summed, 2·m·n·k of a matrix
/// product. Those of a scan count once for each step. Elementwise operations are not counted.
pub fn flops(function: &Function, batch: usize) -> u64 {
    let graph = &function.graph;
    graph.ids().map(|id| of_node(graph, id, batch)).fold(0, u64::saturating_add)
}

/// The same for each layer, by name, backward and forward together; what is of no layer is left out.
pub fn flops_by_layer(function: &Function, batch: usize) -> BTreeMap<String, u64> {
    let graph = &function.graph;
    let mut of_layers: BTreeMap<String, u64> = BTreeMap::new();
    for id in graph.ids() {
        let layer = graph.origin(id).map(Arc::as_ref).and_then(Origin::layer);
        let flops = of_node(graph, id, batch);
        if let Some(layer) = layer.filter(|_| flops > 0) {
            let sum = of_layers.entry(layer.to_owned()).or_default();
            *sum = sum.saturating_add(flops);
        }
    }
    of_layers
}

fn of_node(graph: &Graph, id: NodeId, batch: usize) -> u64 {
    match graph.op(id) {
        Op::Einsum(einsum) => {
            let size = |&dim: &Dim| match dim {
                Dim::Static(size) => size as u64,
                Dim::Batch(multiple) => (multiple as u64).saturating_mul(batch as u64),
            };
            let sizes = |&operand: &NodeId| graph.tensor(operand).shape.dims().iter().map(size).collect();
            contraction(einsum, graph.operands(id).iter().map(sizes))
        }
        Op::Scan(scan) => flops(&scan.body, batch).saturating_mul(scan.length as u64),
        _ => 0,
    }
}

fn contraction(einsum: &Einsum, operands: impl Iterator<Item = Vec<u64>>) -> u64 {
    let mut sizes = [1; 256];
    for (shape, letters) in operands.zip([&einsum.lhs, &einsum.rhs]) {
        for (&letter, size) in letters.iter().zip(shape) {
            sizes[usize::from(letter)] = size;
        }
    }
    sizes.into_iter().fold(2, u64::saturating_mul)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::network::Network;
    use crate::{build, passes};

    fn optimized(text: &str, name: &str) -> Function {
        let network = Network::parse(text).unwrap();
        let module = build::module(&network, &network.target_types()[0]);
        passes::optimize(module, |_, _| ()).unwrap().function(name).unwrap().clone()
    }

    #[test]
    fn a_matrix_product_is_twice_its_three_sizes() {
        let count = |name| flops(&optimized("< dense(5, 3, relu), dense(3, 2) >", name), 7);
        assert_eq!(count("predict"), 2 * 7 * (5 * 3 + 3 * 2));
        // A gradient for each weight, and one for what is between the layers.
        assert_eq!(count("train_step"), 2 * 7 * (2 * 5 * 3 + 3 * 3 * 2));
    }

    #[test]
    fn layers_have_their_own() {
        let of_layers =
            flops_by_layer(&optimized("< first: dense(5, 3, relu), dense(3, 2) >", "train_step"), 7);
        let expected = [("dense1", 2 * 7 * 3 * 3 * 2), ("first", 2 * 7 * 2 * 5 * 3)];
        assert!(of_layers.iter().map(|(name, &flops)| (name.as_str(), flops)).eq(expected), "{of_layers:?}");
    }

    #[test]
    fn a_step_counts_as_often_as_it_is_taken() {
        let function = optimized("< input(7, 5), rnn(5, 3) >", "predict");
        assert_eq!(flops(&function, 2), 2 * 2 * 7 * (5 * 3 + 3 * 3));
    }
}
