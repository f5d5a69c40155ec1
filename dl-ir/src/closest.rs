//! The name that was probably meant.

/// The candidate nearest to `name`, if it is near enough for a typing error.
pub fn closest<'a>(name: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    const LONGEST: usize = 64;
    if name.len() > LONGEST {
        return None;
    }
    let by_distance = candidates.into_iter().map(|candidate| (distance(name, candidate), candidate));
    let (distance, nearest) = by_distance.min()?;
    (distance <= name.len().min(nearest.len()) / 3 + 1).then_some(nearest)
}

/// The number of single-character changes between two words (Levenshtein, 1966).
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, from) in a.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, &to) in b.iter().enumerate() {
            let changed = diagonal + usize::from(from != to);
            diagonal = row[j + 1];
            row[j + 1] = changed.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distances() {
        assert_eq!(distance("kitten", "sitting"), 3);
        assert_eq!(distance("", "abc"), 3);
        assert_eq!(distance("same", "same"), 0);
    }

    #[test]
    fn near_names_only() {
        assert_eq!(closest("ad", ["mul", "add", "exp"]), Some("add"));
        assert_eq!(closest("reduce_sun", ["reduce_max", "reduce_sum"]), Some("reduce_sum"));
        assert_eq!(closest("convolution", ["mul", "add"]), None);
    }
}
