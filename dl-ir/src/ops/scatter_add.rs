//! `scatter_add`: rows added to a table of zeros, named by indices.

use super::gather::row_of;
use super::*;

/// A table [rows, d] of zeros to which each row of the second operand [.., d] is added, in row-major order, at the index that
/// the first operand (i32 [..]) has for it: the transpose of [`gather`](Gather).
///
/// An index beyond the table is refused before a step runs; here its row is left out.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct ScatterAdd {
    /// The number of rows of the table.
    pub rows: usize,
}

impl OpRule for ScatterAdd {
    const NAME: &'static str = "scatter_add";

    fn attributes(&self) -> Attributes {
        Attributes::default().with("rows", Attribute::Int(self.rows))
    }

    fn parse(attributes: &Attributes, _: &Type) -> Result<Self, AttributeError> {
        attributes.only(&["rows"])?;
        Ok(ScatterAdd { rows: attributes.int("rows")? })
    }

    fn infer(&self, operands: &[&Type]) -> Result<Type, InferError> {
        let [indices, updates] = tensors(operands)?;
        if indices.dtype != DType::I32 {
            return Err(InferError::Element { position: 0, expected: "i32", found: indices.dtype });
        }
        if updates.dtype != DType::F32 {
            return Err(InferError::Element { position: 1, expected: "f32", found: updates.dtype });
        }
        let expected = indices.shape.rank() + 1;
        let Some((&row, outer)) = updates.shape.dims().split_last().filter(|_| updates.shape.rank() == expected)
        else {
            return Err(InferError::Rank { position: 1, expected, found: updates.shape.rank() });
        };
        if outer != indices.shape.dims() {
            let expected = indices.shape.dims().iter().copied().chain([row]).collect();
            return Err(InferError::Shape { position: 1, expected, found: updates.shape.clone() });
        }
        let row = row.as_static().ok_or(InferError::BatchDim { position: 1, axis: outer.len() })?;
        check_positive("rows", &[self.rows])?;
        within_limit(TensorType::f32(Shape::fixed(&[self.rows, row])))
    }

    fn eval(&self, operands: &[&Value], context: &EvalContext<'_>) -> Vec<Value> {
        let [indices, updates] = operands else { unreachable!("infer admits two operands") };
        let mut table = Value::from_fn(context.tensor(), context.batch, |_| 0.0);
        let width = table.shape[1];
        for (position, &index) in indices.data.iter().enumerate() {
            let Some(row) = row_of(index, self.rows) else { continue };
            for column in 0..width {
                table.data[row * width + column] += updates.data[position * width + column];
            }
        }
        vec![table]
    }

    fn vjp(&self, builder: &mut Builder, node: &VjpNode<'_>) -> Vec<Option<NodeId>> {
        let back = builder.gather(node.cotangent(), node.operands[0]);
        vec![None, Some(back)]
    }

    fn structure(&self) -> Structure {
        Structure::ScatterAdd
    }

    fn samples() -> Vec<Sample> {
        let index = Value::new(DType::I32, vec![3, 2], vec![2.0, 0.0, 1.0, 1.0, 0.0, 2.0]);
        let updates = Value::f32(&[3, 2, 1], vec![1.0, 2.0, 4.0, 8.0, 16.0, 32.0]);
        let types =
            vec![TensorType::new(DType::I32, Shape::batched(&[2])), TensorType::f32(Shape::batched(&[2, 1]))];
        let expected = vec![vec![18.0, 12.0, 33.0, 0.0]];
        vec![Sample::new(ScatterAdd { rows: 4 }, types, vec![index, updates], Some(expected))]
    }
}
