//! `max_with_index`: the maximum along an axis, and where it is.

use super::*;
use crate::value::indices;

/// Two results: the maxima along `axis` (f32) and the index of the first of each (i32). A NaN counts as the maximum.
///
/// The first maximum gets the whole cotangent.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct MaxWithIndex {
    /// The axis reduced, which vanishes from the shape.
    pub axis: usize,
}

impl OpRule for MaxWithIndex {
    const NAME: &'static str = "max_with_index";

    fn attributes(&self) -> Attributes {
        Attributes::default().with("axis", Attribute::Int(self.axis))
    }

    fn parse(attributes: &Attributes, _: &Type) -> Result<Self, AttributeError> {
        attributes.only(&["axis"])?;
        Ok(MaxWithIndex { axis: attributes.int("axis")? })
    }

    fn infer(&self, operands: &[&Type]) -> Result<Type, InferError> {
        infer_elementwise(operands, 1)?;
        let [operand] = tensors(operands)?;
        check_axes(&[self.axis], operand.shape.rank())?;
        let maxima = TensorType::f32(operand.shape.without(&[self.axis]));
        let index = maxima.with_dtype(DType::I32);
        Ok(Type::Tuple(vec![maxima, index]))
    }

    fn eval(&self, operands: &[&Value], _: &EvalContext<'_>) -> Vec<Value> {
        let x = operands[0];
        let mut shape = x.shape.clone();
        let size = shape.remove(self.axis);
        let first_maximum = |kept: Vec<usize>| {
            let element = |i: usize| {
                let mut index = kept.clone();
                index.insert(self.axis, i);
                x.at(&index)
            };
            let later = |(max, at): (f64, usize), i: usize| {
                let beats = !max.is_nan() && (element(i).is_nan() || element(i) > max);
                if beats { (element(i), i) } else { (max, at) }
            };
            (0..size).fold((f64::NEG_INFINITY, 0), later)
        };
        let (maxima, index) = indices(&shape).map(first_maximum).map(|(max, at)| (max, at as f64)).unzip();
        vec![Value::new(DType::F32, shape.clone(), maxima), Value::new(DType::I32, shape, index)]
    }

    fn vjp(&self, builder: &mut Builder, node: &VjpNode<'_>) -> Vec<Option<NodeId>> {
        let size = builder.shape(node.operands[0]).dims()[self.axis];
        let place = |dy| {
            let index = builder.get(node.result, 1);
            builder.place_at(dy, index, self.axis, size)
        };
        vec![node.cotangents[0].map(place)]
    }

    fn structure(&self) -> Structure {
        Structure::Reduce
    }

    fn samples() -> Vec<Sample> {
        let sample = |axis, maxima: &[f64], index: &[f64]| {
            let value = Value::f32(&[2, 3], vec![1.0, 7.0, 3.0, -3.0, -1.0, -2.0]);
            let ty = TensorType::f32(Shape::fixed(&[2, 3]));
            let expected = Some(vec![maxima.to_vec(), index.to_vec()]);
            Sample::new(MaxWithIndex { axis }, vec![ty], vec![value], expected)
        };
        vec![sample(1, &[7.0, -1.0], &[1.0, 1.0]), sample(0, &[1.0, 7.0, 3.0], &[0.0, 0.0, 0.0])]
    }
}
