//! `gather`: rows of a table, named by indices.

use super::*;

/// For each element of the second operand (i32, any shape) that row of the first, a table [rows, d].
///
/// An index beyond the table is refused before a step runs; here its row is NaN.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Gather;

/// The row that an index names, if the table has it.
pub(super) fn row_of(index: f64, n_rows: usize) -> Option<usize> {
    (0.0..n_rows as f64).contains(&index).then_some(index as usize)
}

impl OpRule for Gather {
    const NAME: &'static str = "gather";

    fn parse(attributes: &Attributes, _: &Type) -> Result<Self, AttributeError> {
        attributes.only(&[]).map(|()| Gather)
    }

    fn infer(&self, operands: &[&Type]) -> Result<Type, InferError> {
        let [table, indices] = tensors(operands)?;
        if table.dtype != DType::F32 {
            return Err(InferError::Element { position: 0, expected: "f32", found: table.dtype });
        }
        if indices.dtype != DType::I32 {
            return Err(InferError::Element { position: 1, expected: "i32", found: indices.dtype });
        }
        if table.shape.rank() != 2 {
            return Err(InferError::Rank { position: 0, expected: 2, found: table.shape.rank() });
        }
        static_size(table, 0)?;
        let row = Dim::Static(static_size(table, 1)?);
        within_limit(TensorType::f32(indices.shape.dims().iter().copied().chain([row]).collect()))
    }

    fn eval(&self, operands: &[&Value], context: &EvalContext<'_>) -> Vec<Value> {
        let [table, indices] = operands else { unreachable!("infer admits two operands") };
        let element = |index: &[usize]| {
            let (&column, place) = index.split_last().expect("the result has an axis for rows");
            row_of(indices.at(place), table.shape[0]).map_or(f64::NAN, |row| table.at(&[row, column]))
        };
        vec![Value::from_fn(context.tensor(), context.batch, element)]
    }

    fn vjp(&self, builder: &mut Builder, node: &VjpNode<'_>) -> Vec<Option<NodeId>> {
        let (table, indices) = (node.operands[0], node.operands[1]);
        let zeros = builder.constant_like(0.0, table);
        vec![Some(builder.push(ScatterAdd, &[zeros, indices, node.cotangent()])), None]
    }

    fn structure(&self) -> Structure {
        Structure::Gather
    }

    fn samples() -> Vec<Sample> {
        let table = Value::f32(&[3, 2], vec![1.0, 2.0, 3.0, 4.0, 5.0, 6.0]);
        let index = Value::new(DType::I32, vec![3, 2], vec![2.0, 0.0, 1.0, 1.0, 0.0, 2.0]);
        let types = vec![
            TensorType::f32(Shape::fixed(&[3, 2])),
            TensorType::new(DType::I32, Shape::batched(&[2])),
        ];
        let expected = vec![vec![5.0, 6.0, 1.0, 2.0, 3.0, 4.0, 3.0, 4.0, 1.0, 2.0, 5.0, 6.0]];
        vec![Sample::new(Gather, types, vec![table, index], Some(expected))]
    }
}
