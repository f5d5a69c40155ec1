//! `scatter_add`: rows added to those of a table, named by indices.

use super::gather::row_of;
use super::*;

/// The first operand, a table [rows, d], to which each row of the third [.., d] is added, in row-major order, at the index that
/// the second (i32 [..]) has for it. Onto zeros, it is the transpose of [`gather`](Gather).
///
/// An index beyond the table is refused before a step runs; here its row is left out.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct ScatterAdd;

impl OpRule for ScatterAdd {
    const NAME: &'static str = "scatter_add";

    fn parse(attributes: &Attributes, _: &Type) -> Result<Self, AttributeError> {
        attributes.only(&[]).map(|()| ScatterAdd)
    }

    fn infer(&self, operands: &[&Type]) -> Result<Type, InferError> {
        let [table, indices, updates] = tensors(operands)?;
        // A row for each index.
        let expected = Gather.infer(&operands[..2])?;
        let expected = &expected.as_tensor().expect("rows are a tensor").shape;
        if updates.dtype != DType::F32 {
            return Err(InferError::Element { position: 2, expected: "f32", found: updates.dtype });
        }
        if updates.shape != *expected {
            return Err(InferError::Shape {
                position: 2,
                expected: expected.clone(),
                found: updates.shape.clone(),
            });
        }
        debug_assert_eq!(indices.dtype, DType::I32, "as gather has it");
        within_limit(table.clone())
    }

    fn eval(&self, operands: &[&Value], _: &EvalContext<'_>) -> Vec<Value> {
        let [table, indices, updates] = operands else { unreachable!("infer admits three operands") };
        let mut table = Value::clone(table);
        let (n_rows, width) = (table.shape[0], table.shape[1]);
        for (position, &index) in indices.data.iter().enumerate() {
            let Some(row) = row_of(index, n_rows) else { continue };
            for column in 0..width {
                table.data[row * width + column] += updates.data[position * width + column];
            }
        }
        vec![table]
    }

    fn vjp(&self, builder: &mut Builder, node: &VjpNode<'_>) -> Vec<Option<NodeId>> {
        let back = builder.gather(node.cotangent(), node.operands[1]);
        vec![Some(node.cotangent()), None, Some(back)]
    }

    fn structure(&self) -> Structure {
        Structure::ScatterAdd
    }

    fn samples() -> Vec<Sample> {
        let table = Value::f32(&[4, 1], vec![100.0, 200.0, 300.0, 400.0]);
        let index = Value::new(DType::I32, vec![3, 2], vec![2.0, 0.0, 1.0, 1.0, 0.0, 2.0]);
        let updates = Value::f32(&[3, 2, 1], vec![1.0, 2.0, 4.0, 8.0, 16.0, 32.0]);
        let types = vec![
            TensorType::f32(Shape::fixed(&[4, 1])),
            TensorType::new(DType::I32, Shape::batched(&[2])),
            TensorType::f32(Shape::batched(&[2, 1])),
        ];
        let expected = vec![vec![118.0, 212.0, 333.0, 400.0]];
        vec![Sample::new(ScatterAdd, types, vec![table, index, updates], Some(expected))]
    }
}
