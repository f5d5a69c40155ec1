//! `reshape`: the same elements in the same order under another shape.

use super::*;

/// The operand's elements, row-major, in this shape. A view: nothing moves.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Reshape {
    /// The result's shape.
    pub shape: Shape,
}

impl OpRule for Reshape {
    const NAME: &'static str = "reshape";

    fn parse(attributes: &Attributes, declared: &Type) -> Result<Self, AttributeError> {
        attributes.only(&[])?;
        Ok(Reshape { shape: declared_tensor(declared)?.shape.clone() })
    }

    fn infer(&self, operands: &[&Type]) -> Result<Type, InferError> {
        let [operand] = tensors(operands)?;
        let count = |shape: &Shape| shape.elements().ok_or(InferError::TooLarge { shape: shape.clone() });
        if count(&operand.shape)? != count(&self.shape)? {
            return Err(InferError::Elements { from: operand.shape.clone(), to: self.shape.clone() });
        }
        Ok(TensorType::new(operand.dtype, self.shape.clone()).into())
    }

    fn eval(&self, operands: &[&Value], context: &EvalContext<'_>) -> Vec<Value> {
        vec![Value::new(operands[0].dtype, self.shape.at(context.batch), operands[0].data.clone())]
    }

    fn vjp(&self, builder: &mut Builder, node: &VjpNode<'_>) -> Vec<Option<NodeId>> {
        let shape = builder.shape(node.operands[0]).clone();
        vec![Some(builder.reshape(node.cotangent(), shape))]
    }

    fn structure(&self) -> Structure {
        Structure::View
    }

    fn samples() -> Vec<Sample> {
        let data = [1.0, 2.0, 3.0, 4.0, 5.0, 6.0];
        let batched = TensorType::f32(Shape::batched(&[2]));
        let flat: Shape = [crate::types::Dim::Batch(2)].into_iter().collect();
        let value = Value::f32(&[3, 2], data.to_vec());
        vec![
            Sample::f32(Reshape { shape: Shape::fixed(&[3, 2]) }, &[(&[2, 3], &data)], &data),
            Sample::new(Reshape { shape: flat }, vec![batched], vec![value], Some(vec![data.to_vec()])),
        ]
    }
}
