//! `concatenate`: tensors one behind the other along an axis.

use super::*;
use crate::value::{indices, ravel};

/// The operands, two or more, in order along `axis`; their other axes are equal.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Concatenate {
    /// The axis along which they follow each other; not one of the batch.
    pub axis: usize,
}

impl OpRule for Concatenate {
    const NAME: &'static str = "concatenate";

    fn attributes(&self) -> Attributes {
        Attributes::default().with("axis", Attribute::Int(self.axis))
    }

    fn parse(attributes: &Attributes, _: &Type) -> Result<Self, AttributeError> {
        attributes.only(&["axis"])?;
        Ok(Concatenate { axis: attributes.int("axis")? })
    }

    fn infer(&self, operands: &[&Type]) -> Result<Type, InferError> {
        let parts = n_tensors(operands, operands.len().max(2))?;
        let rank = parts[0].shape.rank();
        check_axes(&[self.axis], rank)?;
        let mut total = 0usize;
        for (position, part) in parts.iter().enumerate() {
            if part.dtype != DType::F32 {
                return Err(InferError::Element { position, expected: DType::F32.name(), found: part.dtype });
            }
            let outer = |shape: &Shape| shape.without(&[self.axis]);
            if part.shape.rank() != rank || outer(&part.shape) != outer(&parts[0].shape) {
                let (expected, found) = (parts[0].shape.clone(), part.shape.clone());
                return Err(InferError::Shape { position, expected, found });
            }
            let Dim::Static(size) = part.shape.dims()[self.axis] else {
                return Err(InferError::BatchDim { position, axis: self.axis });
            };
            total = total.saturating_add(size);
        }
        let mut dims = parts[0].shape.dims().to_vec();
        dims[self.axis] = Dim::Static(total);
        within_limit(TensorType::f32(dims.into_iter().collect()))
    }

    fn eval(&self, operands: &[&Value], context: &EvalContext<'_>) -> Vec<Value> {
        let mut result = Value::from_fn(context.tensor(), context.batch, |_| 0.0);
        let shape = result.shape.clone();
        let mut begin = 0;
        for operand in operands {
            for (mut index, &element) in indices(&operand.shape).zip(&operand.data) {
                index[self.axis] += begin;
                result.data[ravel(&index, &shape)] = element;
            }
            begin += operand.shape[self.axis];
        }
        vec![result]
    }

    fn vjp(&self, builder: &mut Builder, node: &VjpNode<'_>) -> Vec<Option<NodeId>> {
        let mut begin = 0;
        let mut part = |&operand: &NodeId| {
            let mut part = Slice::whole(builder.shape(operand));
            part.start[self.axis] = begin;
            part.limit[self.axis] += begin;
            begin = part.limit[self.axis];
            Some(builder.slice(node.cotangent(), part))
        };
        node.operands.iter().map(&mut part).collect()
    }

    fn structure(&self) -> Structure {
        Structure::Concatenate
    }

    fn samples() -> Vec<Sample> {
        let rows = [(&[1, 2][..], &[1.0, 2.0][..]), (&[2, 2], &[3.0, 4.0, 5.0, 6.0])];
        let columns = [Shape::batched(&[1]), Shape::batched(&[2]), Shape::batched(&[1])].map(TensorType::f32);
        let values = vec![
            Value::f32(&[3, 1], vec![1.0, 5.0, 9.0]),
            Value::f32(&[3, 2], vec![2.0, 3.0, 6.0, 7.0, 10.0, 11.0]),
            Value::f32(&[3, 1], vec![4.0, 8.0, 12.0]),
        ];
        let expected = (1..=12).map(f64::from).collect();
        vec![
            Sample::f32(Concatenate { axis: 0 }, &rows, &[1.0, 2.0, 3.0, 4.0, 5.0, 6.0]),
            Sample::new(Concatenate { axis: 1 }, columns, values, Some(vec![expected])),
        ]
    }
}
