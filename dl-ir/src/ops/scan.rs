//! `scan`: a loop over time steps whose body is a graph of its own.

pub mod body;
mod build;
mod sums;
mod vjp;

use std::sync::Arc;

use super::*;
use crate::interp::{self, Environment};
use crate::module::Function;
use crate::types::{Dim, MAX_ELEMENTS};

pub use body::{BODY, BodyError};
pub use build::{Operands, Results, Steps};

/// A body, run once for each of `length` steps.
///
/// Operands, in this order: the carries before the first step; the sequences, which hold one slice for each step along their first
/// axis; the invariants, which each step reads alike. The body takes the carries, the step's slice of each sequence and the
/// invariants, and returns the next carries, then outputs. The result is a tuple: the carries after the last step, then the
/// outputs of all steps, stacked along a new first axis.
///
/// Time is the first axis and the batch the second, so that the slices of a step are contiguous blocks.
///
/// Operands are the body's only link to the outside; [`body`] has the names of its inputs and results.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Scan {
    /// What a step does.
    pub body: Arc<Function>,
    /// The number of values handed from step to step.
    pub carries: usize,
    /// The number of stacked operands.
    pub sequences: usize,
    /// The number of operands that are the same in each step.
    pub invariants: usize,
    /// The number of steps, at least 1.
    pub length: usize,
    /// Whether steps go from the last slice to the first. A step's outputs lie where its slices do.
    pub reverse: bool,
}

impl Scan {
    /// The number of operands.
    pub fn n_operands(&self) -> usize {
        self.carries.saturating_add(self.sequences).saturating_add(self.invariants)
    }

    /// The slices of the steps, in the order of the steps.
    pub fn slices(&self) -> impl Iterator<Item = usize> + use<> {
        let (length, reverse) = (self.length, self.reverse);
        (0..length).map(move |step| if reverse { length - 1 - step } else { step })
    }

    /// A per-step type, stacked.
    fn stacked(&self, ty: &TensorType) -> TensorType {
        let dims = std::iter::once(Dim::Static(self.length)).chain(ty.shape.dims().iter().copied());
        TensorType::new(ty.dtype, dims.collect())
    }

    fn is_sequence(&self, operand: usize) -> bool {
        (self.carries..self.carries.saturating_add(self.sequences)).contains(&operand)
    }
}

impl OpRule for Scan {
    const NAME: &'static str = "scan";

    fn attributes(&self) -> Attributes {
        Attributes::default()
            .with("carries", Attribute::Int(self.carries))
            .with("sequences", Attribute::Int(self.sequences))
            .with("invariants", Attribute::Int(self.invariants))
            .with("length", Attribute::Int(self.length))
            .with("reverse", Attribute::Flag(self.reverse))
            .with("body", Attribute::Body(self.body.clone()))
    }

    fn parse(attributes: &Attributes, _: &Type) -> Result<Self, AttributeError> {
        attributes.only(&["carries", "sequences", "invariants", "length", "reverse", "body"])?;
        Ok(Scan {
            body: attributes.body("body")?,
            carries: attributes.int("carries")?,
            sequences: attributes.int("sequences")?,
            invariants: attributes.int("invariants")?,
            length: attributes.int("length")?,
            reverse: attributes.flag("reverse")?,
        })
    }

    fn infer(&self, operands: &[&Type]) -> Result<Type, InferError> {
        if !(1..=MAX_ELEMENTS).contains(&self.length) {
            return Err(InferError::Steps { found: self.length });
        }
        let signature = self.signature()?;
        let operands = n_tensors(operands, signature.inputs.len())?;
        for (position, (operand, &input)) in operands.iter().zip(&signature.inputs).enumerate() {
            let expected = if self.is_sequence(position) { self.stacked(input) } else { input.clone() };
            if operand.dtype != expected.dtype {
                let (expected, found) = (expected.dtype.name(), operand.dtype);
                return Err(InferError::Element { position, expected, found });
            }
            if operand.shape != expected.shape {
                let (expected, found) = (expected.shape, operand.shape.clone());
                return Err(InferError::Shape { position, expected, found });
            }
        }
        let (carries, outputs) = signature.results.split_at(self.carries);
        let carries = carries.iter().map(|&carry| carry.clone());
        Ok(Type::Tuple(carries.chain(outputs.iter().map(|output| self.stacked(output))).collect()))
    }

    fn eval(&self, operands: &[&Value], context: &EvalContext<'_>) -> Vec<Value> {
        let mut environment: Environment = (0..self.n_operands())
            .filter(|&position| !self.is_sequence(position))
            .map(|position| (self.input_name(position), operands[position].clone()))
            .collect();
        let Type::Tuple(types) = context.ty else { unreachable!("a scan is a tuple") };
        let mut outputs: Vec<Value> =
            types[self.carries..].iter().map(|ty| Value::from_fn(ty, context.batch, |_| 0.0)).collect();
        for at in self.slices() {
            for position in (0..self.n_operands()).filter(|&position| self.is_sequence(position)) {
                environment.insert(self.input_name(position), operands[position].slice(at));
            }
            let values = interp::values(&self.body.graph, &environment, context.batch);
            let result = |index: usize| &values[self.body.results[index].1.index()][0];
            for (index, stack) in outputs.iter_mut().enumerate() {
                stack.set_slice(at, result(self.carries + index));
            }
            for carry in 0..self.carries {
                environment.insert(self.input_name(carry), result(carry).clone());
            }
        }
        let carries = (0..self.carries).map(|carry| environment[&self.input_name(carry)].clone());
        carries.chain(outputs).collect()
    }

