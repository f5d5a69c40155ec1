//! How weights begin: the argument `init` of layers that have weights.

use crate::arguments::{ArgKind, ArgSpec, Setting};
use crate::module::Init;

/// The names that `init` takes.
pub(crate) const INITIALIZERS: [&str; 5] =
    ["glorot_uniform", "glorot_normal", "he_uniform", "he_normal", "zeros"];

/// The argument of layers with weights.
pub(super) const ARGUMENT: ArgSpec = ArgSpec {
    name: "init",
    kind: ArgKind::Initializer,
    positional: false,
    default: Some(Setting::Word(INITIALIZERS[0])),
    meaning: "how the weights begin",
};

/// What the name means for a weight whose units have so many inputs and outputs.
pub(super) fn weight_init(name: &str, fan_in: usize, fan_out: usize) -> Init {
    match name {
        "glorot_uniform" => Init::GlorotUniform { fan_in, fan_out },
        "glorot_normal" => Init::GlorotNormal { fan_in, fan_out },
        "he_uniform" => Init::HeUniform { fan_in },
        "he_normal" => Init::HeNormal { fan_in },
        "zeros" => Init::Constant(0.0),
        other => unreachable!("`{other}` is not one of INITIALIZERS"),
    }
}
