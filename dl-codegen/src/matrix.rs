//! Contractions and transposes as matrices: what kernels can compute of them.

use dl_ir::graph::{Graph, NodeId};
use dl_ir::ops::Op;
use dl_ir::types::{Dim, multiply};

/// The sizes of a product and how the left operand lies.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Product {
    /// Rows of the result.
    pub m: Dim,
    /// Columns of the result.
    pub n: usize,
    /// Terms of each sum.
    pub k: Dim,
    /// Elements of the left operand from one row of the result to the next.
    pub row_stride: usize,
    /// Elements of the left operand from one term to the next.
    pub term_stride: usize,
}

impl Product {
    /// The product that an einsum is, if its letters make `mk,kn->mn` or `km,kn->mn`, each letter perhaps several in a row.
    pub fn of(graph: &Graph, node: NodeId) -> Option<Product> {
        let Op::Einsum(einsum) = graph.op(node) else { return None };
        let operands = graph.operands(node);
        let k_letters = einsum.contracted();
        let n_letters: Vec<u8> = einsum.rhs.iter().copied().filter(|l| !k_letters.contains(l)).collect();
        let m_letters: Vec<u8> = einsum.lhs.iter().copied().filter(|l| !k_letters.contains(l)).collect();
        let joined = |a: &[u8], b: &[u8]| [a, b].concat();
        if einsum.out != joined(&m_letters, &n_letters) || einsum.rhs != joined(&k_letters, &n_letters) {
            return None;
        }
        let dims = |letters: &[u8], term: &[u8], operand: NodeId| -> Option<Dim> {
            let shape = &graph.tensor(operand).shape;
            let axis = |letter: &u8| term.iter().position(|l| l == letter).expect("a letter of this term");
            letters.iter().map(|letter| shape.dims()[axis(letter)]).try_fold(Dim::Static(1), multiply)
        };
        let m = dims(&m_letters, &einsum.lhs, operands[0])?;
        let k = dims(&k_letters, &einsum.lhs, operands[0])?;
        let n = dims(&n_letters, &einsum.rhs, operands[1])?.as_static()?;
        let (row_stride, term_stride) = if einsum.lhs == joined(&m_letters, &k_letters) {
            (k.as_static()?, 1)
        } else if einsum.lhs == joined(&k_letters, &m_letters) {
            (1, m.as_static()?)
        } else {
            return None;
        };
        Some(Product { m, n, k, row_stride, term_stride })
    }
}

/// The sizes of a transpose, if it swaps two groups of neighbouring axes of fixed sizes: the operand's rows and columns.
pub fn transposed(graph: &Graph, node: NodeId) -> Option<(usize, usize)> {
    let Op::Transpose(transpose) = graph.op(node) else { return None };
    let permutation = &transpose.permutation;
    let cols = permutation.iter().position(|&axis| axis == 0)?;
    let rotated = (0..permutation.len()).all(|i| permutation[(i + cols) % permutation.len()] == i);
    let sizes = graph.tensor(graph.operands(node)[0]).shape.as_fixed()?;
    let rows = permutation.len() - cols;
    rotated.then(|| (sizes[..rows].iter().product(), sizes[rows..].iter().product()))
}
