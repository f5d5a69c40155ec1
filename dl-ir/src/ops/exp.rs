//! `exp`: eˣ, element by element.

use super::*;

/// eˣ.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Exp;

impl OpRule for Exp {
    const NAME: &'static str = "exp";

    fn parse(attributes: &Attributes, _: &Type) -> Result<Self, AttributeError> {
        attributes.only(&[]).map(|()| Exp)
    }

    fn infer(&self, operands: &[&Type]) -> Result<Type, InferError> {
        infer_elementwise::<1>(operands)
    }

    fn eval(&self, operands: &[&Value], _: &EvalContext<'_>) -> Vec<Value> {
        vec![operands[0].map(f64::exp)]
    }

    fn vjp(&self, builder: &mut Builder, node: &VjpNode<'_>) -> Vec<Option<NodeId>> {
        vec![Some(builder.mul(node.cotangent(), node.result))]
    }

    fn structure(&self) -> Structure {
        Structure::Map
    }

    fn samples() -> Vec<Sample> {
        let e = std::f64::consts::E;
        vec![Sample::f32(Exp, &[(&[4], &[0.0, 1.0, -1.0, 2.0])], &[1.0, e, 1.0 / e, e * e])]
    }
}
