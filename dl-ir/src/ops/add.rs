//! `add`: a + b, element by element.

use super::*;

/// a + b.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Add;

impl OpRule for Add {
    const NAME: &'static str = "add";

    fn parse(attributes: &Attributes, _: &Type) -> Result<Self, AttributeError> {
        attributes.only(&[]).map(|()| Add)
    }

    fn infer(&self, operands: &[&Type]) -> Result<Type, InferError> {
        infer_elementwise::<2>(operands)
    }

    fn eval(&self, operands: &[&Value], _: &EvalContext<'_>) -> Vec<Value> {
        vec![operands[0].zip(operands[1], operands[0].dtype, |a, b| a + b)]
    }

    fn vjp(&self, _: &mut Builder, node: &VjpNode<'_>) -> Vec<Option<NodeId>> {
        vec![Some(node.cotangent()); 2]
    }

    fn structure(&self) -> Structure {
        Structure::Map
    }

    fn samples() -> Vec<Sample> {
        vec![Sample::f32(Add, &[(&[3], &[1.0, -2.0, 0.5]), (&[3], &[4.0, 2.0, 0.25])], &[5.0, 0.0, 0.75])]
    }
}
