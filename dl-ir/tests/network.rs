//! Networks from text: defaults, names, shapes, canonical text.

use dl_ir::build;
use dl_ir::module::{Function, StateRole};
use dl_ir::network::Network;
use dl_ir::ops::Op;

fn parse(text: &str) -> Network {
    Network::parse(text).unwrap_or_else(|errors| panic!("{text}: {errors}"))
}

/// The loss and the optimizer as canonical text gives them.
fn clauses(text: &str) -> (String, String) {
    let network = parse(text);
    (network.loss().name().to_owned(), network.optimizer().to_string())
}

#[test]
fn the_loss_follows_from_the_last_layer() {
    let loss = |layers: &str| parse(layers).loss().name();
    assert_eq!(loss("< dense(4, 3, softmax) >"), "cross_entropy");
    assert_eq!(loss("< dense(4, 3), softmax >"), "cross_entropy");
    assert_eq!(loss("< dense(4, 1, sigmoid) >"), "binary_cross_entropy");
    assert_eq!(loss("< dense(4, 1), sigmoid >"), "binary_cross_entropy");
    assert_eq!(loss("< dense(4, 1) >"), "mse");
    assert_eq!(loss("< dense(4, 3, softmax), linear >"), "mse");
    assert_eq!(loss("< dense(4, 3, softmax) >, loss = mse"), "mse");
}

#[test]
fn the_optimizer_is_adam_unless_named() {
    let adam = "adam(lr = 0.001)".to_owned();
    assert_eq!(clauses("< dense(4, 1) >").1, adam);
    assert_eq!(clauses("< dense(4, 1) >, optimizer = adam").1, adam);
    assert_eq!(clauses("< dense(4, 1) >, optimizer = sgd(lr = 1)").1, "sgd(lr = 1.0)");
    let nesterov = "< dense(4, 1) >, optimizer = sgd(0.1, momentum = 0.9, nesterov = true)";
    assert_eq!(clauses(nesterov).1, "sgd(lr = 0.1, momentum = 0.9, nesterov = true)");
}

#[test]
fn states_are_named_by_label_or_by_kind_and_ordinal() {
    let network = parse(
        "< dense(4, 8), in: dense(8, 8, bias = false), residual(< dense(8, 8) >), dense(8, 1) >, \
         optimizer = sgd(lr = 0.1, momentum = 0.9)",
    );
    let names: Vec<String> = network.states().into_iter().map(|state| state.name).collect();
    let expected = "dense0.weight dense0.bias in.weight dense2.weight dense2.bias dense3.weight dense3.bias lr \
                    sgd.momentum.dense0.weight sgd.momentum.dense0.bias sgd.momentum.in.weight \
                    sgd.momentum.dense2.weight sgd.momentum.dense2.bias sgd.momentum.dense3.weight \
                    sgd.momentum.dense3.bias";
    assert_eq!(names.join(" "), expected);
    assert_eq!(network.n_parameters(), (4 * 8 + 8) + 64 + (64 + 8) + (8 + 1));
}

#[test]
fn buffers_and_the_generator_are_state_but_not_trained() {
    let network =
        parse("< input(4), residual(< norm: batch_norm(4), dropout(0.5) >) >, optimizer = sgd(lr = 0.1)");
    let states: Vec<(String, StateRole)> = network.states().into_iter().map(|s| (s.name, s.role)).collect();
    let expected = [
        ("norm.weight", StateRole::Parameter),
        ("norm.bias", StateRole::Parameter),
        ("norm.running_mean", StateRole::Buffer),
        ("norm.running_var", StateRole::Buffer),
        ("lr", StateRole::Hyper),
        ("random.key_low", StateRole::Random),
        ("random.key_high", StateRole::Random),
        ("random.step_low", StateRole::Random),
        ("random.step_high", StateRole::Random),
    ];
    assert_eq!(states, expected.map(|(name, role)| (name.to_owned(), role)));
    assert_eq!(network.n_parameters(), 8);
    let (layer, least) = network.min_batch();
    assert_eq!((layer.name.as_str(), least), ("norm", 2));
}

/// Only a training step changes buffers and the step count; only training mode reads the generator.
#[test]
fn updates_are_those_of_the_training_step() {
    let network = parse("< input(4), batch_norm(4), dropout(0.5), dense(4, 1) >, optimizer = sgd(lr = 0.1)");
    let module = build::module(&network, &network.target_types()[0]);
    let names =
        |function: &Function| function.updates.iter().map(|(name, _)| name.clone()).collect::<Vec<_>>();
    let of_step = names(module.function("train_step").expect("networks have it"));
    let expected = "batch_norm0.weight batch_norm0.bias dense0.weight dense0.bias batch_norm0.running_mean \
                    batch_norm0.running_var random.step_low random.step_high";
    assert_eq!(of_step.join(" "), expected);
    for name in ["predict", "evaluate", "gradients"] {
        let function = module.function(name).expect("networks have it");
        assert!(names(function).is_empty(), "{name}");
        let draws = function.graph.ids().any(|id| matches!(function.graph.op(id), Op::RandomUniform(_)));
        assert_eq!(draws, name == "gradients", "{name}");
    }
}

