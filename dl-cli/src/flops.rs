//! How much arithmetic a function is.

use dl_ir::module::Function;
use dl_ir::ops::Op;

/// The floating-point operations of a function's contractions on a batch: two for each product that is summed, 2·m·n·k of a matrix
/// product. Elementwise operations are not counted.
pub fn flops(function: &Function, batch: usize) -> u64 {
    let graph = &function.graph;
    let contraction = |id| {
        let Op::Einsum(einsum) = graph.op(id) else { return 0 };
        let mut sizes = [1; 256];
        for (operand, letters) in graph.operands(id).into_iter().zip([&einsum.lhs, &einsum.rhs]) {
            for (&letter, size) in letters.iter().zip(graph.tensor(operand).shape.at(batch)) {
                sizes[usize::from(letter)] = size as u64;
            }
        }
        sizes.into_iter().fold(2, u64::saturating_mul)
    };
    graph.ids().map(contraction).fold(0, u64::saturating_add)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stages;
    use dl_ir::network::Network;

    #[test]
    fn a_matrix_product_is_twice_its_three_sizes() {
        let network = Network::parse("< dense(5, 3, relu), dense(3, 2) >").unwrap();
        let module = stages::optimized(&network).unwrap();
        let count = |name| flops(module.function(name).unwrap(), 7);
        assert_eq!(count("predict"), 2 * 7 * (5 * 3 + 3 * 2));
        // A gradient for each weight, and one for what is between the layers.
        assert_eq!(count("train_step"), 2 * 7 * (2 * 5 * 3 + 3 * 3 * 2));
    }
}
