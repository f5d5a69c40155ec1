//! `max_with_index`: the maximum along some axes, and where it is.

use super::*;
use crate::value::{indices, ravel};

/// Two results: the maxima along `axes` (f32) and the index of the first of each (i32), counted over `axes` in row-major order. A
/// NaN counts as the maximum.
///
/// The first maximum gets the whole cotangent.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct MaxWithIndex {
    /// The axes reduced, neighbours, which vanish from the shape.
    pub axes: Vec<usize>,
}

impl OpRule for MaxWithIndex {
    const NAME: &'static str = "max_with_index";

    fn attributes(&self) -> Attributes {
        Attributes::default().with("axes", Attribute::List(self.axes.clone()))
    }

    fn parse(attributes: &Attributes, _: &Type) -> Result<Self, AttributeError> {
        attributes.only(&["axes"])?;
        Ok(MaxWithIndex { axes: attributes.list("axes")? })
    }

    fn infer(&self, operands: &[&Type]) -> Result<Type, InferError> {
        infer_elementwise(operands, 1)?;
        let [operand] = tensors(operands)?;
        check_neighbours(&self.axes, operand.shape.rank())?;
        let maxima = TensorType::f32(operand.shape.without(&self.axes));
        let index = maxima.with_dtype(DType::I32);
        Ok(Type::Tuple(vec![maxima, index]))
    }

    fn eval(&self, operands: &[&Value], _: &EvalContext<'_>) -> Vec<Value> {
        let x = operands[0];
        let (first, end) = (self.axes[0], self.axes[0] + self.axes.len());
        let shape = [&x.shape[..first], &x.shape[end..]].concat();
        let reduced = &x.shape[first..end];
        let mut maxima = Value::new(DType::F32, shape.clone(), vec![f64::NEG_INFINITY; shape.iter().product()]);
        let mut index = Value::new(DType::I32, shape.clone(), vec![0.0; shape.iter().product()]);
        for (place, &element) in indices(&x.shape).zip(&x.data) {
            let kept = ravel(&[&place[..first], &place[end..]].concat(), &shape);
            let max = maxima.data[kept];
            if !max.is_nan() && (element.is_nan() || element > max) {
                maxima.data[kept] = element;
                index.data[kept] = ravel(&place[first..end], reduced) as f64;
            }
        }
        vec![maxima, index]
    }

    fn vjp(&self, builder: &mut Builder, node: &VjpNode<'_>) -> Vec<Option<NodeId>> {
        let dims = builder.shape(node.operands[0]).dims();
        let sizes: Vec<Dim> = self.axes.iter().map(|&axis| dims[axis]).collect();
        let place = |dy| {
            let index = builder.get(node.result, 1);
            builder.place_at(dy, index, self.axes[0], &sizes)
        };
        vec![node.cotangents[0].map(place)]
    }

    fn structure(&self) -> Structure {
        Structure::Reduce
    }

    fn samples() -> Vec<Sample> {
        let sample = |axes: &[usize], shape: &[usize], maxima: &[f64], index: &[f64]| {
            let value = Value::f32(shape, vec![1.0, 7.0, 3.0, -3.0, -1.0, -2.0, 9.0, 8.0]);
            let ty = TensorType::f32(Shape::fixed(shape));
            let expected = Some(vec![maxima.to_vec(), index.to_vec()]);
            Sample::new(MaxWithIndex { axes: axes.to_vec() }, vec![ty], vec![value], expected)
        };
        vec![
            sample(&[1], &[2, 4], &[7.0, 9.0], &[1.0, 2.0]),
            sample(&[0], &[2, 4], &[1.0, 7.0, 9.0, 8.0], &[0.0, 0.0, 1.0, 1.0]),
            sample(&[0, 1], &[2, 2, 2], &[9.0, 8.0], &[3.0, 3.0]),
            sample(&[1, 2], &[2, 2, 2], &[7.0, 9.0], &[1.0, 2.0]),
        ]
    }
}
