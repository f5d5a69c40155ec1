//! `einsum`: sums of products over axes named by letters, as in NumPy: `ab,bc->ac` is a matrix product.

use super::*;
use crate::value::{indices, ravel};

/// A contraction of two operands.
///
/// Each letter names an axis; letters missing from the result are summed over. A letter occurs at most once in a term
/// and in at least two of the three, so the gradient of an einsum is an einsum.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Einsum {
    /// The letters of the left operand's axes.
    pub lhs: Vec<u8>,
    /// The letters of the right operand's axes.
    pub rhs: Vec<u8>,
    /// The letters of the result's axes.
    pub out: Vec<u8>,
}

impl Einsum {
    /// A contraction with these letters, renamed in order of appearance (`a`, `b`, …), so that equal contractions
    /// are equal ops.
    pub fn new(lhs: &[u8], rhs: &[u8], out: &[u8]) -> Self {
        let mut seen: Vec<u8> = Vec::new();
        let mut rename = |term: &[u8]| -> Vec<u8> {
            let index = |letter: &u8| match seen.iter().position(|s| s == letter) {
                Some(index) => index,
                None => {
                    seen.push(*letter);
                    seen.len() - 1
                }
            };
            term.iter().map(index).map(|i| b'a' + i as u8).collect()
        };
        Einsum { lhs: rename(lhs), rhs: rename(rhs), out: rename(out) }
    }

    fn subscripts(&self) -> String {
        let text = |term: &[u8]| term.iter().map(|&l| l as char).collect::<String>();
        format!("{},{}->{}", text(&self.lhs), text(&self.rhs), text(&self.out))
    }

    /// The letters that are summed over, in the left operand's order.
    pub fn contracted(&self) -> Vec<u8> {
        self.lhs.iter().copied().filter(|letter| !self.out.contains(letter)).collect()
    }

    fn check_letters(&self) -> Result<(), InferError> {
        let terms = [&self.lhs, &self.rhs, &self.out];
        for term in terms {
            for (i, &letter) in term.iter().enumerate() {
                let error = |problem| Err(InferError::Subscript { letter: letter as char, problem });
                if term[..i].contains(&letter) {
                    return error("occurs twice in one term");
                }
                if terms.iter().filter(|term| term.contains(&letter)).count() < 2 {
                    return error("occurs in one term only");
                }
            }
        }
        Ok(())
    }

    fn size_of(&self, letter: u8, lhs: &Shape, rhs: &Shape) -> Dim {
        let find = |term: &[u8], shape: &Shape| {
            term.iter().position(|&l| l == letter).map(|axis| shape.dims()[axis])
        };
        find(&self.lhs, lhs).or_else(|| find(&self.rhs, rhs)).expect("every letter is in two terms")
    }
}

/// How far an operand's element at these indices of `letters` lies behind its first one; letters that it lacks do not matter.
fn offset(term: &[u8], operand: &Value, letters: &[u8], index: &[usize]) -> usize {
    let place = |letter: &u8| letters.iter().position(|l| l == letter).map_or(0, |place| index[place]);
    ravel(&term.iter().map(place).collect::<Vec<_>>(), &operand.shape)
}

impl OpRule for Einsum {
    const NAME: &'static str = "einsum";

    fn attributes(&self) -> Attributes {
        Attributes::default().with("subscripts", Attribute::Text(self.subscripts()))
    }

    fn parse(attributes: &Attributes, _: &Type) -> Result<Self, AttributeError> {
        attributes.only(&["subscripts"])?;
        let wrong = AttributeError::Kind { name: "subscripts", expected: "like \"ab,bc->ac\"" };
        let text = attributes.text("subscripts")?;
        let split = text.split_once("->").and_then(|(ins, out)| Some((ins.split_once(',')?, out)));
        let ((lhs, rhs), out) = split.ok_or(wrong.clone())?;
        if [lhs, rhs, out].iter().any(|t| t.len() > 16 || !t.bytes().all(|l| l.is_ascii_lowercase())) {
            return Err(wrong);
        }
        let (lhs, rhs, out) = (lhs.as_bytes().to_vec(), rhs.as_bytes().to_vec(), out.as_bytes().to_vec());
        Ok(Einsum::new(&lhs, &rhs, &out))
    }

