//! `slice`: some of the elements, in order.

use super::*;

/// The elements at `start[i]`, `start[i] + stride[i]`, … below `limit[i]` along each axis i. An axis of the batch is taken
/// whole: from 0 to its multiple of B, with stride 1.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Slice {
    /// The first index of each axis.
    pub start: Vec<usize>,
    /// Where each axis ends.
    pub limit: Vec<usize>,
    /// The step along each axis.
    pub stride: Vec<usize>,
}

impl Slice {
    /// All elements of a tensor of this shape.
    pub fn whole(shape: &Shape) -> Self {
        let size = |dim: &Dim| match *dim {
            Dim::Static(size) | Dim::Batch(size) => size,
        };
        Slice {
            start: vec![0; shape.rank()],
            limit: shape.dims().iter().map(size).collect(),
            stride: vec![1; shape.rank()],
        }
    }

    /// The number of elements along an axis.
    pub fn size(&self, axis: usize) -> usize {
        (self.limit[axis] - self.start[axis]).div_ceil(self.stride[axis])
    }

    fn axis(&self, operand: &TensorType, axis: usize) -> Result<Dim, InferError> {
        let (start, limit, stride) = (self.start[axis], self.limit[axis], self.stride[axis]);
        match operand.shape.dims()[axis] {
            batch @ Dim::Batch(multiple) if (start, limit, stride) == (0, multiple, 1) => Ok(batch),
            Dim::Batch(_) => Err(InferError::BatchDim { position: 0, axis }),
            Dim::Static(size) if limit > size => {
                Err(InferError::OutOfRange { what: "a limit", found: limit, limit: size + 1 })
            }
            Dim::Static(_) if start >= limit => {
                Err(InferError::OutOfRange { what: "a start", found: start, limit })
            }
            Dim::Static(_) => Ok(Dim::Static(self.size(axis))),
        }
    }
}

impl OpRule for Slice {
    const NAME: &'static str = "slice";

    fn attributes(&self) -> Attributes {
        Attributes::default()
            .with("start", Attribute::List(self.start.clone()))
            .with("limit", Attribute::List(self.limit.clone()))
            .with("stride", Attribute::List(self.stride.clone()))
    }

    fn parse(attributes: &Attributes, _: &Type) -> Result<Self, AttributeError> {
        attributes.only(&["start", "limit", "stride"])?;
        let list = |name| attributes.list(name);
        Ok(Slice { start: list("start")?, limit: list("limit")?, stride: list("stride")? })
    }

    fn infer(&self, operands: &[&Type]) -> Result<Type, InferError> {
        let [operand] = tensors(operands)?;
        let rank = operand.shape.rank();
        check_length("start", &self.start, rank)?;
        check_length("limit", &self.limit, rank)?;
        check_length("stride", &self.stride, rank)?;
        check_positive("stride", &self.stride)?;
        let shape = (0..rank).map(|axis| self.axis(operand, axis)).collect::<Result<Shape, _>>()?;
        Ok(TensorType::new(operand.dtype, shape).into())
    }

    fn eval(&self, operands: &[&Value], context: &EvalContext<'_>) -> Vec<Value> {
        let place = |(axis, i): (usize, &usize)| self.start[axis] + i * self.stride[axis];
        let pick = |index: &[usize]| index.iter().enumerate().map(place).collect::<Vec<_>>();
        vec![Value::from_fn(context.tensor(), context.batch, |index| operands[0].at(&pick(index)))]
    }

    fn vjp(&self, builder: &mut Builder, node: &VjpNode<'_>) -> Vec<Option<NodeId>> {
        let dims = builder.shape(node.operands[0]).dims().to_vec();
        // Behind the last element taken.
        let end = |axis: usize| self.start[axis] + (self.size(axis) - 1) * self.stride[axis] + 1;
        let behind = |(axis, dim): (usize, &Dim)| dim.as_static().map_or(0, |size| size - end(axis));
        let back = Pad {
            low: self.start.clone(),
            high: dims.iter().enumerate().map(behind).collect(),
            interior: self.stride.iter().map(|stride| stride - 1).collect(),
        };
        vec![Some(builder.pad(node.cotangent(), back))]
    }

    fn structure(&self) -> Structure {
        Structure::Slice
    }

    fn samples() -> Vec<Sample> {
        let data: Vec<f64> = (0..12).map(f64::from).collect();
        let every_third = Slice { start: vec![1], limit: vec![9], stride: vec![3] };
        let corner = Slice { start: vec![0, 1], limit: vec![1, 4], stride: vec![1, 2] };
        let ty = TensorType::f32(Shape::batched(&[4]));
        let value = Value::f32(&[3, 4], data.clone());
        let expected = vec![vec![1.0, 3.0, 5.0, 7.0, 9.0, 11.0]];
        vec![
            Sample::f32(every_third, &[(&[12], &data)], &[1.0, 4.0, 7.0]),
            Sample::new(corner, vec![ty], vec![value], Some(expected)),
        ]
    }
}
