//! Finds what repeats in a sequence, so that it is drawn once.

/// The longest stretch that is looked for.
const MAX_PERIOD: usize = 256;

/// A part of a sequence.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Part {
    /// One item, by its position.
    One(usize),
    /// A stretch that comes several times in a row: its first time, which may have repetitions of its own.
    Repeated {
        /// The position of its first item.
        start: usize,
        /// How often.
        count: usize,
        /// The length of the stretch.
        period: usize,
        /// What it is made of.
        parts: Vec<Part>,
    },
}

/// The parts of a sequence. Of all repetitions that begin at an item that is taken which covers most, and of those the shortest.
pub fn fold<T: PartialEq>(items: &[T]) -> Vec<Part> {
    fold_from(items, 0)
}

fn fold_from<T: PartialEq>(items: &[T], offset: usize) -> Vec<Part> {
    let (mut parts, mut at) = (Vec::new(), 0);
    while at < items.len() {
        let rest = &items[at..];
        match best(rest) {
            Some((period, count)) => {
                let (start, inside) = (offset + at, fold_from(&rest[..period], offset + at));
                parts.push(Part::Repeated { start, count, period, parts: inside });
                at += period * count;
            }
            None => {
                parts.push(Part::One(offset + at));
                at += 1;
            }
        }
    }
    parts
}

/// The period and the count of the repetition at the beginning of a sequence, if there is one.
fn best<T: PartialEq>(items: &[T]) -> Option<(usize, usize)> {
    let periods = 1..=MAX_PERIOD.min(items.len() / 2);
    let repetitions = periods.map(|period| {
        let same = items.iter().zip(&items[period..]).take_while(|(item, later)| item == later).count();
        (period, 1 + same / period)
    });
    let repeated = repetitions.filter(|&(_, count)| count > 1);
    repeated.max_by_key(|&(period, count)| (period * count, std::cmp::Reverse(period)))
}

#[cfg(test)]
mod tests {
    use super::Part::{self, One};
    use super::*;

    fn repeated(start: usize, count: usize, period: usize, parts: Vec<Part>) -> Part {
        Part::Repeated { start, count, period, parts }
    }

    #[test]
    fn what_repeats_is_there_once() {
        assert_eq!(fold(b"abc"), [One(0), One(1), One(2)]);
        assert_eq!(fold(b"xababab"), [One(0), repeated(1, 3, 2, vec![One(1), One(2)])]);
        assert_eq!(fold(b"aaaa"), [repeated(0, 4, 1, vec![One(0)])]);
        assert_eq!(fold::<u8>(&[]), []);
    }

    #[test]
    fn repetitions_have_repetitions_inside() {
        let inner = repeated(0, 2, 1, vec![One(0)]);
        assert_eq!(fold(b"aabaabc"), [repeated(0, 2, 3, vec![inner, One(2)]), One(6)]);
    }
}
