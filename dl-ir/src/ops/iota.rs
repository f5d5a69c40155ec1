//! `iota`: the index along an axis, as in APL.

use super::*;

/// An i32 tensor whose elements are their own index along `axis`.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Iota {
    /// The axis counted along.
    pub axis: usize,
    /// The result's shape.
    pub shape: Shape,
}

impl OpRule for Iota {
    const NAME: &'static str = "iota";

    fn attributes(&self) -> Attributes {
        Attributes::default().with("axis", Attribute::Int(self.axis))
    }

    fn parse(attributes: &Attributes, declared: &Type) -> Result<Self, AttributeError> {
        attributes.only(&["axis"])?;
        Ok(Iota { axis: attributes.int("axis")?, shape: declared_tensor(declared)?.shape.clone() })
    }

    fn infer(&self, operands: &[&Type]) -> Result<Type, InferError> {
        tensors::<0>(operands)?;
        check_axes(&[self.axis], self.shape.rank())?;
        Ok(TensorType::new(DType::I32, self.shape.clone()).into())
    }

    fn eval(&self, _: &[&Value], context: &EvalContext<'_>) -> Vec<Value> {
        vec![Value::from_fn(context.tensor(), context.batch, |index| index[self.axis] as f64)]
    }

    fn vjp(&self, _: &mut Builder, _: &VjpNode<'_>) -> Vec<Option<NodeId>> {
        Vec::new()
    }

    fn structure(&self) -> Structure {
        Structure::Leaf
    }

    fn samples() -> Vec<Sample> {
        let sample = |axis, shape: Shape, expected: &[f64]| {
            Sample::new(Iota { axis, shape }, Vec::<Type>::new(), vec![], Some(vec![expected.to_vec()]))
        };
        vec![
            sample(1, Shape::fixed(&[2, 3]), &[0.0, 1.0, 2.0, 0.0, 1.0, 2.0]),
            sample(0, Shape::batched(&[2]), &[0.0, 0.0, 1.0, 1.0, 2.0, 2.0]),
        ]
    }
}
