//! What a kernel does, counted: to be set against what a machine could do in the same time.

use dl_ir::graph::{Graph, NodeId};
use dl_ir::ops::Structure;

use super::Binding;
use super::operands::{chunks, rows_moved, shape_elements, storage};
use crate::fuse::{Anchor, Class, Group};
use crate::kernel::Kernel;
use dl_ir::product::Product;

/// The arithmetic and the traffic of one launch.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Work {
    /// Floating-point operations: 2·m·n·k for a matrix product, and one for each element of an elementwise op or of what is
    /// summed (partial sums too), whether it is an addition or an exponential.
    pub flops: u64,
    /// Bytes of the buffers read, and of those written. A buffer counts once for each, however often it is gone through; a table, with
    /// the rows that are taken from it, or added to it in place.
    pub bytes: u64,
}

impl Work {
    /// The work of a group's kernel, whose buffers are those of `bindings`, on a batch.
    pub fn of(graph: &Graph, group: &Group, kernel: &Kernel, bindings: &[Binding], batch: usize) -> Work {
        let flops = group.members.iter().map(|(&node, &class)| flops(graph, group, node, class, batch));
        let rows = rows_moved(graph, group);
        let bytes = bindings.iter().zip(&kernel.buffers).enumerate().map(|(i, (&binding, buffer))| {
            let of = |binding: Binding| (storage(graph, binding.node()), binding.is_write());
            let is_known = bindings[..i].iter().any(|&other| of(other) == of(binding));
            let touched = rows.filter(|_| is_in_rows(group, binding));
            let elements = match touched {
                Some(rows) => shape_elements(graph, rows).at(batch),
                None => buffer.elements.at(batch),
            };
            if is_known { 0 } else { 4 * elements as u64 }
        });
        Work { flops: flops.sum(), bytes: bytes.sum() }
    }

    /// The work of so many launches alike.
    pub fn times(self, count: usize) -> Work {
        Work { flops: self.flops * count as u64, bytes: self.bytes * count as u64 }
    }
}

/// Whether a kernel goes to those rows of a buffer only that indices name.
fn is_in_rows(group: &Group, binding: Binding) -> bool {
    match group.anchor {
        Some(Anchor::Gather(_)) => matches!(binding, Binding::Left(_)),
        Some(Anchor::ScatterInto(_)) => binding.is_write(),
        _ => false,
    }
}

fn flops(graph: &Graph, group: &Group, node: NodeId, class: Class, batch: usize) -> u64 {
    let elements = |node| shape_elements(graph, node).at(batch) as u64;
    match graph.op(node).structure() {
        Structure::Contract if group.anchor == Some(Anchor::Total(node)) => {
            elements(node) * chunks(graph, node).at(batch) as u64
        }
        Structure::Contract => Product::of(graph, node).map_or(0, |product| {
            [product.m.at(batch), product.n, product.k.at(batch)]
                .into_iter()
                .fold(2, |all, size| all * size as u64)
        }),
        Structure::Reduce => elements(graph.operands(node)[0]),
        Structure::ScatterAdd => elements(graph.operands(node)[2]),
        Structure::Map if class == Class::Full => {
            group.elements(graph, node).map_or(0, |elements| elements.at(batch) as u64)
        }
        Structure::Map | Structure::Random => elements(node),
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use dl_ir::network::Network;
    use dl_ir::{build, passes};

    use super::*;
    use crate::compile::lower;
    use crate::plan::plan_state;
    use crate::target::Target;
    use crate::vector::Lanes;

    /// The work of each launch of a prediction, in the order of the groups.
    fn works(network: &str, batch: usize) -> Vec<Work> {
        let network = Network::parse(network).expect("a valid network");
        let module = passes::optimize(build::module(&network, &network.target_types()[0]), |_, _| ());
        let module = module.expect("passes keep functions valid");
        let function = module.function("predict").expect("networks have it");
        let target = Target { lanes: Lanes::L4 };
        let lowered = lower(function, &plan_state(&module, target), target).expect("there are kernels");
        let groups = lowered.groups.iter().zip(&lowered.bindings).enumerate();
        let work = |(i, (group, bindings)): (usize, (&Group, &Vec<Binding>))| {
            Work::of(&function.graph, group, &lowered.kernels[lowered.kernel_of[i]], bindings, batch)
        };
        groups.map(work).collect()
    }

    #[test]
    fn a_product_with_its_epilogue() {
        // Bias and relu: one operation each. The weight lies in panels of 4 columns.
        let flops = 7 * 3 * (2 * 5 + 2);
        let bytes = 4 * (7 * 5 + 5 * 4 + 3 + 7 * 3);
        assert_eq!(works("< dense(5, 3, relu) >", 7), [Work { flops, bytes }]);
    }

    #[test]
    fn a_buffer_read_in_two_ways_counts_once() {
        // The product reads x, and its epilogue adds x; the weight lies in one panel of 8 columns.
        let flops = 2 * 6 * (2 * 6 + 2);
        let bytes = 4 * (2 * 6 + 6 * 8 + 6 + 2 * 6);
        assert_eq!(works("< input(6), residual(< dense(6, 6) >) >", 2), [Work { flops, bytes }]);
    }

    #[test]
    fn values_of_rows_count_per_row() {
        // Maximum, difference, exp, sum, quotient; the maximum and the sum go through all elements.
        assert_eq!(works("< input(6), softmax >", 2), [Work { flops: 5 * 12, bytes: 4 * 2 * 12 }]);
    }
}
