//! The closed set of primitive ops. One op is one file with all its rules; this file lists them.
//!
//! Layers, losses, optimizers and gradients are made of these and nothing else. To add an op, write its file and add
//! one line to the list below: text, verifier, interpreter, autodiff and the op-table tests take it from there.

mod attributes;
pub mod map_rule;
mod rule;

pub use attributes::{Attribute, AttributeError, Attributes};
pub use rule::{EvalContext, InferError, OpRule, Sample, Structure, VjpNode};
pub use scan::BodyError;

use crate::builder::Builder;
use crate::graph::NodeId;
use crate::types::{DType, Dim, MAX_ELEMENTS, Shape, TensorType, Type};
use crate::value::Value;

macro_rules! ops {
    ($($module:ident::$op:ident),* $(,)?) => {
        $(pub mod $module; pub use $module::$op;)*

        /// A primitive op with its attributes.
        #[derive(Clone, PartialEq, Eq, Hash, Debug)]
        pub enum Op {
            $(#[doc = concat!("See [`", stringify!($module), "`](mod@", stringify!($module), ").")] $op($op),)*
        }

        $(impl From<$op> for Op {
            fn from(op: $op) -> Op { Op::$op(op) }
        })*

        /// The names of all ops, as in text.
        pub const NAMES: &[&str] = &[$($op::NAME),*];

        macro_rules! dispatch {
            ($self:expr, $rule:ident => $body:expr) => { match $self { $(Op::$op($rule) => $body,)* } };
        }

        impl Op {
            /// Its name in text.
            pub fn name(&self) -> &'static str {
                match self { $(Op::$op(_) => $op::NAME,)* }
            }

            /// The op of this name with these attributes. `declared` is the type that text gives the node, from
            /// which leaves, `broadcast` and `reshape` take theirs. `None` if there is no such op.
            pub fn parse(
                name: &str, attributes: &Attributes, declared: &Type,
            ) -> Option<Result<Op, AttributeError>> {
                match name {
                    $($op::NAME => Some($op::parse(attributes, declared).map(Op::from)),)*
                    _ => None,
                }
            }

            /// Sample uses of every op: the inputs that all checks of the op table run on.
            pub fn samples() -> Vec<Sample> {
                let mut samples = Vec::new();
                $(samples.extend($op::samples());)*
                samples
            }
        }
    };
}

ops! {
    abs::Abs,
    add::Add,
    batch_size::BatchSize,
    broadcast::Broadcast,
    compare::Compare,
    concatenate::Concatenate,
    constant::Constant,
    convert::Convert,
    copy::Copy,
    div::Div,
    einsum::Einsum,
    erf::Erf,
    exp::Exp,
    expm1::Expm1,
    gather::Gather,
    get::Get,
    input::Input,
    iota::Iota,
    log::Log,
    log1p::Log1p,
    logistic::Logistic,
    max::Max,
    max_with_index::MaxWithIndex,
    min::Min,
    mul::Mul,
    neg::Neg,
    overlap_add::OverlapAdd,
    pad::Pad,
    random_uniform::RandomUniform,
    reduce_max::ReduceMax,
    reduce_sum::ReduceSum,
    reshape::Reshape,
    reverse::Reverse,
    scan::Scan,
    scatter_add::ScatterAdd,
    select::Select,
    sign::Sign,
    slice::Slice,
    softplus::Softplus,
    sqrt::Sqrt,
    state::State,
    stop_gradient::StopGradient,
    sub::Sub,
    tanh::Tanh,
    transpose::Transpose,
    windows::Windows,
}

impl Op {
    /// Its attributes, in the order in which text shows them.
    pub fn attributes(&self) -> Attributes {
        dispatch!(self, op => op.attributes())
    }

    /// The result's type, or what is wrong with the operands.
    pub fn infer(&self, operands: &[&Type]) -> Result<Type, InferError> {
        dispatch!(self, op => op.infer(operands))
    }

    /// The op's meaning, in f64. A tuple has several values, any other op one.
    pub fn eval(&self, operands: &[&Value], context: &EvalContext<'_>) -> Vec<Value> {
        dispatch!(self, op => op.eval(operands, context))
    }

    /// The cotangents of the operands; see [`OpRule::vjp`].
    pub fn vjp(&self, builder: &mut Builder, node: &VjpNode<'_>) -> Vec<Option<NodeId>> {
        dispatch!(self, op => op.vjp(builder, node))
    }

    /// What kind of loop nest it becomes.
    pub fn structure(&self) -> Structure {
        dispatch!(self, op => op.structure())
    }

    /// The axes that a reduction goes along; `None` for other ops.
    pub fn reduced_axes(&self) -> Option<&[usize]> {
        match self {
            Op::ReduceSum(reduce) => Some(&reduce.axes),
            Op::ReduceMax(reduce) => Some(&reduce.axes),
            Op::MaxWithIndex(reduce) => Some(&reduce.axes),
            _ => None,
        }
    }
}

/// The operand types of an op that takes `N` tensors.
pub(crate) fn tensors<'a, const N: usize>(operands: &[&'a Type]) -> Result<[&'a TensorType; N], InferError> {
    n_tensors(operands, N).map(|tensors| tensors.try_into().expect("as many as operands"))
}