#[test]
fn adam_keeps_two_scalars_and_two_slots() {
    let network = parse("< dense(2, 1, bias = false) >");
    let names: Vec<String> = network.states().into_iter().map(|state| state.name).collect();
    assert_eq!(names.join(" "), "dense0.weight lr adam.c1 adam.c2 adam.m.dense0.weight adam.v.dense0.weight");
}

#[test]
fn shapes_pass_from_layer_to_layer() {
    let network = parse("< input(2, 3, 4), dense(4, 5, relu), reshape(6, 5), flatten, dense(30, 2) >");
    let outputs: Vec<Vec<usize>> = network.layer_infos().into_iter().map(|info| info.output).collect();
    assert_eq!(outputs, [vec![2, 3, 4], vec![2, 3, 5], vec![6, 5], vec![30], vec![2]]);
    assert_eq!(network.input_type().to_string(), "f32[B, 2, 3, 4]");
    assert_eq!(network.output_type().to_string(), "f32[B, 2]");
}

#[test]
fn targets_follow_from_loss_and_output() {
    let types = |text: &str| parse(text).target_types().iter().map(|ty| ty.to_string()).collect::<Vec<_>>();
    assert_eq!(types("< dense(4, 3, softmax) >"), ["i32[B]", "f32[B, 3]"]);
    assert_eq!(types("< input(7, 4), dense(4, 3, softmax) >"), ["i32[B, 7]", "f32[B, 7, 3]"]);
    assert_eq!(types("< dense(4, 1, sigmoid) >"), ["f32[B, 1]"]);
}

#[test]
fn canonical_text_parses_to_the_same_network() {
    let cases = [
        (
            "<dense(4,3,softmax,),>,",
            "< dense(4, 3, softmax) >, loss = cross_entropy, optimizer = adam(lr = 0.001)",
        ),
        (
            "network!(pub A < out: dense(4, 3, init = he_normal, act = relu) >, loss = huber)",
            "A < out: dense(4, 3, relu, init = he_normal) >, loss = huber, optimizer = adam(lr = 0.001)",
        ),
        (
            "< dense(1_0, 10), residual(< dense(10, 10), residual(<relu>) >) >, optimizer = adamw(lr = 1e-7)",
            "< dense(10, 10), residual(< dense(10, 10), residual(< relu >) >) >, loss = mse, \
             optimizer = adamw(lr = 1e-7)",
        ),
        (
            "< dense(4, 3, linear, bias = false), tanh >, loss = mae, optimizer = rmsprop(lr = 3, rho = 0.5)",
            "< dense(4, 3, bias = false), tanh >, loss = mae, optimizer = rmsprop(lr = 3.0, rho = 0.5)",
        ),
    ];
    for (text, canonical) in cases {
        let network = parse(text);
        assert_eq!(network.to_string(), canonical);
        assert_eq!(parse(canonical), network);
    }
}

#[test]
fn a_file_may_hold_several_networks() {
    let file = "
        // Two networks.
        /// The first.
        network!(pub A < dense(1, 2) >);
        network! { B < dense(3, 4) >, loss = mae }
        C < dense(5, 6) >,
    ";
    let shape = |name| Network::parse_named(file, name).map(|network| network.input_shape().to_vec());
    assert_eq!([shape("A"), shape("B"), shape("C")], [Ok(vec![1]), Ok(vec![3]), Ok(vec![5])]);
    assert!(Network::parse(file).is_err());
    assert!(shape("D").is_err());
}

#[test]
fn a_budget_is_part_of_the_text() {
    let text = "< dense(784, 128, relu), dense(128, 10, softmax) >";
    let parse = |clauses: &str| Network::parse(&format!("{text}{clauses}"));
    let network =
        parse(", budget(batch = 8, arena = 5_000_000_000, parameters = 101_770, flops = 203_264)").unwrap();
    let canonical = network.to_string();
    assert!(
        canonical.ends_with(", budget(parameters = 101770, flops = 203264, arena = 5000000000, batch = 8)"),
        "{canonical}"
    );
    assert_eq!(Network::parse(&canonical).unwrap(), network);
    assert_eq!(
        parse(", budget(flops = 203_264), loss = mse").unwrap().budget().unwrap().flops,
        Some(203_264)
    );
    // One more of either is too much.
    assert!(parse(", budget(parameters = 101_769)").is_err());
    assert!(parse(", budget(flops = 203_263)").is_err());
    assert_eq!(parse("").unwrap().budget(), None);
}
