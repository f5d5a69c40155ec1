//! A text as a sequence of characters to be predicted one after the other.

use std::error::Error;
use std::ops::Range;
use std::path::Path;

use dl::Network;
use dl::random::Stream;
use ndarray::{Array2, s};

/// Part of the text that is kept for the test: its last tenth.
const TEST: usize = 10;
/// Below 1, likely characters become likelier.
const TEMPERATURE: f32 = 0.7;

/// A text whose characters are tokens: their places in the alphabet.
pub struct Text {
    alphabet: Vec<char>,
    tokens: Vec<i32>,
}

impl Text {
    /// The text of a file in `examples/data`, which has so many different characters.
    pub fn open(file: &str, vocabulary: usize) -> Result<Self, Box<dyn Error>> {
        let text =
            std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/data").join(file))?;
        let mut alphabet: Vec<char> = text.chars().collect();
        alphabet.sort_unstable();
        alphabet.dedup();
        if alphabet.len() != vocabulary {
            return Err(format!("{file} has {} characters, not {vocabulary}", alphabet.len()).into());
        }
        let token = |c| alphabet.binary_search(&c).map_or(0, |index| index as i32);
        let tokens = text.chars().map(token).collect();
        Ok(Text { alphabet, tokens })
    }

    /// As many windows of `len` characters, anywhere in the text but in the test part; and the characters that follow each of theirs.
    pub fn batch(&self, windows: usize, len: usize, step: u64) -> (Array2<i32>, Array2<i32>) {
        let random = Stream::new(1, 0, step);
        let n_starts = (self.test_part().start - len) as f32;
        let starts: Vec<usize> =
            (0..windows as u64).map(|i| (random.uniform(i) * n_starts) as usize).collect();
        self.windows(&starts, len)
    }

    /// How well a network does on the test part, in windows one after the other.
    pub fn test(&self, net: &mut Network, len: usize) -> Result<String, Box<dyn Error>> {
        let starts: Vec<usize> =
            self.test_part().step_by(len).filter(|start| start + len < self.tokens.len()).collect();
        let (x, y) = self.windows(&starts, len);
        let test = net.evaluate(&x, &y)?;
        let accuracy = 100.0 * test.accuracy.ok_or("cross_entropy knows right and wrong")?;
        Ok(format!("test loss {:.3}, {accuracy:.1} % of the next characters right", test.loss))
    }

    fn test_part(&self) -> Range<usize> {
        self.tokens.len() - self.tokens.len() / TEST..self.tokens.len()
    }

    fn windows(&self, starts: &[usize], len: usize) -> (Array2<i32>, Array2<i32>) {
        let at = |offset: usize| {
            Array2::from_shape_fn((starts.len(), len), |(row, col)| self.tokens[starts[row] + col + offset])
        };
        (at(0), at(1))
    }

    /// What a network writes after the first `len` characters of the test part: each character drawn by the probabilities that it
    /// gives to what follows the last `len`.
    pub fn sample(&self, net: &mut Network, len: usize, written: usize) -> dl::Result<String> {
        let random = Stream::new(1, 1, net.steps());
        let mut tokens = self.tokens[self.test_part()][..len].to_vec();
        for index in 0..written {
            let window = Array2::from_shape_fn((1, len), |(_, col)| tokens[tokens.len() - len + col]);
            let output = net.predict(&window)?;
            let probabilities = output.slice(s![0, -1, ..]);
            let weights: Vec<f32> = probabilities.iter().map(|p| p.powf(1.0 / TEMPERATURE)).collect();
            let mut left = random.uniform(index as u64) * weights.iter().sum::<f32>();
            let chosen = weights.iter().position(|weight| {
                left -= weight;
                left < 0.0
            });
            tokens.push(chosen.unwrap_or(0) as i32);
        }
        Ok(tokens[len..].iter().map(|&token| self.alphabet[token as usize]).collect())
    }
}