fn n_tensors<'a>(operands: &[&'a Type], expected: usize) -> Result<Vec<&'a TensorType>, InferError> {
    if operands.len() != expected {
        return Err(InferError::OperandCount { expected, found: operands.len() });
    }
    let tensor = |(position, ty): (usize, &&'a Type)| ty.as_tensor().ok_or(InferError::Tuple { position });
    operands.iter().enumerate().map(tensor).collect()
}

/// The tensor type that a node is declared to have.
pub(crate) fn declared_tensor(declared: &Type) -> Result<&TensorType, AttributeError> {
    declared.as_tensor().ok_or(AttributeError::Declared { expected: "a tensor" })
}

/// Refuses tensors of different shapes.
pub(crate) fn same_shape(tensors: &[&TensorType]) -> Result<(), InferError> {
    match tensors.iter().position(|tensor| tensor.shape != tensors[0].shape) {
        Some(position) => {
            let (expected, found) = (tensors[0].shape.clone(), tensors[position].shape.clone());
            Err(InferError::Shape { position, expected, found })
        }
        None => Ok(()),
    }
}

/// The type of two f32 or two i32 tensors of one shape.
pub(crate) fn two_numbers<'a>(operands: &[&'a Type]) -> Result<&'a TensorType, InferError> {
    let [a, b] = tensors(operands)?;
    if a.dtype == DType::Bool {
        return Err(InferError::Element { position: 0, expected: "f32 or i32", found: a.dtype });
    }
    if a.dtype != b.dtype {
        return Err(InferError::Element { position: 1, expected: a.dtype.name(), found: b.dtype });
    }
    same_shape(&[a, b])?;
    Ok(a)
}

/// The type of an elementwise op on `arity` f32 tensors of one shape.
pub(crate) fn infer_elementwise(operands: &[&Type], arity: usize) -> Result<Type, InferError> {
    let tensors = n_tensors(operands, arity)?;
    for (position, tensor) in tensors.iter().enumerate() {
        if tensor.dtype != DType::F32 {
            return Err(InferError::Element { position, expected: "f32", found: tensor.dtype });
        }
    }
    same_shape(&tensors)?;
    Ok(tensors[0].clone().into())
}

/// Refuses axes beyond `rank` or not strictly increasing.
pub(crate) fn check_axes(axes: &[usize], rank: usize) -> Result<(), InferError> {
    if let Some(&found) = axes.iter().find(|&&axis| axis >= rank) {
        return Err(InferError::OutOfRange { what: "an axis", found, limit: rank });
    }
    if !axes.is_sorted_by(|a, b| a < b) {
        return Err(InferError::AxisOrder { axes: axes.to_vec() });
    }
    Ok(())
}

/// Refuses axes that are not one run of neighbours, as `[1, 2]` is.
pub(crate) fn check_neighbours(axes: &[usize], rank: usize) -> Result<(), InferError> {
    check_axes(axes, rank)?;
    let are_neighbours = !axes.is_empty() && axes.windows(2).all(|pair| pair[0] + 1 == pair[1]);
    if are_neighbours { Ok(()) } else { Err(InferError::Neighbours { axes: axes.to_vec() }) }
}

/// Refuses a list that has not one entry for each of `expected` axes.
pub(crate) fn check_length(what: &'static str, list: &[usize], expected: usize) -> Result<(), InferError> {
    let found = list.len();
    if found == expected { Ok(()) } else { Err(InferError::Length { what, expected, found }) }
}

/// Refuses zeros.
pub(crate) fn check_positive(what: &'static str, list: &[usize]) -> Result<(), InferError> {
    if list.contains(&0) { Err(InferError::Zero { what }) } else { Ok(()) }
}

/// The size of an axis of the first operand, which must not depend on the batch.
pub(crate) fn static_size(operand: &TensorType, axis: usize) -> Result<usize, InferError> {
    operand.shape.dims()[axis].as_static().ok_or(InferError::BatchDim { position: 0, axis })
}

/// The type of a result, unless it has more elements than a buffer can have.
pub(crate) fn within_limit(ty: TensorType) -> Result<Type, InferError> {
    let too_large = |dim: &Dim| matches!(dim, Dim::Static(size) if *size > MAX_ELEMENTS);
    if ty.shape.dims().iter().any(too_large) || ty.shape.elements().is_none() {
        return Err(InferError::TooLarge { shape: ty.shape });
    }
    Ok(ty.into())
}

/// The type of a reduction of one f32 tensor along some axes.
pub(crate) fn infer_reduction(operands: &[&Type], axes: &[usize]) -> Result<Type, InferError> {
    infer_elementwise(operands, 1)?;
    let [operand] = tensors(operands)?;
    check_axes(axes, operand.shape.rank())?;
    Ok(TensorType::f32(operand.shape.without(axes)).into())
}

/// Folds a tensor along some axes, in row-major order.
pub(crate) fn reduce(
    operand: &Value,
    axes: &[usize],
    context: &EvalContext<'_>,
    start: f64,
    fold: impl Fn(f64, f64) -> f64,
) -> Value {
    let mut result = Value::from_fn(context.tensor(), context.batch, |_| start);
    let shape = result.shape.clone();
    for (index, &element) in crate::value::indices(&operand.shape).zip(&operand.data) {
        let kept: Vec<usize> =
            index.iter().enumerate().filter(|(axis, _)| !axes.contains(axis)).map(|(_, &i)| i).collect();
        let slot = &mut result.data[crate::value::ravel(&kept, &shape)];
        *slot = fold(*slot, element);
    }
    result
}
