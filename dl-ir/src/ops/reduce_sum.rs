//! `reduce_sum`: the sum along some axes.

use super::*;

/// The sum along `axes`, which vanish from the shape.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct ReduceSum {
    /// The axes summed over, strictly increasing.
    pub axes: Vec<usize>,
}

impl OpRule for ReduceSum {
    const NAME: &'static str = "reduce_sum";

    fn attributes(&self) -> Attributes {
        Attributes::default().with("axes", Attribute::List(self.axes.clone()))
    }

    fn parse(attributes: &Attributes, _: &Type) -> Result<Self, AttributeError> {
        attributes.only(&["axes"])?;
        Ok(ReduceSum { axes: attributes.list("axes")? })
    }

    fn infer(&self, operands: &[&Type]) -> Result<Type, InferError> {
        infer_reduction(operands, &self.axes)
    }

    fn eval(&self, operands: &[&Value], context: &EvalContext<'_>) -> Vec<Value> {
        vec![reduce(operands[0], &self.axes, context, 0.0, |sum, element| sum + element)]
    }

    fn vjp(&self, builder: &mut Builder, node: &VjpNode<'_>) -> Vec<Option<NodeId>> {
        let shape = builder.shape(node.operands[0]).clone();
        let kept: Vec<usize> = (0..shape.rank()).filter(|axis| !self.axes.contains(axis)).collect();
        vec![Some(builder.broadcast(node.cotangent(), &kept, shape))]
    }

    fn structure(&self) -> Structure {
        Structure::Reduce
    }

    fn samples() -> Vec<Sample> {
        let operand = (&[2usize, 3][..], &[1.0, 2.0, 3.0, 10.0, 20.0, 30.0][..]);
        vec![
            Sample::f32(ReduceSum { axes: vec![0] }, &[operand], &[11.0, 22.0, 33.0]),
            Sample::f32(ReduceSum { axes: vec![1] }, &[operand], &[6.0, 60.0]),
            Sample::f32(ReduceSum { axes: vec![0, 1] }, &[operand], &[66.0]),
        ]
    }
}
