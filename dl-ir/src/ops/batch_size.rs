//! `batch_size`: the number of examples, as a number to compute with.

use super::*;
use crate::types::MAX_ELEMENTS;

/// The f32 scalar `multiple`·B: what the sum of a mean is divided by.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct BatchSize {
    /// The factor.
    pub multiple: usize,
}

impl OpRule for BatchSize {
    const NAME: &'static str = "batch_size";

    fn attributes(&self) -> Attributes {
        Attributes::default().with("multiple", Attribute::Int(self.multiple))
    }

    fn parse(attributes: &Attributes, _: &Type) -> Result<Self, AttributeError> {
        attributes.only(&["multiple"])?;
        Ok(BatchSize { multiple: attributes.int("multiple")? })
    }

    fn infer(&self, operands: &[&Type]) -> Result<Type, InferError> {
        tensors::<0>(operands)?;
        if self.multiple > MAX_ELEMENTS {
            let (found, limit) = (self.multiple, MAX_ELEMENTS + 1);
            return Err(InferError::OutOfRange { what: "multiple", found, limit });
        }
        Ok(TensorType::f32(Shape::scalar()).into())
    }

    fn eval(&self, _: &[&Value], context: &EvalContext<'_>) -> Vec<Value> {
        vec![Value::f32(&[], vec![self.multiple as f64 * context.batch as f64])]
    }

    fn vjp(&self, _: &mut Builder, _: &VjpNode<'_>) -> Vec<Option<NodeId>> {
        Vec::new()
    }

    fn structure(&self) -> Structure {
        Structure::Leaf
    }

    fn samples() -> Vec<Sample> {
        vec![Sample::f32(BatchSize { multiple: 4 }, &[], &[12.0])]
    }
}
