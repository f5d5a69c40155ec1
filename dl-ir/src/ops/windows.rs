//! `windows`: all positions of a window that slides along some axes.

use super::*;

/// Windows of `sizes` that begin every `strides` along `axes`, which are neighbours. In the result each of these axes counts
/// windows, and what is in a window has axes of its own, right behind them: [B, h, w, c] becomes [B, h', w', kh, kw, c], with
/// h' = (h − kh) / stride + 1; rows and columns that no window reaches are left out.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Windows {
    /// The axes along which the window slides.
    pub axes: Vec<usize>,
    /// The size of a window along each of `axes`.
    pub sizes: Vec<usize>,
    /// The step between windows along each of `axes`.
    pub strides: Vec<usize>,
}

/// How many windows of `size` elements, one every `stride`, there are in `extent` elements; `None` if not even one.
pub fn n_windows(extent: usize, size: usize, stride: usize) -> Option<usize> {
    extent.checked_sub(size).map(|room| room / stride + 1)
}

impl Windows {
    /// The result's axes that run inside a window.
    pub fn inner_axes(&self) -> Vec<usize> {
        self.axes.iter().map(|axis| axis + self.axes.len()).collect()
    }
}

/// The index, in a tensor, of the element at `index` of its windows: the counts along `axes` times strides, plus the place in the
/// window.
pub(super) fn source_index(index: &[usize], axes: &[usize], strides: &[usize]) -> Vec<usize> {
    let inner = axes[0] + axes.len();
    let mut source = [&index[..inner], &index[inner + axes.len()..]].concat();
    for (i, (&axis, &stride)) in axes.iter().zip(strides).enumerate() {
        source[axis] = source[axis] * stride + index[inner + i];
    }
    source
}

impl OpRule for Windows {
    const NAME: &'static str = "windows";

    fn attributes(&self) -> Attributes {
        Attributes::default()
            .with("axes", Attribute::List(self.axes.clone()))
            .with("sizes", Attribute::List(self.sizes.clone()))
            .with("strides", Attribute::List(self.strides.clone()))
    }

    fn parse(attributes: &Attributes, _: &Type) -> Result<Self, AttributeError> {
        attributes.only(&["axes", "sizes", "strides"])?;
        let list = |name| attributes.list(name);
        Ok(Windows { axes: list("axes")?, sizes: list("sizes")?, strides: list("strides")? })
    }

    fn infer(&self, operands: &[&Type]) -> Result<Type, InferError> {
        let [operand] = tensors(operands)?;
        check_neighbours(&self.axes, operand.shape.rank())?;
        check_length("sizes", &self.sizes, self.axes.len())?;
        check_length("strides", &self.strides, self.axes.len())?;
        check_positive("a size", &self.sizes)?;
        check_positive("a stride", &self.strides)?;
        let mut dims = operand.shape.dims().to_vec();
        for (i, &axis) in self.axes.iter().enumerate() {
            let (extent, size) = (static_size(operand, axis)?, self.sizes[i]);
            let too_large = InferError::OutOfRange { what: "a window", found: size, limit: extent + 1 };
            dims[axis] = Dim::Static(n_windows(extent, size, self.strides[i]).ok_or(too_large)?);
        }
        let inner = self.axes[0] + self.axes.len();
        dims.splice(inner..inner, self.sizes.iter().map(|&size| Dim::Static(size)));
        within_limit(TensorType::new(operand.dtype, dims.into_iter().collect()))
    }

    fn eval(&self, operands: &[&Value], context: &EvalContext<'_>) -> Vec<Value> {
        let element = |index: &[usize]| operands[0].at(&source_index(index, &self.axes, &self.strides));
        vec![Value::from_fn(context.tensor(), context.batch, element)]
    }

    fn vjp(&self, builder: &mut Builder, node: &VjpNode<'_>) -> Vec<Option<NodeId>> {
        let dims = builder.shape(node.operands[0]).dims();
        let size = |&axis: &usize| dims[axis].as_static().expect("windows slide along static axes");
        let sizes = self.axes.iter().map(size).collect();
        let back = OverlapAdd { axes: self.axes.clone(), strides: self.strides.clone(), sizes };
        vec![Some(builder.push(back, &[node.cotangent()]))]
    }

    fn structure(&self) -> Structure {
        Structure::Window
    }

    fn samples() -> Vec<Sample> {
        let row = Windows { axes: vec![0], sizes: vec![3], strides: vec![2] };
        let image = Windows { axes: vec![1, 2], sizes: vec![2, 1], strides: vec![1, 2] };
        let ty = TensorType::f32(Shape::batched(&[2, 3]));
        let value = Value::f32(&[3, 2, 3], (0..18).map(f64::from).collect());
        let expected = vec![vec![0.0, 3.0, 2.0, 5.0, 6.0, 9.0, 8.0, 11.0, 12.0, 15.0, 14.0, 17.0]];
        vec![
            // The last element is in no window.
            Sample::f32(
                row,
                &[(&[6], &[1.0, 2.0, 3.0, 4.0, 5.0, 6.0])],
                &[1.0, 2.0, 3.0, 3.0, 4.0, 5.0],
            ),
            Sample::new(image, vec![ty], vec![value], Some(expected)),
        ]
    }
}
