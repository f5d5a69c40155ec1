//! `constant`: one number in every element.

use super::*;

/// A tensor filled with one number.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Constant {
    bits: u64,
    /// The tensor's type.
    pub ty: TensorType,
}

impl Constant {
    /// A tensor of this type filled with `value`. NaNs are all the same one, so that equal constants are equal.
    pub fn new(value: f64, ty: TensorType) -> Self {
        let value = if value.is_nan() { f64::NAN } else { value };
        Constant { bits: value.to_bits(), ty }
    }

    /// The number.
    pub fn value(&self) -> f64 {
        f64::from_bits(self.bits)
    }
}

impl OpRule for Constant {
    const NAME: &'static str = "constant";

    fn attributes(&self) -> Attributes {
        Attributes::default().with("value", Attribute::Float(self.value()))
    }

    fn parse(attributes: &Attributes, declared: &Type) -> Result<Self, AttributeError> {
        attributes.only(&["value"])?;
        let ty = declared_tensor(declared)?.clone();
        Ok(Constant::new(attributes.float("value")?, ty))
    }

    fn infer(&self, operands: &[&Type]) -> Result<Type, InferError> {
        tensors::<0>(operands)?;
        Ok(self.ty.clone().into())
    }

    fn eval(&self, _: &[&Value], context: &EvalContext<'_>) -> Vec<Value> {
        vec![Value::from_fn(&self.ty, context.batch, |_| self.value())]
    }

    fn vjp(&self, _: &mut Builder, _: &VjpNode<'_>) -> Vec<Option<NodeId>> {
        Vec::new()
    }

    fn structure(&self) -> Structure {
        Structure::Leaf
    }

    fn samples() -> Vec<Sample> {
        let ty = TensorType::f32(Shape::fixed(&[2]));
        vec![Sample::f32(Constant::new(2.5, ty), &[], &[2.5, 2.5])]
    }
}
