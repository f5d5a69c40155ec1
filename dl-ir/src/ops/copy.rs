//! `copy`: x, in memory of its own.

use super::*;

/// x itself, of any element type. Put where a view is read by something that needs its elements one after the other.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Copy;

impl OpRule for Copy {
    const NAME: &'static str = "copy";

    fn parse(attributes: &Attributes, _: &Type) -> Result<Self, AttributeError> {
        attributes.only(&[]).map(|()| Copy)
    }

    fn infer(&self, operands: &[&Type]) -> Result<Type, InferError> {
        let [operand] = tensors(operands)?;
        Ok(operand.clone().into())
    }

    fn eval(&self, operands: &[&Value], _: &EvalContext<'_>) -> Vec<Value> {
        vec![operands[0].clone()]
    }

    fn vjp(&self, _: &mut Builder, node: &VjpNode<'_>) -> Vec<Option<NodeId>> {
        vec![Some(node.cotangent())]
    }

    fn structure(&self) -> Structure {
        Structure::Map
    }

    fn samples() -> Vec<Sample> {
        let indices = TensorType::new(DType::I32, Shape::fixed(&[2]));
        let value = Value::new(DType::I32, vec![2], vec![3.0, -1.0]);
        vec![
            Sample::f32(Copy, &[(&[3], &[1.0, -2.5, 0.5])], &[1.0, -2.5, 0.5]),
            Sample::new(Copy, vec![indices], vec![value], Some(vec![vec![3.0, -1.0]])),
        ]
    }
}
