//! `mul`: a · b, element by element.

use super::*;

/// a · b.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Mul;

impl OpRule for Mul {
    const NAME: &'static str = "mul";

    fn parse(attributes: &Attributes, _: &Type) -> Result<Self, AttributeError> {
        attributes.only(&[]).map(|()| Mul)
    }

    fn infer(&self, operands: &[&Type]) -> Result<Type, InferError> {
        infer_elementwise::<2>(operands)
    }

    fn eval(&self, operands: &[&Value], _: &EvalContext<'_>) -> Vec<Value> {
        vec![operands[0].zip(operands[1], operands[0].dtype, |a, b| a * b)]
    }

    fn vjp(&self, builder: &mut Builder, node: &VjpNode<'_>) -> Vec<Option<NodeId>> {
        let dy = node.cotangent();
        let (a, b) = (node.operands[0], node.operands[1]);
        vec![Some(builder.mul(dy, b)), Some(builder.mul(dy, a))]
    }

    fn structure(&self) -> Structure {
        Structure::Map
    }

    fn samples() -> Vec<Sample> {
        vec![Sample::f32(Mul, &[(&[3], &[1.0, -2.0, 0.5]), (&[3], &[4.0, 2.0, 0.25])], &[4.0, -4.0, 0.125])]
    }
}
