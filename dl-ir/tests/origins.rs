//! Where nodes come from: all of them know, passes keep it, and text shows and reads it.

use std::collections::BTreeSet;

use dl_ir::graph::{Graph, NodeId};
use dl_ir::module::{Function, Module};
use dl_ir::network::Network;
use dl_ir::ops::Op;
use dl_ir::origin::{Origin, Part, Place, Rule};
use dl_ir::{build, passes, text};

/// Networks of all kinds of layers.
const NETWORKS: [&str; 6] = [
    "< dense(5, 4, relu), dense(4, 3, softmax) >, optimizer = sgd(lr = 0.1)",
    "< input(8, 8, 2), conv2d(2, 3, 3, relu, padding = same), max_pool2d(3), batch_norm(3), flatten, dropout(0.5), dense(12, 2) >",
    "< input(5, 3), lstm(3, 4), dense(4, 2, softmax) >",
    "< input(5, 3), gru(3, 4, return_sequences = true), rnn(4, 4), dense(4, 1, sigmoid) >, optimizer = adamw(lr = 0.1)",
    "< input(6), embedding(9, 4), residual(< first: layer_norm(4), attention(4, 2, causal = true) >), last, dense(4, 9, softmax) >",
    "< input(6, 6, 1), conv2d(1, 2, 3), avg_pool2d(2), global_avg_pool2d, dense(2, 2) >, loss = huber, optimizer = rmsprop(lr = 0.1)",
];

fn network(text: &str) -> Network {
    Network::parse(text).unwrap_or_else(|mistakes| panic!("{}", mistakes.render("network", text)))
}

fn built(text: &str) -> Module {
    let network = network(text);
    build::module(&network, &network.target_types()[0])
}

/// The graph of a function and those of the bodies of its scans.
fn graphs(function: &Function) -> Vec<&Graph> {
    let graph = &function.graph;
    let bodies = graph.ids().filter_map(|id| match graph.op(id) {
        Op::Scan(scan) => Some(graphs(&scan.body)),
        _ => None,
    });
    std::iter::once(graph).chain(bodies.flatten()).collect()
}

fn check_all_known(module: &Module, when: &str) {
    for function in &module.functions {
        for graph in graphs(function) {
            for id in graph.ids() {
                assert!(graph.origin(id).is_some(), "%{} of {} {when}:\n{module:#}", id.0, function.name);
            }
        }
    }
}

#[test]
fn every_node_knows_where_it_comes_from_after_every_pass() {
    for text in NETWORKS {
        let module = built(text);
        check_all_known(&module, "as built");
        passes::optimize(module, |pass, module| check_all_known(module, &format!("after {}", pass.name)))
            .unwrap();
    }
}

#[test]
fn every_layer_is_there_forward_and_backward() {
    for text in NETWORKS {
        let mut names: BTreeSet<String> = BTreeSet::new();
        // Flattening is a view, which may vanish into another one; dropout and the last time step stay.
        names.extend(network(text).layer_infos().into_iter().map(|layer| layer.name));
        names.retain(|name| !name.starts_with("input") && !name.starts_with("flatten"));
        let module = passes::optimize(built(text), |_, _| ()).unwrap();
        let step = module.function("train_step").unwrap();
        let (mut forward, mut backward) = (BTreeSet::new(), BTreeSet::new());
        for graph in graphs(step) {
            for origin in graph.ids().filter_map(|id| graph.origin(id)) {
                let side = if let Rule::Vjp { .. } = origin.rule { &mut backward } else { &mut forward };
                side.extend(origin.layer().map(str::to_owned));
            }
        }
        assert!(forward.is_superset(&names), "{text}: {names:?} are not all in {forward:?}");
        // The gradients of a sum are the cotangent itself.
        names.retain(|name| !name.starts_with("residual"));
        assert!(backward.is_superset(&names), "{text}: {names:?} are not all in {backward:?}");
    }
}

#[test]
fn what_is_no_layers_is_of_the_loss_an_input_or_training() {
    let module = built(NETWORKS[1]);
    let step = module.function("train_step").unwrap();
    let part = |named: &[(String, NodeId)], name: &str| {
        let (_, node) = named.iter().find(|(known, _)| known == name).expect(name);
        step.graph.origin(*node).unwrap().as_ref().clone()
    };
    assert_eq!(part(&step.results, "loss"), Origin::of(Part::Loss));
    assert_eq!(part(&step.updates, "random.step_low"), Origin::of(Part::Random));
    assert_eq!(part(&step.updates, "adam.c1"), Origin::of(Part::Optimizer));
    let updated = part(&step.updates, "conv2d0.weight");
    assert_eq!(updated.layer(), Some("conv2d0"));
    assert_eq!(updated.rule, Rule::Update { parameter: "conv2d0.weight".into() });
}

