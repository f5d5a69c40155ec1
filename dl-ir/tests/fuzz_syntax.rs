//! Whatever the text, the parser returns, and what it returns can be shown.

use arbtest::arbitrary::{Result, Unstructured};
use arbtest::arbtest;
use dl_ir::network::Network;

/// Words and signs of the language, and some that do not belong.
const PIECES: &[&str] = &[
    "<",
    ">",
    "(",
    ")",
    "[",
    "]",
    "{",
    "}",
    ",",
    ":",
    "=",
    "-",
    ".",
    ";",
    "::",
    "#",
    "!",
    "'",
    "\"",
    "//",
    "\n",
    "/*",
    "dense",
    "input",
    "flatten",
    "reshape",
    "residual",
    "relu",
    "softmax",
    "tanh",
    "network",
    "pub",
    "Digits",
    "loss",
    "optimizer",
    "adam",
    "sgd",
    "lr",
    "bias",
    "true",
    "false",
    "mse",
    "cross_entropy",
    "r#in",
    "in",
    "×",
    "\u{feff}",
    "0",
    "1",
    "3",
    "784",
    "0.5",
    "1e-3",
    "1e400",
    "784usize",
    "2147483648",
    "9223372036854775807",
    "0x10",
    "60000",
];

const VALID: &[&str] = &[
    "network!(pub Digits < dense(784, 128, relu), out: dense(128, 10, softmax) >, optimizer = sgd(lr = 0.1))",
    "< input(4, 3), residual(< dense(3, 3, tanh, bias = false), relu >), flatten, dense(12, 1, sigmoid) >,",
    "// two\nA < dense(1, 2) >, loss = mae\n/// b\nnetwork!{ B < reshape(2, 2) > }",
];

/// Shows all that a text leads to: its canonical text, which must parse again, or its mistakes.
fn show(text: &str) {
    match Network::parse(text) {
        Ok(network) => assert_eq!(Network::parse(&network.to_string()).as_ref(), Ok(&network), "{text}"),
        Err(errors) => assert!(!errors.render("net.dl", text).is_empty()),
    }
}

/// Checks a property on random bytes of fixed seeds.
fn for_seeds(n: u64, n_bytes: u64, property: impl Fn(&mut Unstructured<'_>) -> Result<()>) {
    for seed in 0..n {
        // arbtest takes the number of random bytes from the lower half.
        arbtest(&property).seed(seed << 32 | n_bytes).run();
    }
}

#[test]
fn random_words_are_refused_politely() {
    for_seeds(300, 200, |u| {
        let pieces = u.arbitrary_iter::<u16>()?.map(|index| Ok(PIECES[index? as usize % PIECES.len()]));
        let pieces: Vec<&str> = pieces.collect::<Result<_>>()?;
        show(&pieces.join(" "));
        show(&pieces.concat());
        Ok(())
    });
}

#[test]
fn random_characters_are_refused_politely() {
    for_seeds(300, 100, |u| {
        let text: String = u.arbitrary()?;
        show(&text);
        Ok(())
    });
}

/// A valid text with one to four pieces removed, repeated or replaced.
fn mutated(u: &mut Unstructured<'_>) -> Result<String> {
    let mut text = (*u.choose(VALID)?).to_owned();
    for _ in 0..u.int_in_range(1..=4)? {
        let at = text.floor_char_boundary(u.int_in_range(0..=text.len())?);
        let end = text.floor_char_boundary((at + u.int_in_range(0..=6)?).min(text.len())).max(at);
        let replacement = match u.int_in_range(0..=2)? {
            0 => String::new(),
            1 => text[at..end].repeat(2),
            _ => (*u.choose(PIECES)?).to_owned(),
        };
        text.replace_range(at..end, &replacement);
    }
    Ok(text)
}

#[test]
fn slips_in_valid_networks_are_refused_politely() {
    for_seeds(2000, 64, |u| {
        let text = mutated(u)?;
        show(&text);
        Ok(())
    });
}

/// A network's text cut off anywhere, or with one character of another kind anywhere.
#[test]
fn every_character_may_be_wrong() {
    for text in VALID {
        for at in 0..text.len() {
            show(&text[..at]);
            for bit in 0..7 {
                let mut damaged = text.as_bytes().to_vec();
                damaged[at] ^= 1 << bit;
                show(std::str::from_utf8(&damaged).expect("ASCII with another bit"));
            }
        }
    }
}

#[test]
fn deep_nesting_is_refused() {
    for open in ["(", "[", "{", "<", "< residual(", "(<", "< dense(1, 1), residual(< a: "] {
        let text = open.repeat(20_000);
        show(&text);
    }
    let nested = |depth| format!("< input(1), {} relu {} >", "residual(<".repeat(depth), ">)".repeat(depth));
    assert!(Network::parse(&nested(20)).is_ok());
    assert!(Network::parse(&nested(200)).is_err());
    let parentheses = format!("{}{}", "(".repeat(300_000), ")".repeat(300_000));
    assert!(Network::parse(&parentheses).is_err());
}

#[test]
fn long_texts_are_refused() {
    let long = "x".repeat(2 << 20);
    let shown = Network::parse(&long).expect_err("too long").render("net.dl", &long);
    assert!(shown.starts_with("error: the network text has more than 1048576 bytes\n"), "{shown}");
    assert!(shown.len() < 1000, "shown in part: {} bytes", shown.len());
    let many = format!("< input(1), {} >", "relu,".repeat(150_000));
    assert!(Network::parse(&many).is_err());
}

#[test]
fn ten_thousand_layers_are_a_network() {
    let text = format!("< {} dense(8, 1) >", "dense(8, 8, relu), ".repeat(10_000));
    let network = Network::parse(&text).expect("no mistakes");
    assert_eq!(network.layers().len(), 10_001);
    assert_eq!(network.n_parameters(), 10_000 * 72 + 9);
}
