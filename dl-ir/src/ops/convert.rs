//! `convert`: integers and truth values as f32.

use super::*;

/// The operand's integers or truth values (0 and 1) as f32, rounded to nearest. No gradient passes.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Convert;

impl OpRule for Convert {
    const NAME: &'static str = "convert";

    fn parse(attributes: &Attributes, _: &Type) -> Result<Self, AttributeError> {
        attributes.only(&[]).map(|()| Convert)
    }

    fn infer(&self, operands: &[&Type]) -> Result<Type, InferError> {
        let [operand] = tensors(operands)?;
        if operand.dtype == DType::F32 {
            return Err(InferError::Element { position: 0, expected: "i32 or bool", found: operand.dtype });
        }
        Ok(operand.with_dtype(DType::F32).into())
    }

    fn eval(&self, operands: &[&Value], context: &EvalContext<'_>) -> Vec<Value> {
        vec![Value::from_fn(context.tensor(), context.batch, |index| operands[0].at(index))]
    }

    fn vjp(&self, _: &mut Builder, _: &VjpNode<'_>) -> Vec<Option<NodeId>> {
        vec![None]
    }

    fn structure(&self) -> Structure {
        Structure::Map
    }

    fn samples() -> Vec<Sample> {
        let sample = |dtype, data: [f64; 2]| {
            let ty = TensorType::new(dtype, Shape::fixed(&[2]));
            Sample::new(
                Convert,
                vec![ty],
                vec![Value::new(dtype, vec![2], data.to_vec())],
                Some(vec![data.to_vec()]),
            )
        };
        vec![sample(DType::I32, [-3.0, 7.0]), sample(DType::Bool, [0.0, 1.0])]
    }
}
