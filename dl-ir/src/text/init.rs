//! First values and roles of states as text: `parameter glorot_uniform(784, 128)`.

use crate::module::{Init, StateRole};

/// All roles.
pub(super) const ROLES: [StateRole; 5] =
    [StateRole::Parameter, StateRole::Buffer, StateRole::Optimizer, StateRole::Hyper, StateRole::Random];

/// A role's name.
pub(super) fn role_name(role: StateRole) -> &'static str {
    match role {
        StateRole::Parameter => "parameter",
        StateRole::Buffer => "buffer",
        StateRole::Optimizer => "optimizer",
        StateRole::Hyper => "hyper",
        StateRole::Random => "random",
    }
}

/// The names of all first values.
pub(super) const INITS: [&str; 9] = [
    "constant",
    "glorot_normal",
    "glorot_uniform",
    "he_normal",
    "he_uniform",
    "lstm_bias",
    "orthogonal",
    "seed",
    "uniform",
];

/// A first value's name and arguments; [`parse_init`] is the inverse.
pub(super) fn show_init(init: Init) -> (&'static str, Vec<String>) {
    let integers = |args: &[usize]| args.iter().map(usize::to_string).collect();
    match init {
        Init::Constant(value) => ("constant", vec![format!("{value:?}")]),
        Init::GlorotNormal { fan_in, fan_out } => ("glorot_normal", integers(&[fan_in, fan_out])),
        Init::GlorotUniform { fan_in, fan_out } => ("glorot_uniform", integers(&[fan_in, fan_out])),
        Init::HeNormal { fan_in } => ("he_normal", integers(&[fan_in])),
        Init::HeUniform { fan_in } => ("he_uniform", integers(&[fan_in])),
        Init::LstmBias => ("lstm_bias", Vec::new()),
        Init::Orthogonal => ("orthogonal", Vec::new()),
        Init::Seed { word } => ("seed", integers(&[word])),
        Init::Uniform { limit } => ("uniform", vec![format!("{limit:?}")]),
    }
}

/// The first value of this name with these arguments, if there is one.
pub(super) fn parse_init(name: &str, args: &[&str]) -> Option<Init> {
    match (name, args) {
        ("constant", [value]) => return value.parse().ok().map(Init::Constant),
        ("uniform", [limit]) => return limit.parse().ok().map(|limit| Init::Uniform { limit }),
        _ => {}
    }
    let args: Vec<usize> = args.iter().map(|text| text.parse().ok()).collect::<Option<_>>()?;
    match (name, &args[..]) {
        ("glorot_normal", &[fan_in, fan_out]) => Some(Init::GlorotNormal { fan_in, fan_out }),
        ("glorot_uniform", &[fan_in, fan_out]) => Some(Init::GlorotUniform { fan_in, fan_out }),
        ("he_normal", &[fan_in]) => Some(Init::HeNormal { fan_in }),
        ("he_uniform", &[fan_in]) => Some(Init::HeUniform { fan_in }),
        ("lstm_bias", []) => Some(Init::LstmBias),
        ("orthogonal", []) => Some(Init::Orthogonal),
        ("seed", &[word @ 0..2]) => Some(Init::Seed { word }),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shown_values_parse_back() {
        let (fan_in, fan_out) = (784, 128);
        let inits = [
            Init::Constant(-0.05),
            Init::GlorotNormal { fan_in, fan_out },
            Init::GlorotUniform { fan_in, fan_out },
            Init::HeNormal { fan_in },
            Init::HeUniform { fan_in },
            Init::LstmBias,
            Init::Orthogonal,
            Init::Seed { word: 1 },
            Init::Uniform { limit: 0.05 },
        ];
        assert_eq!(inits.map(|init| show_init(init).0), INITS);
        for init in inits {
            let (name, args) = show_init(init);
            let args: Vec<&str> = args.iter().map(String::as_str).collect();
            assert_eq!(parse_init(name, &args), Some(init));
        }
    }

    #[test]
    fn wrong_arguments_are_refused() {
        for (name, args) in
            [("constant", &[][..]), ("he_normal", &["1.5"]), ("glorot_uniform", &["1"]), ("seed", &["2"])]
        {
            assert_eq!(parse_init(name, args), None, "{name}({args:?})");
        }
    }
}
