//! The known name that was most likely meant.

use crate::closest::closest;

/// What other frameworks say, and what is said here.
const OTHER_NAMES: &[(&str, &str)] = &[
    ("activation", "act"),
    ("bce", "binary_cross_entropy"),
    ("categorical_crossentropy", "cross_entropy"),
    ("decay", "weight_decay"),
    ("epsilon", "eps"),
    ("fc", "dense"),
    ("fully_connected", "dense"),
    ("in_features", "in"),
    ("kernel_initializer", "init"),
    ("l1", "mae"),
    ("l2", "mse"),
    ("learning_rate", "lr"),
    ("logistic", "sigmoid"),
    ("out_features", "out"),
    ("sparse_categorical_crossentropy", "cross_entropy"),
    ("swish", "silu"),
    ("units", "out"),
    ("xavier_normal", "glorot_normal"),
    ("xavier_uniform", "glorot_uniform"),
];

/// The name in `known` that `found` most likely stands for: another framework's, or one with a slip.
pub(crate) fn suggest(found: &str, known: &[&'static str]) -> Option<&'static str> {
    let found = found.to_lowercase();
    let elsewhere = OTHER_NAMES.iter().find(|(other, here)| *other == found && known.contains(here));
    elsewhere.map(|(_, here)| *here).or_else(|| closest(&found, known.iter().copied()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slips_and_names_from_elsewhere_are_understood() {
        let known = ["dense", "relu", "leaky_relu", "silu"];
        for (found, meant) in [
            ("Dense", "dense"),
            ("ReLU", "relu"),
            ("LeakyReLU", "leaky_relu"),
            ("swish", "silu"),
            ("fc", "dense"),
        ] {
            assert_eq!(suggest(found, &known), Some(meant), "{found}");
        }
        assert_eq!(suggest("transformer", &known), None);
        assert_eq!(suggest("fc", &["relu"]), None);
    }
}
