//! What the grammar takes and what it does not; how the macro gets networks and mistakes.

use std::str::FromStr;

use dl_ir::diagnostics::NetworkError;
use dl_ir::network::Network;
use proc_macro2::TokenStream;

const ACCEPTED: &[&str] = &[
    "< dense(1, 2) >",
    "<dense(1,2)>",
    "< dense(1, 2), >",
    "< dense(1, 2,) >,",
    "< dense(1, 2) >, loss = mse",
    "< dense(1, 2) >, loss = mse,",
    "< dense(1, 2) >, optimizer = sgd(lr = 1), loss = mae",
    "< dense(in = 1, out = 2) >",
    "< dense(1, out = 2, act = relu) >",
    "< dense(1_000, 2) >",
    "< in: dense(1, 2), type: relu, fn: relu >",
    "< dense: dense(1, 2), input: dense(2, 1) >",
    "< input(1), relu() >",
    "< input(1), residual(<relu>) >",
    "< input(1), residual(< residual(< relu, >), >) >",
    "Net < dense(1, 2) >",
    "pub Net < dense(1, 2) >",
    "pub(crate) Net < dense(1, 2) >",
    "/// Docs.\n#[derive(Debug)]\npub Net < dense(1, 2) >",
    "network! < dense(1, 2) >",
    "network!(< dense(1, 2) >)",
    "network!{ < dense(1, 2) > }",
    "network![Net < dense(1, 2) >];",
    "// comment\n< /* comment */ dense(1, // in\n 2) >",
    "\u{feff}< dense(1, 2) >",
    "network < dense(1, 2) >",
    "< dense(1, 2) >, optimizer = adam(lr = 1e-3)",
    "< dense(1, 2) >, optimizer = sgd(0.1)",
];

const REJECTED: &[&str] = &[
    "",
    "dense(1, 2)",
    "(dense(1, 2))",
    "< dense(1, 2)",
    "dense(1, 2) >",
    "< dense(1, 2) > >",
    "< , dense(1, 2) >",
    "< dense(1, 2),, >",
    "< dense(1, 2) >,,",
    "< dense(1,, 2) >",
    "< dense(1; 2) >",
    "< dense 1, 2 >",
    "< dense(1, 2); >",
    "< dense(+1, 2) >",
    "< dense(--1, 2) >",
    "< dense(1, 2u32) >",
    "< dense(1, 0x2) >",
    "< dense(1, b'2') >",
    "< dense((1), 2) >",
    "< dense(1, 2) >, mse",
    "< dense(1, 2) >, loss mse",
    "< dense(1, 2) >, loss == mse",
    "< dense(1, 2) > loss = mse",
    "< dense(1, 2), loss = mse >",
    "< a: b: dense(1, 2) >",
    "< a::dense(1, 2) >",
    "< r#a: dense(1, 2) >",
    "< \"a\": dense(1, 2) >",
    "< dense(1, 2)(3) >",
    "< dense!(1, 2) >",
    "< dense<1, 2> >",
    "pub < dense(1, 2) > extra",
    "network!(< dense(1, 2) > extra)",
    "network!(< dense(1, 2) >",
    "network!",
    "< dense(1, 2) >, optimizer = adam(lr = .1)",
    "< dense(1, 2) >, optimizer = adam(lr = true)",
    "< dense(1, 2) >, optimizer = 0.1",
];

#[test]
fn the_grammar_takes_these() {
    for text in ACCEPTED {
        if let Err(errors) = Network::parse(text) {
            panic!("{text:?}: {errors}");
        }
    }
}

#[test]
fn the_grammar_refuses_these() {
    for text in REJECTED {
        if let Ok(network) = Network::parse(text) {
            panic!("{text:?} is taken for {network}");
        }
    }
}

/// A slip is one mistake, whatever comes behind it.
#[test]
fn one_slip_is_one_mistake() {
    for text in [
        "< dense(1, 2; 3), dense(2, 3) >",
        "< dense(1 2), dense(2, 3) >",
        "< dense(1, 2) dense(2, 3), relu >",
        "< dense(1, 2), 7, dense(2, 3) >",
        "< dense[1, 2], dense(2, 3) >",
        "< dense(N, 2), relu, dense(2, 3) >",
        "< dense(1, N), relu, dense(2, 3) >",
        "< foo(1, 2), flatten, dense(2, 3) >",
        "< dense(1, 5), dense(2, 3), dense(3, 4) >",
        "< dense(1, 2), input(7), dense(7, 3) >",
        "< relu, tanh, flatten, dense(2, 3) >",
        "< dense(1, 2), residual(< dense(2, N) >), dense(2, 3) >",
        "< dense(1, N, softmax) >, loss = cross_entropy",
        "< dense(1, 2) >, loss = , optimizer = adam",
        "< dense(1, 2), loss = mse, optimizer = adam",
        "< dense(1, 2, softmax >, loss = mse",
        "< dense(1, 2), dense(2; 3), dense(3, 4) >",
        "< dense(1, 2) dense(2, 3), dense(3, 4) >",
        "< 5, flatten, relu, dense(2, 3) >",
        "network!{ < dense(1, 2) }",
    ] {
        let errors = Network::parse(text).expect_err(text);
        assert_eq!(errors.iter().count(), 1, "{text}:\n{errors}");
    }
}

#[test]
fn the_macro_gets_item_and_network() {
    let tokens = "/// Digits.\npub(crate) Digits < dense(784, 10, softmax) >";
    let item = Network::from_tokens(TokenStream::from_str(tokens).expect("tokens")).expect("no mistakes");
    assert_eq!(item.name.map(|name| name.text).as_deref(), Some("Digits"));
    assert_eq!(item.visibility.to_string(), "pub (crate)");
    assert!(item.attributes.to_string().contains("Digits."));
    assert_eq!(item.network.name(), Some("Digits"));
    assert_eq!(item.network, Network::parse(tokens).expect("no mistakes"));
}

#[test]
fn the_macro_reports_each_mistake_with_cause_and_help() {
    let tokens = TokenStream::from_str("< dense(1, 2), dense(3, 4u8), dens(4, 5) >").expect("tokens");
    let errors = Network::from_tokens(tokens).expect_err("two mistakes");
    let code = errors.to_compile_errors().map(|error| error.to_string()).collect::<String>();
    assert_eq!(code.matches("compile_error").count(), 2, "{code}");
    assert!(code.contains("help: write `4`"), "{code}");

    let tokens = TokenStream::from_str("< dense(1, 2), dense(3, 4) >").expect("tokens");
    let errors = Network::from_tokens(tokens).expect_err("one mistake");
    assert!(matches!(
        errors.iter().next().expect("one").error,
        NetworkError::Features { expected: 3, found: 2, .. }
    ));
    let code = errors.to_compile_errors().map(|error| error.to_string()).collect::<String>();
    assert!(
        code.contains("but the layer before gives 2") && code.contains("note: `dense` gives the shape [2]"),
        "{code}"
    );
}

#[test]
fn mistakes_are_errors_that_travel() {
    fn travels<E: std::error::Error + Send + Sync + 'static>(_: &E) {}
    travels(&Network::parse("").expect_err("no network"));
    fn is_send<T: Send + Sync>(_: &T) {}
    is_send(&Network::parse("< dense(1, 2) >").expect("no mistakes"));
}
