//! What every op has to say about itself.

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::hash::Hash;

use super::{AttributeError, Attributes, BodyError, Op};
use crate::builder::Builder;
use crate::graph::NodeId;
use crate::types::{DType, MAX_ELEMENTS, Shape, TensorType, Type};
use crate::value::Value;

/// The rules of one op.
pub trait OpRule: Clone + Eq + Hash + Debug + Sized {
    /// Its name in text, in snake case, as in JAX and StableHLO where they have it.
    const NAME: &'static str;

    /// Its attributes, in the order in which text shows them; [`parse`](Self::parse) is the inverse.
    fn attributes(&self) -> Attributes {
        Attributes::default()
    }

    /// The op from its attributes and the type that its node is declared to have.
    fn parse(attributes: &Attributes, declared: &Type) -> Result<Self, AttributeError>;

    /// Type rule: the result's type, or what is wrong with the operands.
    fn infer(&self, operands: &[&Type]) -> Result<Type, InferError>;

    /// Reference meaning: slow, obvious, in f64. Operands have the types that `infer` accepted.
    fn eval(&self, operands: &[&Value], context: &EvalContext<'_>) -> Vec<Value>;

    /// The cotangent of each operand, as nodes made of other ops; `None` where it is zero (for integers and truth
    /// values always).
    fn vjp(&self, builder: &mut Builder, node: &VjpNode<'_>) -> Vec<Option<NodeId>>;

    /// What kind of loop nest it becomes.
    fn structure(&self) -> Structure;

    /// Sample uses, small and with values that tell right from wrong: every check of the op table runs on them.
    fn samples() -> Vec<Sample>;
}

/// What kind of loop nest an op becomes.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Structure {
    /// No computation: an input, a state, a constant, a number known at launch.
    Leaf,
    /// Each element of the result from the elements at the same place in the operands.
    Map,
    /// Elements of the operand repeated along new axes.
    Broadcast,
    /// Random numbers, each from its place in the result and from the operands, which are scalars.
    Random,
    /// The same elements in the same order under another shape.
    View,
    /// One operand combined along some axes.
    Reduce,
    /// Sums of products over some axes of two operands.
    Contract,
    /// Elements of the operand in another order.
    Permute,
    /// A tuple taken apart.
    Get,
    /// The operand with zeros around and between its elements.
    Pad,
    /// The operands one behind the other.
    Concatenate,
    /// Some of the operand's elements, in its order.
    Slice,
    /// Windows that slide over the operand: its elements, some of them several times.
    Window,
    /// Windows added back to where they came from.
    OverlapAdd,
    /// The operand's elements with some axes running backwards.
    Reverse,
    /// Rows of a table, named by indices.
    Gather,
    /// Rows added to those of a table, named by indices.
    ScatterAdd,
    /// A body run step by step.
    Scan,
}

/// What an evaluation knows besides operands.
pub struct EvalContext<'a> {
    /// The batch size.
    pub batch: usize,
    /// The type of the node.
    pub ty: &'a Type,
    /// Values of inputs and states by name.
    pub environment: &'a BTreeMap<String, Value>,
}

impl EvalContext<'_> {
    /// The node's type, for ops with one result.
    pub fn tensor(&self) -> &TensorType {
        self.ty.as_tensor().expect("the verifier admits tuples for ops with several results only")
    }
}

/// The node that a vjp is asked about.
pub struct VjpNode<'a> {
    /// Its operands.
    pub operands: &'a [NodeId],
    /// The node itself.
    pub result: NodeId,
    /// The cotangent of each of its results; `None` where it is zero. One entry for ops with one result.
    pub cotangents: &'a [Option<NodeId>],
}

impl VjpNode<'_> {
    /// The cotangent of an op with one result.
    pub fn cotangent(&self) -> NodeId {
        self.cotangents[0].expect("vjp is asked for nodes with a cotangent only")
    }
}

/// One use of an op in the op table.
pub struct Sample {
    /// The op.
    pub op: Op,
    /// Its operand types; [`Dim::Batch`](crate::types::Dim::Batch) is allowed.
    pub operands: Vec<Type>,
    /// The batch size to evaluate at.
    pub batch: usize,
    /// Operand values, one per operand (of a tuple one per part), at that batch size. They lie away from kinks and ties.
    pub values: Vec<Value>,
    /// The expected results, computed by hand or by definition, not by `eval`; `None` where only the oracles check.
    pub expected: Option<Vec<Value>>,
}

