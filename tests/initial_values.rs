//! How parameters begin, by the layers that they belong to.

use dl::Network;

fn parameter(net: &Network, name: &str) -> Vec<f32> {
    net.parameter(name).expect("a parameter of the network").iter().copied().collect()
}

#[test]
fn recurrent_weights_are_orthogonal() {
    let text = "< input(3, 5), lstm(5, 4, init = zeros, return_sequences = true), gru(4, 3) >";
    let net = Network::parse(text).expect("a network").seed(3).build().expect("memory for it");
    assert!(parameter(&net, "lstm0.weight").iter().all(|&value| value == 0.0), "init sets the weight");
    for (name, width) in [("lstm0.recurrent_weight", 16), ("gru0.recurrent_weight", 9)] {
        let values = parameter(&net, name);
        let rows: Vec<&[f32]> = values.chunks(width).collect();
        for (i, a) in rows.iter().enumerate() {
            for (j, b) in rows.iter().enumerate() {
                let product: f32 = a.iter().zip(*b).map(|(a, b)| a * b).sum();
                let expected = if i == j { 1.0 } else { 0.0 };
                assert!(
                    (product - expected).abs() < 1e-6,
                    "{name}: rows {i} and {j} have the product {product}"
                );
            }
        }
    }
}

#[test]
fn lstms_begin_by_remembering() {
    let net =
        Network::parse("< input(3, 5), lstm(5, 2) >").expect("a network").build().expect("memory for it");
    assert_eq!(parameter(&net, "lstm0.bias"), [0.0, 0.0, 1.0, 1.0, 0.0, 0.0, 0.0, 0.0], "gates i, f, g, o");
}
