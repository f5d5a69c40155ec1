//! `overlap_add`: windows added back to where they came from.

use super::windows::{n_windows, source_index};
use super::*;
use crate::value::{indices, ravel};

/// The transpose of [`windows`](Windows): from [B, h', w', kh, kw, c] to [B, h, w, c], h and w being `sizes`, each element the sum,
/// in row-major order, of those that `windows` would have copied from its place; 0 where there are none.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct OverlapAdd {
    /// The axes along which the window slid; those inside of it follow.
    pub axes: Vec<usize>,
    /// The step between windows along each of `axes`.
    pub strides: Vec<usize>,
    /// The result's size along each of `axes`.
    pub sizes: Vec<usize>,
}

impl OpRule for OverlapAdd {
    const NAME: &'static str = "overlap_add";

    fn attributes(&self) -> Attributes {
        Attributes::default()
            .with("axes", Attribute::List(self.axes.clone()))
            .with("strides", Attribute::List(self.strides.clone()))
            .with("sizes", Attribute::List(self.sizes.clone()))
    }

    fn parse(attributes: &Attributes, _: &Type) -> Result<Self, AttributeError> {
        attributes.only(&["axes", "strides", "sizes"])?;
        let list = |name| attributes.list(name);
        Ok(OverlapAdd { axes: list("axes")?, strides: list("strides")?, sizes: list("sizes")? })
    }

    fn infer(&self, operands: &[&Type]) -> Result<Type, InferError> {
        infer_elementwise(operands, 1)?;
        let [operand] = tensors(operands)?;
        let (rank, n_axes) = (operand.shape.rank(), self.axes.len());
        // Each axis has one inside the window.
        check_neighbours(&self.axes, rank.saturating_sub(n_axes))?;
        check_length("strides", &self.strides, n_axes)?;
        check_length("sizes", &self.sizes, n_axes)?;
        check_positive("a stride", &self.strides)?;
        let mut dims = operand.shape.dims().to_vec();
        let inner: Vec<Dim> = dims.drain(self.axes[0] + n_axes..self.axes[0] + 2 * n_axes).collect();
        for (i, &axis) in self.axes.iter().enumerate() {
            let window = inner[i].as_static().filter(|&size| size > 0);
            let window = window.ok_or(InferError::BatchDim { position: 0, axis: axis + n_axes })?;
            let (found, size) = (static_size(operand, axis)?, self.sizes[i]);
            let expected = n_windows(size, window, self.strides[i]).unwrap_or(0);
            if found != expected {
                return Err(InferError::Length { what: "an axis of windows", expected, found });
            }
            dims[axis] = Dim::Static(size);
        }
        within_limit(TensorType::f32(dims.into_iter().collect()))
    }

    fn eval(&self, operands: &[&Value], context: &EvalContext<'_>) -> Vec<Value> {
        let mut result = Value::from_fn(context.tensor(), context.batch, |_| 0.0);
        let shape = result.shape.clone();
        for (index, element) in indices(&operands[0].shape).zip(&operands[0].data) {
            result.data[ravel(&source_index(&index, &self.axes, &self.strides), &shape)] += element;
        }
        vec![result]
    }

    fn vjp(&self, builder: &mut Builder, node: &VjpNode<'_>) -> Vec<Option<NodeId>> {
        let dims = builder.shape(node.operands[0]).dims();
        let size = |axis: &usize| dims[axis + self.axes.len()].as_static().expect("windows have static sizes");
        let sizes = self.axes.iter().map(size).collect();
        let back = Windows { axes: self.axes.clone(), sizes, strides: self.strides.clone() };
        vec![Some(builder.push(back, &[node.cotangent()]))]
    }

    fn structure(&self) -> Structure {
        Structure::OverlapAdd
    }

    fn samples() -> Vec<Sample> {
        let row = OverlapAdd { axes: vec![0], strides: vec![2], sizes: vec![6] };
        let image = OverlapAdd { axes: vec![1, 2], strides: vec![1, 2], sizes: vec![2, 4] };
        let ty = TensorType::f32(Shape::batched(&[1, 2, 2, 1]));
        let value = Value::f32(&[3, 1, 2, 2, 1], (1..13).map(f64::from).collect());
        let one = |a, b, c, d| [a, 0.0, c, 0.0, b, 0.0, d, 0.0];
        let expected =
            [one(1.0, 2.0, 3.0, 4.0), one(5.0, 6.0, 7.0, 8.0), one(9.0, 10.0, 11.0, 12.0)].concat();
        vec![
            Sample::f32(
                row,
                &[(&[2, 3], &[1.0, 2.0, 3.0, 4.0, 5.0, 6.0])],
                &[1.0, 2.0, 7.0, 5.0, 6.0, 0.0],
            ),
            Sample::new(image, vec![ty], vec![value], Some(vec![expected])),
        ]
    }
}
