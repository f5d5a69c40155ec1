//! `orient-contractions`: brings contractions into the form that kernels compute: the result's last axes are the right operand's alone,
//! and its last axes too. Operands are swapped, or the right one transposed; that is a node like any other, seen in dumps: a copy, or
//! a part of the product's kernel.

use super::Pass;
use crate::builder::Builder;
use crate::graph::NodeId;
use crate::ops::{Einsum, Op};
use crate::rewrite::rewrite;
use crate::types::{Dim, Shape, multiply};

pub(super) const PASS: Pass = Pass {
    name: "orient-contractions",
    description: "brings matrix products into the forms that kernels compute",
    run: |function| rewrite(PASS.name, function, &mut orient),
};

fn orient(builder: &mut Builder, op: &Op, operands: &[NodeId]) -> Option<NodeId> {
    let Op::Einsum(einsum) = op else { return None };
    let (lhs, rhs) = (operands[0], operands[1]);
    if let Some(merged) = merge_columns(builder, einsum, lhs, rhs) {
        return Some(merged);
    }
    if columns(&einsum.out, &einsum.lhs, &einsum.rhs).is_some() {
        return transpose_right(builder, einsum, lhs, rhs);
    }
    let swapped = Einsum::new(&einsum.rhs, &einsum.lhs, &einsum.out);
    if columns(&swapped.out, &swapped.lhs, &swapped.rhs).is_some() {
        return Some(
            transpose_right(builder, &swapped, rhs, lhs)
                .unwrap_or_else(|| builder.push(swapped, &[rhs, lhs])),
        );
    }
    Some(transpose_result(builder, einsum, lhs, rhs))
}

/// The last axes of a result that are the right operand's alone, if those are all that it has alone.
fn columns<'o>(out: &'o [u8], left: &[u8], right: &[u8]) -> Option<&'o [u8]> {
    let is_column = |letter: &u8| right.contains(letter) && !left.contains(letter);
    let n = out.iter().rev().take_while(|letter| is_column(letter)).count();
    let (rows, columns) = out.split_at(out.len() - n);
    (!rows.iter().any(is_column)).then_some(columns)
}

/// The product with all axes that are the right operand's alone as one, if they are neighbours in it: then its rows are as long as those
/// of the result, whatever their layout.
fn merge_columns(builder: &mut Builder, einsum: &Einsum, lhs: NodeId, rhs: NodeId) -> Option<NodeId> {
    let columns = columns(&einsum.out, &einsum.lhs, &einsum.rhs).filter(|columns| columns.len() > 1)?;
    let first = einsum.rhs.windows(columns.len()).position(|letters| letters == columns)?;
    let (shape, result) = (builder.shape(rhs).clone(), result_shape(builder, einsum, lhs, rhs));
    let behind = first + columns.len();
    let merged =
        shape.dims()[first..behind].iter().try_fold(Dim::Static(1), |all, &dim| multiply(all, dim))?;
    let dims = [&shape.dims()[..first], &[merged], &shape.dims()[behind..]].concat();
    let rhs = builder.reshape(rhs, dims.into_iter().collect());
    let one = |term: &[u8]| {
        term.iter().copied().filter(|letter| !columns[1..].contains(letter)).collect::<Vec<_>>()
    };
    let product = Einsum::new(&einsum.lhs, &one(&einsum.rhs), &one(&einsum.out));
    let product = orient(builder, &product.clone().into(), &[lhs, rhs])
        .unwrap_or_else(|| builder.push(product, &[lhs, rhs]));
    Some(builder.reshape(product, result))
}

fn result_shape(builder: &Builder, einsum: &Einsum, lhs: NodeId, rhs: NodeId) -> Shape {
    let size = |letter: &u8| {
        let place = |term: &[u8]| term.iter().position(|l| l == letter);
        match place(&einsum.lhs) {
            Some(axis) => builder.shape(lhs).dims()[axis],
            None => builder.shape(rhs).dims()[place(&einsum.rhs).expect("every letter is in an operand")],
        }
    };
    einsum.out.iter().map(size).collect()
}

/// The product with a right operand whose last axes are the columns; `None` if it is so already.
fn transpose_right(builder: &mut Builder, einsum: &Einsum, lhs: NodeId, rhs: NodeId) -> Option<NodeId> {
    let columns = columns(&einsum.out, &einsum.lhs, &einsum.rhs).expect("checked by the caller");
    if einsum.rhs.ends_with(columns) {
        return None;
    }
    let summed = einsum.contracted();
    let of_both = einsum.rhs.iter().copied().filter(|l| !summed.contains(l) && !columns.contains(l));
    let wanted: Vec<u8> = of_both.chain(summed.iter().copied()).chain(columns.iter().copied()).collect();
    let transposed = permute(builder, rhs, &einsum.rhs, &wanted);
    Some(builder.push(Einsum::new(&einsum.lhs, &wanted, &einsum.out), &[lhs, transposed]))
}

/// The product with the right operand's own axes last, brought into the result's order.
fn transpose_result(builder: &mut Builder, einsum: &Einsum, lhs: NodeId, rhs: NodeId) -> NodeId {
    let is_column = |letter: &u8| einsum.rhs.contains(letter) && !einsum.lhs.contains(letter);
    let (columns, rows): (Vec<u8>, Vec<u8>) = einsum.out.iter().copied().partition(is_column);
    let out = [rows, columns].concat();
    let oriented = Einsum::new(&einsum.lhs, &einsum.rhs, &out);
    let product = transpose_right(builder, &oriented, lhs, rhs);
    let product = product.unwrap_or_else(|| builder.push(oriented, &[lhs, rhs]));
    permute(builder, product, &out, &einsum.out)
}

/// A node whose axes have the letters `from`, with its axes in the order of `to`.
fn permute(builder: &mut Builder, node: NodeId, from: &[u8], to: &[u8]) -> NodeId {
    let place = |letter: &u8| from.iter().position(|l| l == letter).expect("the same letters");
    let permutation: Vec<usize> = to.iter().map(place).collect();
    builder.transpose(node, &permutation)
}
