//! `compare`: the order of two elements, as a truth value.

use super::*;

/// Which question `compare` asks; each is false if an operand is NaN, except [`Ne`](Direction::Ne).
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Direction {
    /// a = b.
    Eq,
    /// a ≠ b.
    Ne,
    /// a < b.
    Lt,
    /// a ≤ b.
    Le,
    /// a > b.
    Gt,
    /// a ≥ b.
    Ge,
}

impl Direction {
    /// All directions.
    pub const ALL: [Direction; 6] =
        [Direction::Eq, Direction::Ne, Direction::Lt, Direction::Le, Direction::Gt, Direction::Ge];

    /// Its name in text.
    pub fn name(self) -> &'static str {
        match self {
            Direction::Eq => "eq",
            Direction::Ne => "ne",
            Direction::Lt => "lt",
            Direction::Le => "le",
            Direction::Gt => "gt",
            Direction::Ge => "ge",
        }
    }

    /// The answer for two numbers.
    pub fn holds(self, a: f64, b: f64) -> bool {
        match self {
            Direction::Eq => a == b,
            Direction::Ne => a != b,
            Direction::Lt => a < b,
            Direction::Le => a <= b,
            Direction::Gt => a > b,
            Direction::Ge => a >= b,
        }
    }
}

/// Whether a stands in this order to b, for two f32 or two i32 tensors of one shape. No gradient passes.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Compare {
    /// The question.
    pub direction: Direction,
}

impl OpRule for Compare {
    const NAME: &'static str = "compare";

    fn attributes(&self) -> Attributes {
        Attributes::default().with("direction", Attribute::Text(self.direction.name().to_owned()))
    }

    fn parse(attributes: &Attributes, _: &Type) -> Result<Self, AttributeError> {
        attributes.only(&["direction"])?;
        let text = attributes.text("direction")?;
        let direction = Direction::ALL.into_iter().find(|direction| direction.name() == text);
        let expected = "one of \"eq\", \"ne\", \"lt\", \"le\", \"gt\", \"ge\"";
        direction
            .map(|direction| Compare { direction })
            .ok_or(AttributeError::Kind { name: "direction", expected })
    }

    fn infer(&self, operands: &[&Type]) -> Result<Type, InferError> {
        two_numbers(operands).map(|number| number.with_dtype(DType::Bool).into())
    }

    fn eval(&self, operands: &[&Value], _: &EvalContext<'_>) -> Vec<Value> {
        let holds = |a, b| f64::from(self.direction.holds(a, b));
        vec![operands[0].zip(operands[1], DType::Bool, holds)]
    }

    fn vjp(&self, _: &mut Builder, _: &VjpNode<'_>) -> Vec<Option<NodeId>> {
        vec![None, None]
    }

    fn structure(&self) -> Structure {
        Structure::Map
    }

    fn samples() -> Vec<Sample> {
        let expected = |direction| match direction {
            Direction::Eq => [0.0, 1.0, 0.0],
            Direction::Ne => [1.0, 0.0, 1.0],
            Direction::Lt => [1.0, 0.0, 0.0],
            Direction::Le => [1.0, 1.0, 0.0],
            Direction::Gt => [0.0, 0.0, 1.0],
            Direction::Ge => [0.0, 1.0, 1.0],
        };
        let sample = |direction, dtype| {
            let values =
                [[-1.0, 2.0, 3.0], [0.0, 2.0, -3.0]].map(|data| Value::new(dtype, vec![3], data.to_vec()));
            let ty = TensorType::new(dtype, Shape::fixed(&[3]));
            let expected = Some(vec![expected(direction).to_vec()]);
            Sample::new(Compare { direction }, vec![ty; 2], values.to_vec(), expected)
        };
        Direction::ALL.into_iter().flat_map(|d| [sample(d, DType::F32), sample(d, DType::I32)]).collect()
    }
}