    fn vjp(&self, builder: &mut Builder, node: &VjpNode<'_>) -> Vec<Option<NodeId>> {
        vjp::vjp(self, builder, node)
    }

    fn structure(&self) -> Structure {
        Structure::Scan
    }

    fn samples() -> Vec<Sample> {
        vec![running_sum(false), running_sum(true), small_rnn(false), small_rnn(true), decay()]
    }
}

/// c' = c + x, which is also the output.
fn running_sum(reverse: bool) -> Sample {
    let pair = TensorType::f32(Shape::fixed(&[2]));
    let scan = Scan::build(
        Steps { length: 3, reverse },
        &Operands { carries: vec![pair.clone()], sequences: vec![pair], invariants: vec![] },
        |body, inputs| {
            let sum = body.add(inputs.carries[0], inputs.sequences[0]);
            Results { carries: vec![sum], outputs: vec![sum] }
        },
    );
    let expected = match reverse {
        false => vec![vec![10.0, 70.0], vec![2.0, 20.0, 5.0, 40.0, 10.0, 70.0]],
        true => vec![vec![10.0, 70.0], vec![10.0, 70.0, 9.0, 60.0, 6.0, 40.0]],
    };
    let types = [Shape::fixed(&[2]), Shape::fixed(&[3, 2])].map(TensorType::f32);
    let values = vec![
        Value::f32(&[2], vec![1.0, 10.0]),
        Value::f32(&[3, 2], vec![1.0, 10.0, 3.0, 20.0, 5.0, 30.0]),
    ];
    Sample::new(scan, types, values, Some(expected))
}

/// h' = tanh(x + hU + b) on a batch; each step also returns h'², of which the last axis is summed.
fn small_rnn(reverse: bool) -> Sample {
    let units = TensorType::f32(Shape::batched(&[2]));
    let [matrix, bias] = [Shape::fixed(&[2, 2]), Shape::fixed(&[2])].map(TensorType::f32);
    let types = Operands {
        carries: vec![units.clone()],
        sequences: vec![units.clone()],
        invariants: vec![matrix.clone(), bias.clone()],
    };
    let scan = Scan::build(Steps { length: 4, reverse }, &types, |body, inputs| {
        let product = body.einsum("bi,ij->bj", inputs.carries[0], inputs.invariants[0]);
        let bias = body.broadcast(inputs.invariants[1], &[1], units.shape.clone());
        let sum = body.add(product, bias);
        let sum = body.add(sum, inputs.sequences[0]);
        let next = body.tanh(sum);
        let square = body.mul(next, next);
        let energy = body.reduce_sum(square, &[1]);
        Results { carries: vec![next], outputs: vec![next, energy] }
    });
    let sequence = scan.stacked(&units);
    let types = [units, sequence, matrix, bias];
    let value = |(ty, phase): (&TensorType, f64)| {
        let mut number = phase;
        Value::from_fn(ty, 3, |_| {
            number += 1.7;
            0.8 * f64::sin(number)
        })
    };
    let values = types.iter().zip([0.0, 0.3, 0.6, 0.9]).map(value).collect();
    Sample::new(scan, types, values, None)
}

/// c' = w·c + a without sequences, where whole numbers a and b change places in each step.
fn decay() -> Sample {
    let [scalar, vector] = [Shape::scalar(), Shape::fixed(&[2])].map(TensorType::f32);
    let count = scalar.with_dtype(DType::I32);
    let types = Operands {
        carries: vec![vector.clone(), count.clone(), count.clone()],
        sequences: vec![],
        invariants: vec![scalar.clone()],
    };
    let scan = Scan::build(Steps { length: 3, reverse: false }, &types, |body, inputs| {
        let &[c, a, b] = inputs.carries.as_slice() else { unreachable!("three carries") };
        let factor = body.broadcast_like(inputs.invariants[0], c);
        let product = body.mul(c, factor);
        let number = body.convert(a);
        let number = body.broadcast_like(number, c);
        let next = body.add(product, number);
        Results { carries: vec![next, b, a], outputs: vec![a] }
    });
    let number = |value| Value::new(DType::I32, vec![], vec![value]);
    let values =
        vec![Value::f32(&[2], vec![1.0, -2.0]), number(0.0), number(4.0), Value::f32(&[], vec![0.5])];
    let expected = vec![vec![2.125, 1.75], vec![4.0], vec![0.0], vec![0.0, 4.0, 0.0]];
    Sample::new(scan, [vector, count.clone(), count, scalar], values, Some(expected))
}
