//! `add`: a + b, element by element.

use super::*;

/// a + b, for two f32 or two i32 tensors of one shape; integers wrap.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Add;

impl OpRule for Add {
    const NAME: &'static str = "add";

    fn parse(attributes: &Attributes, _: &Type) -> Result<Self, AttributeError> {
        attributes.only(&[]).map(|()| Add)
    }

    fn infer(&self, operands: &[&Type]) -> Result<Type, InferError> {
        two_numbers(operands).map(|number| number.clone().into())
    }

    fn eval(&self, operands: &[&Value], context: &EvalContext<'_>) -> Vec<Value> {
        let dtype = context.tensor().dtype;
        let sum = |a: f64, b: f64| match dtype {
            DType::I32 => f64::from((a as i32).wrapping_add(b as i32)),
            DType::F32 | DType::Bool => a + b,
        };
        vec![operands[0].zip(operands[1], dtype, sum)]
    }

    fn vjp(&self, _: &mut Builder, node: &VjpNode<'_>) -> Vec<Option<NodeId>> {
        vec![Some(node.cotangent()); 2]
    }

    fn structure(&self) -> Structure {
        Structure::Map
    }

    fn samples() -> Vec<Sample> {
        let integers = |data: [f64; 2]| Value::new(DType::I32, vec![2], data.to_vec());
        let (max, min) = (f64::from(i32::MAX), f64::from(i32::MIN));
        let types = vec![TensorType::new(DType::I32, Shape::fixed(&[2])); 2];
        let values = vec![integers([max, -5.0]), integers([1.0, 3.0])];
        vec![
            Sample::f32(Add, &[(&[3], &[1.0, -2.0, 0.5]), (&[3], &[4.0, 2.0, 0.25])], &[5.0, 0.0, 0.75]),
            Sample::new(Add, types, values, Some(vec![vec![min, -2.0]])),
        ]
    }
}
