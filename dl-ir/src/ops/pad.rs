//! `pad`: zeros around and between elements.

use super::*;
use crate::value::{indices, ravel};

/// The operand with `low[i]` zeros before axis i, `high[i]` behind it and `interior[i]` between neighbours, as XLA's pad
/// without negative amounts. An axis of the batch gets none.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Pad {
    /// Zeros before each axis.
    pub low: Vec<usize>,
    /// Zeros behind each axis.
    pub high: Vec<usize>,
    /// Zeros between two neighbours of each axis.
    pub interior: Vec<usize>,
}

impl Pad {
    /// How many elements `size` of them take up along `axis`, with the zeros between them.
    pub fn spread(&self, axis: usize, size: usize) -> usize {
        match size.checked_sub(1) {
            Some(gaps) => gaps.saturating_mul(self.interior[axis].saturating_add(1)).saturating_add(1),
            None => 0,
        }
    }

    fn axis(&self, operand: &TensorType, axis: usize) -> Result<Dim, InferError> {
        let (low, high) = (self.low[axis], self.high[axis]);
        match operand.shape.dims()[axis] {
            batch @ Dim::Batch(_) if (low, high, self.interior[axis]) == (0, 0, 0) => Ok(batch),
            Dim::Batch(_) => Err(InferError::BatchDim { position: 0, axis }),
            Dim::Static(size) => {
                Ok(Dim::Static(self.spread(axis, size).saturating_add(low).saturating_add(high)))
            }
        }
    }
}

impl OpRule for Pad {
    const NAME: &'static str = "pad";

    fn attributes(&self) -> Attributes {
        Attributes::default()
            .with("low", Attribute::List(self.low.clone()))
            .with("high", Attribute::List(self.high.clone()))
            .with("interior", Attribute::List(self.interior.clone()))
    }

    fn parse(attributes: &Attributes, _: &Type) -> Result<Self, AttributeError> {
        attributes.only(&["low", "high", "interior"])?;
        let list = |name| attributes.list(name);
        Ok(Pad { low: list("low")?, high: list("high")?, interior: list("interior")? })
    }

    fn infer(&self, operands: &[&Type]) -> Result<Type, InferError> {
        infer_elementwise(operands, 1)?;
        let [operand] = tensors(operands)?;
        let rank = operand.shape.rank();
        check_length("low", &self.low, rank)?;
        check_length("high", &self.high, rank)?;
        check_length("interior", &self.interior, rank)?;
        let shape = (0..rank).map(|axis| self.axis(operand, axis)).collect::<Result<Shape, _>>()?;
        within_limit(TensorType::f32(shape))
    }

    fn eval(&self, operands: &[&Value], context: &EvalContext<'_>) -> Vec<Value> {
        let mut result = Value::from_fn(context.tensor(), context.batch, |_| 0.0);
        let shape = result.shape.clone();
        for (index, &element) in indices(&operands[0].shape).zip(&operands[0].data) {
            let place = |(axis, i): (usize, &usize)| self.low[axis] + i * (self.interior[axis] + 1);
            let place: Vec<usize> = index.iter().enumerate().map(place).collect();
            result.data[ravel(&place, &shape)] = element;
        }
        vec![result]
    }

    fn vjp(&self, builder: &mut Builder, node: &VjpNode<'_>) -> Vec<Option<NodeId>> {
        let mut back = Slice::whole(builder.shape(node.operands[0]));
        for axis in 0..self.low.len() {
            back.start[axis] = self.low[axis];
            back.limit[axis] = self.low[axis] + self.spread(axis, back.limit[axis]);
            back.stride[axis] = self.interior[axis] + 1;
        }
        vec![Some(builder.slice(node.cotangent(), back))]
    }

    fn structure(&self) -> Structure {
        Structure::Pad
    }

    fn samples() -> Vec<Sample> {
        let row = Pad { low: vec![1], high: vec![2], interior: vec![1] };
        let images = Pad { low: vec![0, 1, 0], high: vec![0, 0, 1], interior: vec![0, 0, 1] };
        let ty = TensorType::f32(Shape::batched(&[1, 2]));
        let value = Value::f32(&[3, 1, 2], vec![1.0, 2.0, 3.0, 4.0, 5.0, 6.0]);
        let one = |a, b| [0.0, 0.0, 0.0, 0.0, a, 0.0, b, 0.0];
        let expected = [one(1.0, 2.0), one(3.0, 4.0), one(5.0, 6.0)].concat();
        vec![
            Sample::f32(row, &[(&[3], &[1.0, 2.0, 3.0])], &[0.0, 1.0, 0.0, 2.0, 0.0, 3.0, 0.0, 0.0]),
            Sample::new(images, vec![ty], vec![value], Some(vec![expected])),
        ]
    }
}
