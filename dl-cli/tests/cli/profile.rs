//! `dlc profile`: what does not depend on the clock.

use serde_json::Value;

use crate::folder::Folder;

const NET: &str = "< dense(5, 3, tanh), dense(3, 2, softmax) >, optimizer = sgd(lr = 0.1)";

fn profile(function: &str, threads: &str) -> Value {
    let args = ["profile", NET, "--function", function, "--threads", threads];
    let brief = ["--batch", "7", "--lanes", "4", "--seconds", "0", "--json"];
    Folder::new().dlc(&[&args[..], &brief].concat()).json()
}

fn launches(profile: &Value) -> &[Value] {
    profile["launches"].as_array().expect("a list")
}

#[test]
fn launches_are_told_in_words() {
    let profile = profile("predict", "1");
    let first = &launches(&profile)[0];
    assert_eq!(first["what"], "product 7×5 · 5×3: add, tanh");
    assert_eq!(first["parameters"], serde_json::json!(["dense0.weight", "dense0.bias"]));
    assert_eq!((&first["flops"], &first["threads"]), (&(7 * 3 * (2 * 5 + 2)).into(), &1.into()));
    assert!(first["updates"].as_array().expect("a list").is_empty(), "{first}");
}

#[test]
fn a_step_updates_every_parameter_once() {
    let profile = profile("train_step", "2");
    let updates = launches(&profile).iter().flat_map(|launch| launch["updates"].as_array().expect("a list"));
    let mut updates: Vec<&str> = updates.map(|name| name.as_str().expect("a name")).collect();
    updates.sort_unstable();
    assert_eq!(updates, ["dense0.bias", "dense0.weight", "dense1.bias", "dense1.weight"]);
    // Shares are of all launches, and each is set against what its threads can do.
    let shares: f64 =
        launches(&profile).iter().map(|launch| launch["share"].as_f64().expect("a number")).sum();
    assert!((shares - 1.0).abs() < 0.01, "{shares}");
    let limits = profile["limits"].as_array().expect("a list");
    for launch in launches(&profile) {
        assert!(limits.iter().any(|limit| limit["threads"] == launch["threads"]), "{launch}");
    }
    assert!(limits.iter().all(|limit| limit["gflops"].is_f64()), "{profile}");
}

#[test]
fn tables_are_for_people() {
    let text = Folder::new().dlc(&["profile", NET, "--seconds", "0", "--threads", "1"]).ok();
    assert!(text.starts_with("train_step, batch of 32, "), "{text}");
    assert!(text.contains("updates dense0.weight") && text.contains("1 thread "), "{text}");
}
