//! `state`: a tensor that outlives the call: a parameter, a buffer, the optimizer's state.

use super::*;

/// The value, before any update, of the state of this name.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct State {
    /// Its name, as the module declares it: `dense0.weight`.
    pub name: String,
    /// Its type.
    pub ty: TensorType,
}

impl OpRule for State {
    const NAME: &'static str = "state";

    fn attributes(&self) -> Attributes {
        Attributes::default().with("name", Attribute::Text(self.name.clone()))
    }

    fn parse(attributes: &Attributes, declared: &Type) -> Result<Self, AttributeError> {
        attributes.only(&["name"])?;
        let ty = declared_tensor(declared)?.clone();
        Ok(State { name: attributes.text("name")?.to_owned(), ty })
    }

    fn infer(&self, operands: &[&Type]) -> Result<Type, InferError> {
        tensors::<0>(operands)?;
        Ok(self.ty.clone().into())
    }

    fn eval(&self, _: &[&Value], context: &EvalContext<'_>) -> Vec<Value> {
        vec![context.environment[&self.name].clone()]
    }

    fn vjp(&self, _: &mut Builder, _: &VjpNode<'_>) -> Vec<Option<NodeId>> {
        Vec::new()
    }

    fn structure(&self) -> Structure {
        Structure::Leaf
    }

    fn samples() -> Vec<Sample> {
        Vec::new()
    }
}
