//! `reverse`: some axes run backwards.

use super::*;

/// The operand with the order of its elements turned round along `axes`.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Reverse {
    /// The axes turned round, strictly increasing; none of the batch.
    pub axes: Vec<usize>,
}

impl OpRule for Reverse {
    const NAME: &'static str = "reverse";

    fn attributes(&self) -> Attributes {
        Attributes::default().with("axes", Attribute::List(self.axes.clone()))
    }

    fn parse(attributes: &Attributes, _: &Type) -> Result<Self, AttributeError> {
        attributes.only(&["axes"])?;
        Ok(Reverse { axes: attributes.list("axes")? })
    }

    fn infer(&self, operands: &[&Type]) -> Result<Type, InferError> {
        let [operand] = tensors(operands)?;
        check_axes(&self.axes, operand.shape.rank())?;
        self.axes.iter().try_for_each(|&axis| static_size(operand, axis).map(|_| ()))?;
        Ok(operand.clone().into())
    }

    fn eval(&self, operands: &[&Value], context: &EvalContext<'_>) -> Vec<Value> {
        let shape = &operands[0].shape;
        let turned = |index: &[usize]| {
            let mut source = index.to_vec();
            self.axes.iter().for_each(|&axis| source[axis] = shape[axis] - 1 - index[axis]);
            operands[0].at(&source)
        };
        vec![Value::from_fn(context.tensor(), context.batch, turned)]
    }

    fn vjp(&self, builder: &mut Builder, node: &VjpNode<'_>) -> Vec<Option<NodeId>> {
        vec![Some(builder.reverse(node.cotangent(), &self.axes))]
    }

    fn structure(&self) -> Structure {
        Structure::Reverse
    }

    fn samples() -> Vec<Sample> {
        let matrix = (&[2usize, 3][..], &[1.0, 2.0, 3.0, 4.0, 5.0, 6.0][..]);
        vec![
            Sample::f32(Reverse { axes: vec![1] }, &[matrix], &[3.0, 2.0, 1.0, 6.0, 5.0, 4.0]),
            Sample::f32(Reverse { axes: vec![0, 1] }, &[matrix], &[6.0, 5.0, 4.0, 3.0, 2.0, 1.0]),
        ]
    }
}
