//! `reduce_max`: the maximum along some axes.

use super::*;

/// The maximum along `axes`, which vanish from the shape; NaN if there is one, −∞ of nothing.
///
/// The first maximum in row-major order gets the whole cotangent.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct ReduceMax {
    /// The axes reduced, strictly increasing.
    pub axes: Vec<usize>,
}

impl OpRule for ReduceMax {
    const NAME: &'static str = "reduce_max";

    fn attributes(&self) -> Attributes {
        Attributes::default().with("axes", Attribute::List(self.axes.clone()))
    }

    fn parse(attributes: &Attributes, _: &Type) -> Result<Self, AttributeError> {
        attributes.only(&["axes"])?;
        Ok(ReduceMax { axes: attributes.list("axes")? })
    }

    fn infer(&self, operands: &[&Type]) -> Result<Type, InferError> {
        infer_reduction(operands, &self.axes)
    }

    fn eval(&self, operands: &[&Value], context: &EvalContext<'_>) -> Vec<Value> {
        let larger = |max: f64, element: f64| if max.is_nan() || max > element { max } else { element };
        vec![reduce(operands[0], &self.axes, context, f64::NEG_INFINITY, larger)]
    }

    /// Brings the reduced axes together as one last axis, asks `max_with_index` there, and goes back.
    fn vjp(&self, builder: &mut Builder, node: &VjpNode<'_>) -> Vec<Option<NodeId>> {
        let x = node.operands[0];
        let shape = builder.shape(x).clone();
        let kept: Vec<usize> = (0..shape.rank()).filter(|axis| !self.axes.contains(axis)).collect();
        let to_rows = Transpose { permutation: [kept.clone(), self.axes.clone()].concat() };
        let reduced: Shape = self.axes.iter().map(|&axis| shape.dims()[axis]).collect();
        let row = reduced.elements().expect("at most as many elements as the operand");
        let rows: Shape = kept.iter().map(|&axis| shape.dims()[axis]).chain([row]).collect();

        let moved = builder.transpose(x, &to_rows.permutation);
        let moved_shape = builder.shape(moved).clone();
        let flat = builder.reshape(moved, rows);
        let maxima = builder.max_with_index(flat, &[kept.len()]);
        let index = builder.get(maxima, 1);
        let gradient = builder.place_at(node.cotangent(), index, kept.len(), &[row]);
        let unflat = builder.reshape(gradient, moved_shape);
        vec![Some(builder.transpose(unflat, &to_rows.inverse()))]
    }

    fn structure(&self) -> Structure {
        Structure::Reduce
    }

    fn samples() -> Vec<Sample> {
        let operand = (&[2usize, 3][..], &[1.0, 7.0, 3.0, -3.0, -1.0, -2.0][..]);
        let batched = TensorType::f32([Dim::Static(2), Dim::Batch(1)].into_iter().collect());
        let value = Value::f32(operand.0, operand.1.to_vec());
        vec![
            Sample::f32(ReduceMax { axes: vec![0] }, &[operand], &[1.0, 7.0, 3.0]),
            Sample::f32(ReduceMax { axes: vec![1] }, &[operand], &[7.0, -1.0]),
            Sample::f32(ReduceMax { axes: vec![0] }, &[(&[2, 1, 3], operand.1)], &[1.0, 7.0, 3.0]),
            Sample::f32(ReduceMax { axes: vec![0, 2] }, &[(&[1, 2, 3], operand.1)], &[7.0, -1.0]),
            Sample::new(ReduceMax { axes: vec![0, 1] }, vec![batched], vec![value], Some(vec![vec![7.0]])),
        ]
    }
}
