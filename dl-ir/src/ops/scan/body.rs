//! The body of a scan: a function whose inputs and results have fixed names.
//!
//! | name | of the body |
//! | --- | --- |
//! | `carry0`, … | input: what the step before handed on; result: what this step hands on |
//! | `sequence0`, … | input: the step's slice of a stacked operand |
//! | `invariant0`, … | input: an operand that is the same in each step |
//! | `output0`, … | result: stacked |
//!
//! A body declares all its inputs, used or not, and reads no state. Its results are carries, then outputs, in order.

use std::collections::BTreeMap;

use super::Scan;
use crate::graph::{Graph, NodeId};
use crate::module::Function;
use crate::ops::Op;
use crate::types::{DType, TensorType, Type};

/// The name of every body.
pub const BODY: &str = "body";

/// Why a body does not fit its scan.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum BodyError {
    /// An input that the scan has an operand for.
    #[error("lacks the input `{name}`")]
    MissingInput {
        /// Its name.
        name: String,
    },
    /// An input that no operand is for, or a second one of a name.
    #[error("has one input `{name}` too many")]
    SurplusInput {
        /// Its name.
        name: String,
    },
    /// A state read or updated.
    #[error("uses the state `{name}`, which must be an operand")]
    State {
        /// Its name.
        name: String,
    },
    /// A body without a result.
    #[error("returns nothing")]
    NoResults,
    /// A result that is missing, or has another name.
    #[error("lacks the result `{name}` in its place")]
    MissingResult {
        /// The name that belongs there.
        name: String,
    },
    /// A result that cannot be handed on or stacked.
    #[error("returns {ty} as `{name}`, which must be one tensor of f32 or i32")]
    ResultType {
        /// The result's name.
        name: String,
        /// Its type.
        ty: Type,
    },
    /// A carry that changes its type.
    #[error("takes `{name}` as {taken} and returns it as {returned}")]
    Carry {
        /// The carry's name.
        name: String,
        /// The type of the input.
        taken: TensorType,
        /// The type of the result.
        returned: TensorType,
    },
}

/// The types of a body's inputs and results, in order.
pub(super) struct Signature<'a> {
    pub(super) inputs: Vec<&'a TensorType>,
    pub(super) results: Vec<&'a TensorType>,
}

impl Scan {
    /// The name of the body's input for an operand.
    pub fn input_name(&self, operand: usize) -> String {
        match operand.checked_sub(self.carries) {
            None => carry_name(operand),
            Some(sequence) if self.is_sequence(operand) => sequence_name(sequence),
            Some(rest) => invariant_name(rest - self.sequences),
        }
    }

    /// The name of the body's result for one of the scan's.
    pub fn result_name(&self, result: usize) -> String {
        match result.checked_sub(self.carries) {
            None => carry_name(result),
            Some(output) => format!("output{output}"),
        }
    }

    /// The body's inputs, in the order of the operands.
    ///
    /// # Panics
    /// If there is none for one of them; [`infer`](crate::ops::OpRule::infer) refuses such a scan.
    pub fn inputs(&self) -> Vec<NodeId> {
        let inputs: BTreeMap<&str, NodeId> = inputs(&self.body.graph).collect();
        (0..self.n_operands()).map(|operand| inputs[self.input_name(operand).as_str()]).collect()
    }

    /// The body's results, carries first.
    pub fn results(&self) -> impl ExactSizeIterator<Item = NodeId> + '_ {
        self.body.results.iter().map(|&(_, node)| node)
    }

    /// The types of the body's inputs and results, if it is a body for this scan.
    pub(super) fn signature(&self) -> Result<Signature<'_>, BodyError> {
        check_states(&self.body)?;
        let inputs = self.input_types()?;
        let results = self.result_types()?;
        for (carry, (&taken, &returned)) in inputs.iter().zip(&results).take(self.carries).enumerate() {
            if taken != returned {
                let (name, taken, returned) = (self.input_name(carry), taken.clone(), returned.clone());
                return Err(BodyError::Carry { name, taken, returned });
            }
        }
        Ok(Signature { inputs, results })
    }

    fn input_types(&self) -> Result<Vec<&TensorType>, BodyError> {
        let graph = &self.body.graph;
        let mut known = BTreeMap::new();
        for (name, id) in inputs(graph) {
            if known.insert(name, id).is_some() {
                return Err(BodyError::SurplusInput { name: name.to_owned() });
            }
        }
        let types = (0..self.n_operands()).map(|operand| {
            let name = self.input_name(operand);
            let id = known.remove(name.as_str()).ok_or(BodyError::MissingInput { name })?;
            Ok(graph.tensor(id))
        });
        let types = types.collect::<Result<_, _>>()?;
        match known.keys().next() {
            Some(name) => Err(BodyError::SurplusInput { name: (*name).to_owned() }),
            None => Ok(types),
        }
    }

    fn result_types(&self) -> Result<Vec<&TensorType>, BodyError> {
        let Function { graph, results, .. } = &*self.body;
        if results.is_empty() {
            return Err(BodyError::NoResults);
        }
        let types = (0..results.len().max(self.carries)).map(|index| {
            let name = self.result_name(index);
            let node = results.get(index).filter(|(found, node)| *found == name && node.index() < graph.n_nodes());
            let Some(&(_, node)) = node else { return Err(BodyError::MissingResult { name }) };
            match &graph.node(node).ty {
                Type::Tensor(tensor) if tensor.dtype != DType::Bool => Ok(tensor),
                ty => Err(BodyError::ResultType { name, ty: ty.clone() }),
            }
        });
        types.collect()
    }
}

pub(super) fn carry_name(index: usize) -> String {
    format!("carry{index}")
}

pub(super) fn sequence_name(index: usize) -> String {
    format!("sequence{index}")
}

pub(super) fn invariant_name(index: usize) -> String {
    format!("invariant{index}")
}

fn inputs(graph: &Graph) -> impl Iterator<Item = (&str, NodeId)> {
    graph.ids().filter_map(|id| match graph.op(id) {
        Op::Input(input) => Some((input.name.as_str(), id)),
        _ => None,
    })
}

fn check_states(body: &Function) -> Result<(), BodyError> {
    let read = body.graph.ids().find_map(|id| match body.graph.op(id) {
        Op::State(state) => Some(&state.name),
        _ => None,
    });
    match read.or(body.updates.first().map(|(name, _)| name)) {
        Some(name) => Err(BodyError::State { name: name.clone() }),
        None => Ok(()),
    }
}
