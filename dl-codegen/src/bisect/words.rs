//! Tensors as the 32-bit words of their buffers.

use dl_ir::types::{DType, TensorType};
use dl_ir::value::Value;
use dl_runtime::layout::{pack, packed_len, unpack};
use dl_runtime::program::{ALIGNMENT, Element, Layout};

use crate::layout::layout;
use crate::target::Target;

/// What is in memory that nobody has written: a NaN.
pub const POISON: u32 = 0x7fc0_dead;

/// Buffers may be read and written up to a whole number of the widest vectors.
pub const GRANULE: usize = ALIGNMENT / 4;

/// So many words that nobody has written, up to a whole number of vectors.
pub fn unwritten(len: usize) -> Vec<u32> {
    vec![POISON; len.next_multiple_of(GRANULE)]
}

/// A tensor as it lies in its buffer, which ends in words that nobody has written.
pub fn of_value(value: &Value, ty: &TensorType, target: Target) -> Vec<u32> {
    let plain: Vec<i32> = value.data.iter().map(|&element| word(element, ty.dtype)).collect();
    let packed = match ty.shape.as_fixed() {
        Some(shape) => {
            let layout = layout(ty, target);
            let mut packed = vec![0; packed_len(layout, &shape).unwrap_or(0)];
            pack(layout, &shape, &plain, &mut packed);
            packed
        }
        None => plain,
    };
    let mut words: Vec<u32> = packed.into_iter().map(|word| word as u32).collect();
    words.resize(words.len().next_multiple_of(GRANULE), POISON);
    words
}

/// The tensor that lies in a buffer.
pub fn to_value(words: &[u32], ty: &TensorType, batch: usize, target: Target) -> Value {
    let shape = ty.shape.at(batch);
    let mut plain = vec![0; shape.iter().product()];
    match ty.shape.as_fixed() {
        Some(shape) => {
            let layout = layout(ty, target);
            let len = packed_len(layout, &shape).unwrap_or(0);
            let packed: Vec<i32> = words[..len].iter().map(|&word| word as i32).collect();
            unpack(layout, &shape, &packed, &mut plain);
        }
        None => plain.iter_mut().zip(words).for_each(|(to, &word)| *to = word as i32),
    }
    let element = |&word: &i32| match ty.dtype {
        DType::F32 => f64::from(f32::from_bits(word as u32)),
        _ => f64::from(word),
    };
    Value::new(ty.dtype, shape, plain.iter().map(element).collect())
}

fn word(element: f64, dtype: DType) -> i32 {
    match dtype {
        DType::F32 => (element as f32).to_bits() as i32,
        _ => element as i32,
    }
}

/// Whether two words are the same: to the bit, but which NaN a value is is left to the machine.
pub fn is_same(element: Element, a: u32, b: u32) -> bool {
    let is_nan = |word| element == Element::F32 && f32::from_bits(word).is_nan();
    a == b || (is_nan(a) && is_nan(b))
}

/// Which words of a matrix in panels are its elements.
pub fn used(layout: Layout, shape: &[usize]) -> Vec<bool> {
    let mut packed = vec![0; packed_len(layout, shape).unwrap_or(0)];
    pack(layout, shape, &vec![1i32; shape.iter().product()], &mut packed);
    packed.into_iter().map(|word| word == 1).collect()
}

/// A word for people.
pub fn shown(element: Element, word: u32) -> String {
    match element {
        Element::F32 => format!("{:e}", f32::from_bits(word)),
        Element::I32 => (word as i32).to_string(),
    }
}
