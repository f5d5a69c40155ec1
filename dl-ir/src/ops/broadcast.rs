//! `broadcast`: an operand repeated along new axes.

use super::*;

/// The operand's axis i becomes the result's axis `axes[i]`; along all other axes it repeats.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Broadcast {
    /// For each axis of the operand, its place in the result; strictly increasing.
    pub axes: Vec<usize>,
    /// The result's shape.
    pub shape: Shape,
}

impl Broadcast {
    /// The result's axes along which the operand repeats.
    pub fn new_axes(&self) -> Vec<usize> {
        (0..self.shape.rank()).filter(|axis| !self.axes.contains(axis)).collect()
    }
}

impl OpRule for Broadcast {
    const NAME: &'static str = "broadcast";

    fn attributes(&self) -> Attributes {
        Attributes::default().with("axes", Attribute::List(self.axes.clone()))
    }

    fn parse(attributes: &Attributes, declared: &Type) -> Result<Self, AttributeError> {
        attributes.only(&["axes"])?;
        Ok(Broadcast { axes: attributes.list("axes")?, shape: declared_tensor(declared)?.shape.clone() })
    }

    fn infer(&self, operands: &[&Type]) -> Result<Type, InferError> {
        let [operand] = tensors(operands)?;
        check_axes(&self.axes, self.shape.rank())?;
        let kept: Vec<Dim> = self.axes.iter().map(|&axis| self.shape.dims()[axis]).collect();
        if operand.shape.dims() != kept {
            let expected = kept.into_iter().collect();
            return Err(InferError::Shape { position: 0, expected, found: operand.shape.clone() });
        }
        Ok(TensorType::new(operand.dtype, self.shape.clone()).into())
    }

    fn eval(&self, operands: &[&Value], context: &EvalContext<'_>) -> Vec<Value> {
        let pick = |index: &[usize]| self.axes.iter().map(|&axis| index[axis]).collect::<Vec<_>>();
        vec![Value::from_fn(context.tensor(), context.batch, |index| operands[0].at(&pick(index)))]
    }

    fn vjp(&self, builder: &mut Builder, node: &VjpNode<'_>) -> Vec<Option<NodeId>> {
        vec![Some(builder.reduce_sum(node.cotangent(), &self.new_axes()))]
    }

    fn structure(&self) -> Structure {
        Structure::Broadcast
    }

    fn samples() -> Vec<Sample> {
        let shape: Shape = [Dim::Batch(1), Dim::Static(2)].into_iter().collect();
        let rows = Broadcast { axes: vec![1], shape: shape.clone() };
        let columns = Broadcast { axes: vec![0], shape: Shape::fixed(&[2, 3]) };
        vec![
            Sample::f32(rows, &[(&[2], &[1.0, 2.0])], &[1.0, 2.0, 1.0, 2.0, 1.0, 2.0]),
            Sample::f32(columns, &[(&[2], &[1.0, 2.0])], &[1.0, 1.0, 1.0, 2.0, 2.0, 2.0]),
        ]
    }
}
