//! `random_uniform`: random numbers from a counter.

use super::*;

/// Uniform numbers in [0, 1), multiples of 2⁻²⁴. Operands are i32 scalars, taken as 32-bit words: the key's low and high word, then
/// the step's.
///
/// Element e of the result, row-major, is word e mod 4 of the Philox block with counter \[e/4, stream, step low, step high\], shifted
/// right by 8. What comes out depends on nothing else, so a mask can be drawn again, in any order and on any thread.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct RandomUniform {
    /// Which of the generator's streams: a word.
    pub stream: usize,
    /// The result's shape.
    pub shape: Shape,
}

impl OpRule for RandomUniform {
    const NAME: &'static str = "random_uniform";

    fn attributes(&self) -> Attributes {
        Attributes::default().with("stream", Attribute::Int(self.stream))
    }

    fn parse(attributes: &Attributes, declared: &Type) -> Result<Self, AttributeError> {
        attributes.only(&["stream"])?;
        Ok(RandomUniform {
            stream: attributes.int("stream")?,
            shape: declared_tensor(declared)?.shape.clone(),
        })
    }

    fn infer(&self, operands: &[&Type]) -> Result<Type, InferError> {
        if u32::try_from(self.stream).is_err() {
            let limit = u32::MAX as usize + 1;
            return Err(InferError::OutOfRange { what: "stream", found: self.stream, limit });
        }
        for (position, word) in tensors::<4>(operands)?.into_iter().enumerate() {
            if word.dtype != DType::I32 {
                return Err(InferError::Element { position, expected: "i32", found: word.dtype });
            }
            if word.shape.rank() > 0 {
                let (expected, found) = (Shape::scalar(), word.shape.clone());
                return Err(InferError::Shape { position, expected, found });
            }
        }
        Ok(TensorType::f32(self.shape.clone()).into())
    }

    fn eval(&self, operands: &[&Value], context: &EvalContext<'_>) -> Vec<Value> {
        const UNIT: f64 = 1.0 / (1 << 24) as f64;
        let word = |position: usize| operands[position].data[0] as i64 as u32;
        let [key_low, key_high, step_low, step_high] = [0, 1, 2, 3].map(word);
        let shape = context.tensor().shape.at(context.batch);
        let n_elements: usize = shape.iter().product();
        let uniform = |element: usize| {
            let counter = [(element / 4) as u32, self.stream as u32, step_low, step_high];
            f64::from(philox(counter, [key_low, key_high])[element % 4] >> 8) * UNIT
        };
        vec![Value::f32(&shape, (0..n_elements).map(uniform).collect())]
    }

    fn vjp(&self, _: &mut Builder, _: &VjpNode<'_>) -> Vec<Option<NodeId>> {
        vec![None; 4]
    }

    fn structure(&self) -> Structure {
        Structure::Random
    }

    fn samples() -> Vec<Sample> {
        // The first block is the published answer for a counter and a key of zeros; the rest is from an implementation in Python.
        let zeros = [6_694_888, 14_772_677, 12_343_212, 10_158_299];
        let others = [5_071_183, 10_755_644, 10_513_331, 9_801_182, 14_917_443, 12_091_123];
        let sample = |stream, words: [i32; 4], shape, bits: &[u32]| {
            let word = |word| Value::new(DType::I32, Vec::new(), vec![f64::from(word)]);
            let expected = bits.iter().map(|&bits| f64::from(bits) / 16_777_216.0).collect();
            let types = vec![TensorType::new(DType::I32, Shape::scalar()); 4];
            let op = RandomUniform { stream, shape };
            Sample::new(op, types, words.map(word).to_vec(), Some(vec![expected]))
        };
        vec![
            sample(0, [0; 4], Shape::fixed(&[4]), &zeros),
            sample(1 << 31 | 1, [-1_542_899_678, 698_298_832, -1, 3], Shape::batched(&[2]), &others),
        ]
    }
}

/// Philox4x32-10 of Salmon, Moraes, Dror and Shaw, “Parallel random numbers: as easy as 1, 2, 3” (SC 2011): four words of a
/// counter, encrypted by two words of a key in ten rounds.
fn philox(counter: [u32; 4], key: [u32; 2]) -> [u32; 4] {
    let high_and_low = |a: u32, b: u32| {
        let product = u64::from(a) * u64::from(b);
        ((product >> 32) as u32, product as u32)
    };
    (0..10).fold(counter, |[a, b, c, d], round: u32| {
        let (high_a, low_a) = high_and_low(0xD251_1F53, a);
        let (high_c, low_c) = high_and_low(0xCD9E_8D57, c);
        let key_0 = key[0].wrapping_add(round.wrapping_mul(0x9E37_79B9));
        let key_1 = key[1].wrapping_add(round.wrapping_mul(0xBB67_AE85));
        [high_c ^ b ^ key_0, low_c, high_a ^ d ^ key_1, low_a]
    })
}
