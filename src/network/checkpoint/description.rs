//! What a checkpoint says besides its tensors.

use std::fmt;

use crate::network::training::rounded;

/// Lines of `key = value`, the network last.
#[derive(Clone, PartialEq, Debug)]
pub(super) struct Description {
    /// The updates of parameters so far.
    pub(super) steps: u64,
    /// What everything random came from.
    pub(super) seed: u64,
    /// As the user set it: more digits than the step uses.
    pub(super) learning_rate: f64,
    /// The canonical text.
    pub(super) network: String,
}

impl fmt::Display for Description {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Description { steps, seed, learning_rate, network } = self;
        write!(f, "steps = {steps}\nseed = {seed}\nlearning_rate = {learning_rate}\nnetwork = {network}")
    }
}

impl Description {
    /// `None` if a line is missing, or its value is not one that a network can have.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let (steps, rest) = value(text, "steps")?;
        let (seed, rest) = value(rest, "seed")?;
        let (learning_rate, rest) = value(rest, "learning_rate")?;
        let (steps, seed) = (steps.parse().ok()?, seed.parse().ok()?);
        let learning_rate = learning_rate.parse().ok()?;
        rounded(learning_rate)?;
        let network = rest.strip_prefix("network = ")?.to_owned();
        Some(Description { steps, seed, learning_rate, network })
    }
}

/// The value of the first line, which has this key, and the lines behind it.
fn value<'t>(text: &'t str, key: &str) -> Option<(&'t str, &'t str)> {
    text.strip_prefix(key)?.strip_prefix(" = ")?.split_once('\n')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_description_is_read_as_it_was_written() {
        let network = "< dense(1, 2) >".to_owned();
        let description = Description { steps: u64::MAX, seed: 7, learning_rate: 0.1 * 0.95 * 0.95, network };
        assert_eq!(Description::parse(&description.to_string()), Some(description));
    }

    #[test]
    fn what_no_network_has_is_refused() {
        let good = "steps = 1\nseed = 2\nlearning_rate = 0.5\nnetwork = < dense(1, 2) >";
        assert!(Description::parse(good).is_some());
        for (part, wrong) in [
            ("steps = 1", "steps = -1"),
            ("steps", "epochs"),
            ("seed = 2\n", ""),
            ("0.5", "NaN"),
            ("0.5", "-0.5"),
            ("0.5", "1e300"),
            ("0.5", "half"),
        ] {
            assert_eq!(Description::parse(&good.replace(part, wrong)), None, "{wrong}");
        }
    }
}
