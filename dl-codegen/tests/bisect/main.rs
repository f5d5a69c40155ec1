//! Wrong rules, put one at a time into the stages of code generation: each is found and named, and the case it leaves shows it again.

mod rules;

use std::sync::Arc;

use dl_codegen::bisect::{Culprit, Fault, SEED, first_wrong};
use dl_codegen::jit::missing_features;
use dl_codegen::stages::{STAGES, Stages};
use dl_codegen::vector::Lanes;
use dl_ir::bisect::made_up::made_up;
use dl_ir::module::Module;
use dl_ir::network::Network;
use dl_ir::origin::Origin;
use dl_ir::{build, passes, text};

use rules::{RULES, Rule};

const BATCH: usize = 3;

/// A network, optimised, with these functions only.
fn module(text: &str, functions: &[&str]) -> Module {
    let network = Network::parse(text).unwrap();
    let mut module = build::module(&network, &network.target_types()[0]);
    module.functions.retain(|function| functions.contains(&function.name.as_str()));
    passes::optimize(module, |_, _| ()).unwrap()
}

/// Every width that this CPU has.
fn widths() -> Vec<Lanes> {
    let is_there = |lanes: &Lanes| missing_features(*lanes).is_empty();
    [Lanes::L4, Lanes::L8, Lanes::L16].into_iter().filter(is_there).collect()
}

fn bisect(stages: Stages, module: &Module, widths: &[Lanes]) -> Option<Fault> {
    first_wrong(stages, module, &made_up(module, BATCH, SEED), BATCH, widths)
}

#[test]
fn the_stages_are_right() {
    for text in [
        "< dense(7, 9, tanh), dense(9, 4, softmax) >",
        "< input(6, 6, 1), conv2d(1, 3, 3, relu), max_pool2d(2), flatten, dense(12, 3, softmax) >",
        "< input(4, 3), lstm(3, 5, return_sequences = true), gru(5, 2), dense(2, 2, softmax) >",
        "< input(3), embedding(9, 6), dropout(0.3), layer_norm(6), flatten, dense(18, 2) >, optimizer = sgd(lr = 0.1)",
        "< input(5, 6), attention(6, 2, causal = true), batch_norm(6), flatten, dense(30, 2) >, optimizer = adam",
    ] {
        let module = module(text, &["train_step", "predict", "vjp", "apply_gradients"]);
        let fault = bisect(STAGES, &module, &widths());
        assert!(fault.is_none(), "{text}: {fault:#?}");
    }
}

/// Finds what a rule breaks, and that its case shows the same.
fn check(rule: &Rule) -> Fault {
    let module = module(rule.network, &["train_step"]);
    let fault =
        bisect(rule.stages, &module, &rule.widths()).unwrap_or_else(|| panic!("`{}` is not seen", rule.name));
    assert_eq!(fault.culprit, rule.culprit, "{}: {}", rule.name, fault.symptom);
    assert!(fault.symptom.to_string().contains(rule.says), "{}: {}", rule.name, fault.symptom);
    let text = fault.case.to_string();
    let case = text::parse(&text).unwrap_or_else(|error| panic!("{}: {error}\n{text}", rule.name));
    let again = bisect(rule.stages, &case, &rule.widths());
    let again = again.unwrap_or_else(|| panic!("`{}` is not seen in its case:\n{text}", rule.name));
    assert_eq!(again.culprit, rule.culprit, "{}: {}", rule.name, again.symptom);
    fault
}

#[test]
fn each_wrong_rule_is_named_and_shown() {
    for rule in RULES.iter().filter(|rule| rule.widths().iter().all(|lanes| widths().contains(lanes))) {
        let fault = check(rule);
        let n_nodes = fault.case.functions[0].graph.n_nodes();
        assert!(n_nodes <= rule.most_nodes, "{}: {n_nodes} nodes\n{}", rule.name, fault.case);
        // A kernel is named with the layers that it is of.
        let is_of_kernel = matches!(fault.culprit, Culprit::Kernel | Culprit::Code | Culprit::Schedule);
        let is_of_layer = |(_, origin): &(String, Option<Arc<Origin>>)| origin.is_some();
        assert!(!is_of_kernel || fault.nodes.iter().any(is_of_layer), "{}: {:?}", rule.name, fault.nodes);
    }
}