    fn infer(&self, operands: &[&Type]) -> Result<Type, InferError> {
        let operands = tensors::<2>(operands)?;
        self.check_letters()?;
        for (position, (operand, term)) in operands.iter().zip([&self.lhs, &self.rhs]).enumerate() {
            if operand.dtype != DType::F32 {
                return Err(InferError::Element { position, expected: "f32", found: operand.dtype });
            }
            if operand.shape.rank() != term.len() {
                let (expected, found) = (term.len(), operand.shape.rank());
                return Err(InferError::Rank { position, expected, found });
            }
        }
        let [lhs, rhs] = operands.map(|operand| &operand.shape);
        let shape_of = |term: &[u8]| term.iter().map(|&l| self.size_of(l, lhs, rhs)).collect::<Shape>();
        let expected = shape_of(&self.rhs);
        if *rhs != expected {
            return Err(InferError::Shape { position: 1, expected, found: rhs.clone() });
        }
        let shape = shape_of(&self.out);
        if shape.elements().is_none() {
            return Err(InferError::TooLarge { shape });
        }
        Ok(TensorType::f32(shape).into())
    }

    fn eval(&self, operands: &[&Value], context: &EvalContext<'_>) -> Vec<Value> {
        let (lhs, rhs) = (operands[0], operands[1]);
        let size = |letter: &u8| {
            let find = |term: &[u8], value: &Value| {
                term.iter().position(|l| l == letter).map(|axis| value.shape[axis])
            };
            find(&self.lhs, lhs).or_else(|| find(&self.rhs, rhs)).expect("checked by infer")
        };
        let summed = self.contracted();
        let summed_shape: Vec<usize> = summed.iter().map(size).collect();
        // Where the terms of a sum lie in each operand, from its first one on.
        let steps: Vec<(usize, usize)> = indices(&summed_shape)
            .map(|index| (offset(&self.lhs, lhs, &summed, &index), offset(&self.rhs, rhs, &summed, &index)))
            .collect();
        vec![Value::from_fn(context.tensor(), context.batch, |index| {
            let first = (offset(&self.lhs, lhs, &self.out, index), offset(&self.rhs, rhs, &self.out, index));
            steps.iter().map(|step| lhs.data[first.0 + step.0] * rhs.data[first.1 + step.1]).sum()
        })]
    }

    fn vjp(&self, builder: &mut Builder, node: &VjpNode<'_>) -> Vec<Option<NodeId>> {
        let (dy, lhs, rhs) = (node.cotangent(), node.operands[0], node.operands[1]);
        let for_lhs = Einsum::new(&self.out, &self.rhs, &self.lhs);
        let for_rhs = Einsum::new(&self.lhs, &self.out, &self.rhs);
        vec![Some(builder.push(for_lhs, &[dy, rhs])), Some(builder.push(for_rhs, &[lhs, dy]))]
    }

    fn structure(&self) -> Structure {
        Structure::Contract
    }

    fn samples() -> Vec<Sample> {
        let lhs = (&[2usize, 3][..], &[1.0, 2.0, 3.0, 4.0, 5.0, 6.0][..]);
        let rhs = (&[3usize, 2][..], &[1.0, 0.5, -1.0, 2.0, 0.25, 3.0][..]);
        vec![
            Sample::f32(Einsum::new(b"ab", b"bc", b"ac"), &[lhs, rhs], &[-0.25, 13.5, 0.5, 30.0]),
            Sample::f32(Einsum::new(b"ab", b"bc", b"ca"), &[lhs, rhs], &[-0.25, 0.5, 13.5, 30.0]),
            Sample::f32(Einsum::new(b"ab", b"ba", b"b"), &[lhs, rhs], &[3.0, 8.0, 18.75]),
        ]
    }
}