/// What is wrong with an op's operands. In a graph that layers and passes built it means a bug there; in IR text it
/// is the text's error.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum InferError {
    /// Too few or too many operands.
    #[error("expects {expected} operands, found {found}")]
    OperandCount {
        /// How many the op takes.
        expected: usize,
        /// How many there are.
        found: usize,
    },
    /// A tuple where a tensor belongs.
    #[error("operand {position} is a tuple; take a result out of it with `get`")]
    Tuple {
        /// Which operand.
        position: usize,
    },
    /// A tensor where a tuple belongs.
    #[error("operand {position} is a tensor, expected a tuple")]
    NotTuple {
        /// Which operand.
        position: usize,
    },
    /// Elements of the wrong type.
    #[error("operand {position} has elements of type {}, expected {expected}", found.name())]
    Element {
        /// Which operand.
        position: usize,
        /// What it should hold.
        expected: &'static str,
        /// What it holds.
        found: DType,
    },
    /// A shape that does not fit.
    #[error("operand {position} has shape {found}, expected {expected}")]
    Shape {
        /// Which operand.
        position: usize,
        /// The shape it should have.
        expected: Shape,
        /// The shape it has.
        found: Shape,
    },
    /// The wrong number of dimensions.
    #[error("operand {position} has {found} dimensions, expected {expected}")]
    Rank {
        /// Which operand.
        position: usize,
        /// How many it should have.
        expected: usize,
        /// How many it has.
        found: usize,
    },
    /// An axis, index or count beyond what there is.
    #[error("{what} is {found}, but must be less than {limit}")]
    OutOfRange {
        /// The attribute.
        what: &'static str,
        /// Its value.
        found: usize,
        /// The bound.
        limit: usize,
    },
    /// Axes that are not strictly increasing.
    #[error("axes {axes:?} are not in strictly increasing order")]
    AxisOrder {
        /// The axes.
        axes: Vec<usize>,
    },
    /// Axes that are not one run of neighbours.
    #[error("axes {axes:?} are not neighbours, in order")]
    Neighbours {
        /// The axes.
        axes: Vec<usize>,
    },
    /// A list with more or fewer entries than there are axes.
    #[error("{what} has {found} entries, expected {expected}")]
    Length {
        /// The attribute.
        what: &'static str,
        /// How many entries it should have.
        expected: usize,
        /// How many it has.
        found: usize,
    },
    /// A size or stride of zero.
    #[error("{what} is 0, but must be at least 1")]
    Zero {
        /// The attribute.
        what: &'static str,
    },
    /// A permutation that does not name each axis once.
    #[error("{permutation:?} does not name each axis once")]
    Permutation {
        /// The permutation.
        permutation: Vec<usize>,
    },
    /// A number of elements that may not change, and does.
    #[error("{from} and {to} have different numbers of elements")]
    Elements {
        /// The operand's shape.
        from: Shape,
        /// The result's shape.
        to: Shape,
    },
    /// More elements than a buffer can have, or the batch size squared.
    #[error("shape {shape} has too many elements")]
    TooLarge {
        /// The shape.
        shape: Shape,
    },
    /// A dimension that must not depend on the batch size.
    #[error("dimension {axis} of operand {position} depends on the batch size")]
    BatchDim {
        /// Which operand.
        position: usize,
        /// Which of its axes.
        axis: usize,
    },
    /// A scan without steps, or with too many.
    #[error("the number of steps is {found}, but must be from 1 to {MAX_ELEMENTS}")]
    Steps {
        /// The number.
        found: usize,
    },
    /// A body that does not fit its scan.
    #[error("the body {0}")]
    Body(#[from] BodyError),
    /// Subscripts that do not make a contraction.
    #[error("subscript `{letter}` {problem}")]
    Subscript {
        /// The letter.
        letter: char,
        /// What is wrong with it.
        problem: &'static str,
    },
}

impl Sample {
    /// A use of an op on f32 operands of static shapes, with its expected result (if that has a batch dimension, for
    /// a batch of 3).
    pub fn f32(op: impl Into<Op>, operands: &[(&[usize], &[f64])], expected: &[f64]) -> Self {
        let types: Vec<TensorType> =
            operands.iter().map(|(shape, _)| TensorType::f32(Shape::fixed(shape))).collect();
        let values = operands.iter().map(|(shape, data)| Value::f32(shape, data.to_vec())).collect();
        Sample::new(op, types, values, Some(vec![expected.to_vec()]))
    }

    /// A use of an op on operands of any type, for a batch of 3.
    ///
    /// # Panics
    /// If the op does not accept these operands, or the expected elements do not fit its type.
    pub fn new(
        op: impl Into<Op>,
        operands: impl IntoIterator<Item = impl Into<Type>>,
        values: Vec<Value>,
        expected: Option<Vec<Vec<f64>>>,
    ) -> Self {
        const BATCH: usize = 3;
        let op = op.into();
        let operands: Vec<Type> = operands.into_iter().map(Into::into).collect();
        let result = op.infer(&operands.iter().collect::<Vec<_>>()).expect("samples are well typed");
        let parts = match result {
            Type::Tensor(tensor) => vec![tensor],
            Type::Tuple(parts) => parts,
        };
        let value =
            |(part, data): (&TensorType, Vec<f64>)| Value::new(part.dtype, part.shape.at(BATCH), data);
        let expected = expected.map(|all| parts.iter().zip(all).map(value).collect());
        Sample { op, operands, batch: BATCH, values, expected }
    }
}
