//! What an elementwise op has to say about itself; the rest of its rules follow.

use std::fmt::Debug;
use std::hash::Hash;

use super::{
    AttributeError, Attributes, EvalContext, InferError, OpRule, Sample, Structure, VjpNode,
    infer_elementwise,
};
use crate::builder::Builder;
use crate::graph::NodeId;
use crate::types::Type;
use crate::value::Value;

/// The rules of an op without attributes that computes each element from the elements at the same place in its f32
/// operands.
pub trait MapRule: Clone + Default + Eq + Hash + Debug {
    /// As [`OpRule::NAME`].
    const NAME: &'static str;

    /// The number of operands.
    const ARITY: usize;

    /// An element of the result, from one element of each operand.
    fn element(operands: &[f64]) -> f64;

    /// As [`OpRule::vjp`].
    fn vjp(builder: &mut Builder, node: &VjpNode<'_>) -> Vec<Option<NodeId>>;

    /// As [`OpRule::samples`].
    fn samples() -> Vec<Sample>;
}

impl<T: MapRule> OpRule for T {
    const NAME: &'static str = T::NAME;

    fn parse(attributes: &Attributes, _: &Type) -> Result<Self, AttributeError> {
        attributes.only(&[]).map(|()| T::default())
    }

    fn infer(&self, operands: &[&Type]) -> Result<Type, InferError> {
        infer_elementwise(operands, T::ARITY)
    }

    fn eval(&self, operands: &[&Value], _: &EvalContext<'_>) -> Vec<Value> {
        let element =
            |i: usize| T::element(&operands.iter().map(|operand| operand.data[i]).collect::<Vec<_>>());
        let data = (0..operands[0].data.len()).map(element).collect();
        vec![Value::new(operands[0].dtype, operands[0].shape.clone(), data)]
    }

    fn vjp(&self, builder: &mut Builder, node: &VjpNode<'_>) -> Vec<Option<NodeId>> {
        T::vjp(builder, node)
    }

    fn structure(&self) -> Structure {
        Structure::Map
    }

    fn samples() -> Vec<Sample> {
        T::samples()
    }
}
