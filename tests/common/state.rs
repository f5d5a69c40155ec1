//! What a network holds, to compare to the bit.

use dl::Network;

/// The bits of all parameters.
#[derive(PartialEq, Debug)]
pub struct State(Vec<(String, Vec<u32>)>);

impl State {
    /// The parameters of a network.
    pub fn of(net: &Network) -> Self {
        let bits = |(name, values): (String, ndarray::ArrayD<f32>)| {
            (name, values.iter().map(|value| value.to_bits()).collect())
        };
        State(net.parameters().into_iter().map(bits).collect())
    }
}

/// Two networks of the same text and seed.
pub fn twins(text: &str) -> [Network; 2] {
    let build = || Network::parse(text).expect("a network").seed(5).threads(1).build();
    [build().expect("dense networks compile"), build().expect("dense networks compile")]
}
