//! `transpose`: the axes in another order.

use super::*;

/// The operand with its axes reordered: the result's axis i is the operand's axis `permutation[i]`.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Transpose {
    /// For each axis of the result, where it was.
    pub permutation: Vec<usize>,
}

impl Transpose {
    /// The permutation that leads back: for each axis of the operand, its place in the result.
    pub fn inverse(&self) -> Vec<usize> {
        let mut inverse = vec![0; self.permutation.len()];
        for (to, &from) in self.permutation.iter().enumerate() {
            inverse[from] = to;
        }
        inverse
    }
}

impl OpRule for Transpose {
    const NAME: &'static str = "transpose";

    fn attributes(&self) -> Attributes {
        Attributes::default().with("permutation", Attribute::List(self.permutation.clone()))
    }

    fn parse(attributes: &Attributes, _: &Type) -> Result<Self, AttributeError> {
        attributes.only(&["permutation"])?;
        Ok(Transpose { permutation: attributes.list("permutation")? })
    }

    fn infer(&self, operands: &[&Type]) -> Result<Type, InferError> {
        let [operand] = tensors(operands)?;
        let (expected, found) = (self.permutation.len(), operand.shape.rank());
        if expected != found {
            return Err(InferError::Rank { position: 0, expected, found });
        }
        if (0..found).any(|axis| !self.permutation.contains(&axis)) {
            return Err(InferError::Permutation { permutation: self.permutation.clone() });
        }
        let shape: Shape = self.permutation.iter().map(|&axis| operand.shape.dims()[axis]).collect();
        Ok(TensorType::new(operand.dtype, shape).into())
    }

    fn eval(&self, operands: &[&Value], context: &EvalContext<'_>) -> Vec<Value> {
        let inverse = self.inverse();
        let back = |index: &[usize]| inverse.iter().map(|&axis| index[axis]).collect::<Vec<_>>();
        vec![Value::from_fn(context.tensor(), context.batch, |index| operands[0].at(&back(index)))]
    }

    fn vjp(&self, builder: &mut Builder, node: &VjpNode<'_>) -> Vec<Option<NodeId>> {
        vec![Some(builder.transpose(node.cotangent(), &self.inverse()))]
    }

    fn structure(&self) -> Structure {
        Structure::Permute
    }

    fn samples() -> Vec<Sample> {
        let matrix = (&[2usize, 3][..], &[1.0, 2.0, 3.0, 4.0, 5.0, 6.0][..]);
        let rotate = Transpose { permutation: vec![1, 2, 0] };
        vec![
            Sample::f32(Transpose { permutation: vec![1, 0] }, &[matrix], &[1.0, 4.0, 2.0, 5.0, 3.0, 6.0]),
            Sample::f32(rotate, &[(&[2, 1, 3], matrix.1)], &[1.0, 4.0, 2.0, 5.0, 3.0, 6.0]),
        ]
    }
}