/// No parameter is a scalar, and what is computed once is of no parameter.
#[test]
fn what_is_the_same_for_all_parameters_is_the_optimizers() {
    for text in NETWORKS {
        let step = built(text).function("train_step").unwrap().clone();
        let is_scalar =
            |id: &NodeId| step.graph.node(*id).ty.as_tensor().is_some_and(|tensor| tensor.shape.rank() == 0);
        for id in step.graph.ids().filter(is_scalar) {
            let origin = step.graph.origin(id).unwrap();
            assert!(!matches!(origin.rule, Rule::Update { .. }), "%{}: {origin}", id.0);
        }
    }
}

#[test]
fn layers_know_their_places() {
    let text = "\u{feff}// two\n<\n  größe: dense(2, 3), residual(< tanh >),\n  dense(3, 1)\n>";
    let step = built(text).function("train_step").unwrap().clone();
    let place = |layer: &str| {
        let mut origins = step.graph.ids().filter_map(|id| step.graph.origin(id));
        let found = origins.find_map(|origin| match &origin.part {
            Part::Layer { name, place } if **name == *layer => Some(*place),
            _ => None,
        });
        found.flatten().map(|Place { line, column }| (line, column))
    };
    let expected = [("größe", (3, 10)), ("residual0", (3, 23)), ("tanh0", (3, 34)), ("dense1", (4, 3))];
    for (layer, at) in expected {
        assert_eq!(place(layer), Some(at), "{layer}");
    }
}

#[test]
fn a_gradient_names_the_node_whose_it_is() {
    let module = built(NETWORKS[0]);
    let graph = &module.function("train_step").unwrap().graph;
    let mut of_max = graph.ids().filter_map(|id| match &graph.origin(id).unwrap().rule {
        Rule::Vjp { op: "max", node } => Some(*node),
        _ => None,
    });
    let node = of_max.next().expect("relu has a gradient");
    assert_eq!(graph.op(node).name(), "max");
    assert_eq!(graph.origin(node).unwrap().layer(), Some("dense0"));
}

#[test]
fn passes_sign_what_they_rewrite() {
    let module = passes::optimize(built(NETWORKS[2]), |_, _| ()).unwrap();
    let step = module.function("train_step").unwrap();
    let signed: BTreeSet<&str> = graphs(step)
        .into_iter()
        .flat_map(|graph| graph.ids().filter_map(|id| graph.origin(id)).flat_map(|origin| &origin.passes))
        .copied()
        .collect();
    for pass in ["simplify", "join-parts", "orient-contractions", "prune-scans"] {
        assert!(signed.contains(pass), "{pass} is not in {signed:?}");
    }
    let untouched = step.graph.ids().filter(|&id| step.graph.origin(id).unwrap().passes.is_empty());
    assert!(untouched.count() > 10);
}

#[test]
fn text_keeps_origins_where_it_shows_them() {
    for text in NETWORKS {
        let module = passes::optimize(built(text), |_, _| ()).unwrap();
        let shown = format!("{module:#}");
        let parsed = text::parse(&shown).unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(format!("{parsed:#}"), shown);
        assert_eq!(parsed.to_string(), module.to_string());
        let plain = text::parse(&module.to_string()).unwrap();
        assert_eq!(plain, parsed);
        assert!(
            plain
                .functions
                .iter()
                .flat_map(graphs)
                .all(|graph| graph.ids().all(|id| graph.origin(id).is_none()))
        );
    }
}

#[test]
fn wrong_origins_are_refused_at_their_place() {
    let message = |origin: &str| {
        let text = format!("dl 1\nfunction f {{\n  %0 = input {{name=\"x\"}} : f32[B] @ {origin}\n}}");
        text::parse(&text).expect_err("a wrong origin").to_string().lines().next().unwrap().to_owned()
    };
    let cases = [
        ("lair dense0", "line 3, column 36: unknown part of a network `lair`: did you mean `layer`?"),
        ("layer dense0 at 1", "line 4, column 1: expected `:`, found `}`"),
        ("layer dense0 at 1:x", "line 3, column 54: expected a column, found `x`"),
        ("layer dense0 at 4294967296:1", "line 3, column 52: expected a line, found `4294967296`"),
        ("loss vjp maxx %1", "line 3, column 45: unknown op `maxx`: did you mean `max`?"),
        ("loss vjp max %x", "line 3, column 49: expected the number of a node, found `%x`"),
        ("loss pass simplyfy", "line 3, column 46: unknown pass `simplyfy`: did you mean `simplify`?"),
        ("loss pass fold-", "line 3, column 46: unknown pass `fold-`"),
        ("loss pass simplify pass simplify", "line 3, column 60: pass `simplify` is there already"),
    ];
    for (origin, expected) in cases {
        assert_eq!(message(origin), expected, "{origin}");
    }
}

#[test]
fn recording_can_be_switched_off() {
    let network = network(NETWORKS[2]).without_origins();
    let module = build::module(&network, &network.target_types()[0]);
    let same = built(NETWORKS[2]);
    assert_eq!(module, same);
    let module = passes::optimize(module, |_, _| ()).unwrap();
    assert_eq!(format!("{module:#}"), module.to_string());
}
