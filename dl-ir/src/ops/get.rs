//! `get`: one result of an op that has several.

use super::*;

/// The result number `index` of the operand, a tuple.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Get {
    /// Which result, from 0.
    pub index: usize,
}

impl OpRule for Get {
    const NAME: &'static str = "get";

    fn attributes(&self) -> Attributes {
        Attributes::default().with("index", Attribute::Int(self.index))
    }

    fn parse(attributes: &Attributes, _: &Type) -> Result<Self, AttributeError> {
        attributes.only(&["index"])?;
        Ok(Get { index: attributes.int("index")? })
    }

    fn infer(&self, operands: &[&Type]) -> Result<Type, InferError> {
        let [Type::Tuple(parts)] = operands else {
            tensors::<1>(operands)?;
            return Err(InferError::NotTuple { position: 0 });
        };
        let out_of_range = InferError::OutOfRange { what: "index", found: self.index, limit: parts.len() };
        parts.get(self.index).cloned().map(Type::from).ok_or(out_of_range)
    }

    /// The interpreter hands over all results of the tuple.
    fn eval(&self, operands: &[&Value], _: &EvalContext<'_>) -> Vec<Value> {
        vec![operands[self.index].clone()]
    }

    /// Nothing: a tuple has no cotangent as a whole. Autodiff takes the cotangent of a `get` as one of
    /// [`VjpNode::cotangents`] of the tuple's op.
    fn vjp(&self, _: &mut Builder, _: &VjpNode<'_>) -> Vec<Option<NodeId>> {
        vec![None]
    }

    fn structure(&self) -> Structure {
        Structure::Get
    }

    fn samples() -> Vec<Sample> {
        let f32s = TensorType::f32(Shape::fixed(&[2]));
        let i32s = f32s.with_dtype(DType::I32);
        let values = vec![Value::f32(&[2], vec![1.5, 2.5]), Value::new(DType::I32, vec![2], vec![3.0, 4.0])];
        let sample = |index, expected: [f64; 2]| {
            let tuple = vec![Type::Tuple(vec![f32s.clone(), i32s.clone()])];
            Sample::new(Get { index }, tuple, values.clone(), Some(vec![expected.to_vec()]))
        };
        vec![sample(0, [1.5, 2.5]), sample(1, [3.0, 4.0])]
    }
}
