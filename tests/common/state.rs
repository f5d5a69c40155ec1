//! What a network holds, to compare to the bit.

use dl::Network;
use dl::tensor::{Data, Tensor};

/// The bits of all state: parameters, buffers, what the optimizer keeps.
#[derive(PartialEq, Debug)]
pub struct State(Vec<(String, Vec<u32>)>);

impl State {
    /// The state of a network.
    pub fn of(net: &Network) -> Self {
        let bits = |(name, tensor): (String, Tensor)| (name, words(tensor.into_data()));
        State(net.states().into_iter().map(bits).collect())
    }
}

/// The bits of numbers; all state is of words of 32 bits.
fn words(data: Data) -> Vec<u32> {
    match data {
        Data::F32(values) => values.into_iter().map(f32::to_bits).collect(),
        Data::I32(values) => values.into_iter().map(|value| value as u32).collect(),
        other => panic!("state of {}", other.type_name()),
    }
}

/// Two networks of the same text and seed.
pub fn twins(text: &str) -> [Network; 2] {
    let build = || Network::parse(text).expect("a network").seed(5).threads(1).build();
    [build().expect("dense networks compile"), build().expect("dense networks compile")]
}
