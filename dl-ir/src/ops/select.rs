//! `select`: a where a condition holds, else b.

use super::*;

/// a where the condition holds, else b, for two f32 or two i32 tensors; each gets the cotangent where it was chosen.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Select;

impl OpRule for Select {
    const NAME: &'static str = "select";

    fn parse(attributes: &Attributes, _: &Type) -> Result<Self, AttributeError> {
        attributes.only(&[]).map(|()| Select)
    }

    fn infer(&self, operands: &[&Type]) -> Result<Type, InferError> {
        let all = tensors::<3>(operands)?;
        let chosen = match all[1].dtype {
            DType::I32 => DType::I32,
            DType::F32 | DType::Bool => DType::F32,
        };
        for (position, expected) in [DType::Bool, chosen, chosen].into_iter().enumerate() {
            let found = all[position].dtype;
            if found != expected {
                return Err(InferError::Element { position, expected: expected.name(), found });
            }
        }
        same_shape(&all)?;
        Ok(all[1].clone().into())
    }

    fn eval(&self, operands: &[&Value], context: &EvalContext<'_>) -> Vec<Value> {
        let [condition, a, b] = operands else { unreachable!("infer admits three operands") };
        let choose = |index: &[usize]| if condition.at(index) != 0.0 { a.at(index) } else { b.at(index) };
        vec![Value::from_fn(context.tensor(), context.batch, choose)]
    }

    fn vjp(&self, builder: &mut Builder, node: &VjpNode<'_>) -> Vec<Option<NodeId>> {
        let (dy, condition) = (node.cotangent(), node.operands[0]);
        let zero = builder.constant_like(0.0, dy);
        vec![None, Some(builder.select(condition, dy, zero)), Some(builder.select(condition, zero, dy))]
    }

    fn structure(&self) -> Structure {
        Structure::Map
    }

    fn samples() -> Vec<Sample> {
        let sample = |dtype| {
            let value = |dtype, data: [f64; 3]| Value::new(dtype, vec![3], data.to_vec());
            let condition = value(DType::Bool, [1.0, 0.0, 1.0]);
            let (a, b) = (value(dtype, [1.0, 2.0, 3.0]), value(dtype, [-1.0, -2.0, -3.0]));
            let types = [DType::Bool, dtype, dtype].map(|dtype| TensorType::new(dtype, Shape::fixed(&[3])));
            Sample::new(Select, types.to_vec(), vec![condition, a, b], Some(vec![vec![1.0, -2.0, 3.0]]))
        };
        vec![sample(DType::F32), sample(DType::I32)]
    }
}
