//! How much arithmetic a function is.

use dl_ir::module::Function;
use dl_ir::ops::{Einsum, Op};

/// The floating-point operations of a function's contractions on a batch: two for each product that is summed, 2·m·n·k of a matrix
/// product. Those of a scan count once for each step. Elementwise operations are not counted.
pub fn flops(function: &Function, batch: usize) -> u64 {
    let graph = &function.graph;
    let of_node = |id| match graph.op(id) {
        Op::Einsum(einsum) => {
            let shapes = graph.operands(id).into_iter().map(|operand| graph.tensor(operand).shape.at(batch));
            contraction(einsum, shapes)
        }
        Op::Scan(scan) => flops(&scan.body, batch).saturating_mul(scan.length as u64),
        _ => 0,
    };
    graph.ids().map(of_node).fold(0, u64::saturating_add)
}

fn contraction(einsum: &Einsum, operands: impl Iterator<Item = Vec<usize>>) -> u64 {
    let mut sizes = [1; 256];
    for (shape, letters) in operands.zip([&einsum.lhs, &einsum.rhs]) {
        for (&letter, size) in letters.iter().zip(shape) {
            sizes[usize::from(letter)] = size as u64;
        }
    }
    sizes.into_iter().fold(2, u64::saturating_mul)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::inspect::optimized;
    use dl_ir::network::Network;

    #[test]
    fn a_matrix_product_is_twice_its_three_sizes() {
        let network = Network::parse("< dense(5, 3, relu), dense(3, 2) >").unwrap();
        let module = optimized(&network, None).unwrap();
        let count = |name| flops(module.function(name).unwrap(), 7);
        assert_eq!(count("predict"), 2 * 7 * (5 * 3 + 3 * 2));
        // A gradient for each weight, and one for what is between the layers.
        assert_eq!(count("train_step"), 2 * 7 * (2 * 5 * 3 + 3 * 3 * 2));
    }

    #[test]
    fn a_step_counts_as_often_as_it_is_taken() {
        let network = Network::parse("< input(7, 5), rnn(5, 3) >").unwrap();
        let function = dl_ir::build::function(&network, &network.target_types()[0], "predict").unwrap();
        assert_eq!(flops(&function, 2), 2 * 2 * 7 * (5 * 3 + 3 * 3));
    }
}
