//! What `network!` embeds is what the library makes of the same text when it runs, to the byte.

use dl::{Network, network};

network!(
    /// A named network.
    pub Named < dense(5, 7, gelu), residual(< inner: dense(7, 7, tanh) >), dense(7, 3, softmax) >,
    optimizer = adamw(lr = 0.01, weight_decay = 0.1)
);

/// Asserts that an embedded module is the one of its text.
fn assert_same(embedded: &Network) {
    let text = embedded.network().to_string();
    let parsed = Network::parse(&text).expect("canonical text is network text").build().expect("it compiles");
    let module = |net: &Network| net.module().expect("passes keep modules valid").to_string();
    assert_eq!(module(embedded), module(&parsed), "{text}");
}

#[test]
fn embedded_modules_are_those_of_their_text() {
    assert_same(&Named::new().expect("it compiles"));
    assert_same(&network!(< dense(784, 10, softmax) >).build().expect("it compiles"));
    assert_same(&network!(< dense(3, 4, elu), dense(4, 2, sigmoid) >).build().expect("it compiles"));
    let regression = network!(
        < input(2, 3), first: dense(3, 4, init = he_normal), flatten, leaky_relu, dense(8, 2, bias = false) >,
        loss = huber, optimizer = sgd(lr = 0.1, momentum = 0.9, nesterov = true)
    );
    assert_same(&regression.build().expect("it compiles"));
}

/// A network with other clauses is the one of the text with these clauses, module and all; the embedded module is left aside.
#[test]
fn clauses_can_be_replaced() {
    let written = network!(< dense(3, 4, elu), dense(4, 2, sigmoid) >, loss = mae, optimizer = sgd(lr = 0.5, momentum = 0.9));
    let replaced = network!(< dense(3, 4, elu), dense(4, 2, sigmoid) >)
        .loss("mae")
        .and_then(|builder| builder.optimizer("sgd(lr = 0.5, momentum = 0.9)"))
        .expect("clauses without mistakes");
    assert_eq!(replaced.network(), written.network());
    let module = |builder: dl::Builder| {
        builder.build().expect("it compiles").module().expect("passes keep modules valid").to_string()
    };
    assert_eq!(module(replaced), module(written));
    // A named network keeps its name, and its type.
    let named: Named = Named::builder().optimizer("adam").and_then(dl::Builder::build).expect("it compiles");
    assert_eq!(named.network().name(), Some("Named"));
    assert_eq!(named.network().optimizer().to_string(), "adam(lr = 0.001)");
}

/// The mistakes are those of network text.
#[test]
fn clauses_are_checked() {
    let builder = || network!(< dense(3, 2) >);
    let error = |result: dl::Result<dl::Builder>| result.expect_err("a mistake").to_string();
    assert!(error(builder().optimizer("adm(lr = 0.1)")).contains("`adm`"));
    assert!(error(builder().optimizer("adam(lr = -1)")).contains("lr"));
    assert!(error(builder().loss("cross_entropy")).contains("softmax"));
    for text in [
        "",
        "sgd(lr = 0.1), loss = mae",
        "sgd(lr = 0.1) >",
        "sgd(lr = 0.1",
        "\u{0}",
        "sgd(lr = 0.1), dense(2, 2)",
    ] {
        let error = builder().optimizer(text).expect_err(text);
        assert!(matches!(error, dl::Error::Network { .. }), "{text}: {error}");
    }
}

#[test]
fn networks_train_alike_from_the_macro_and_from_text() {
    let train = |mut net: Network| {
        let x = ndarray::Array2::from_shape_fn((6, 3), |(row, column)| (row as f32 - column as f32).sin());
        let y = ndarray::Array1::from_shape_fn(6, |row| row % 2);
        (0..5).map(|_| net.train_step(&x, &y).expect("finite").to_bits()).collect::<Vec<u32>>()
    };
    let embedded = network!(< dense(3, 5, silu), dense(5, 2, softmax) >).seed(9).build();
    let parsed =
        Network::parse("< dense(3, 5, silu), dense(5, 2, softmax) >").expect("a network").seed(9).build();
    assert_eq!(train(embedded.expect("it compiles")), train(parsed.expect("it compiles")));
}
