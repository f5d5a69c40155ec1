//! Wrong rules, put one at a time behind the passes of the pipeline: each is named, and the case it leaves is small and shows it again.

use dl_ir::bisect::{Symptom, first_wrong};
use dl_ir::build;
use dl_ir::builder::Builder;
use dl_ir::graph::NodeId;
use dl_ir::interp::Environment;
use dl_ir::module::{Function, Module};
use dl_ir::network::Network;
use dl_ir::ops::Op;
use dl_ir::passes::{PIPELINE, Pass};
use dl_ir::text;
use dl_ir::types::TensorType;
use dl_ir::value::Value;

const BATCH: usize = 3;

fn module() -> Module {
    let network = "< dense(3, 4, tanh), dense(4, 2) >, loss = mse, optimizer = sgd(lr = 0.1)";
    let network = Network::parse(network).unwrap();
    build::module(&network, &network.target_types()[0])
}

/// A value for each input and state; small ones, all different.
fn environment(module: &Module) -> Environment {
    let mut found = Environment::new();
    let mut add = |name: &str, ty: &TensorType| {
        let mut state = name.bytes().map(u64::from).sum::<u64>();
        let value = Value::from_fn(ty, BATCH, |_| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> 40) as f64 / (1u64 << 24) as f64 + 0.25
        });
        found.insert(name.to_owned(), value);
    };
    module.states.iter().for_each(|state| add(&state.name, &state.ty));
    for graph in module.functions.iter().map(|function| &function.graph) {
        for id in graph.ids() {
            if let Op::Input(input) = graph.op(id) {
                add(&input.name, &input.ty);
            }
        }
    }
    found
}

/// Builds a function anew, with what a rule gives in place of an op.
fn rewrite(function: Function, rule: fn(&mut Builder, &str, &[NodeId]) -> Option<NodeId>) -> Function {
    let graph = &function.graph;
    let mut builder = Builder::new();
    let mut new: Vec<NodeId> = Vec::new();
    for id in graph.ids() {
        let operands: Vec<NodeId> = graph.operands(id).iter().map(|operand| new[operand.index()]).collect();
        let op = graph.op(id);
        let replaced = rule(&mut builder, op.name(), &operands);
        new.push(replaced.unwrap_or_else(|| builder.push(op.clone(), &operands)));
    }
    let rename = |named: &[(String, NodeId)]| {
        named.iter().map(|(name, id)| (name.clone(), new[id.index()])).collect::<Vec<_>>()
    };
    let (results, updates) = (rename(&function.results), rename(&function.updates));
    Function { name: function.name.clone(), graph: builder.finish(), results, updates }
}

const fn wrong(name: &'static str, run: fn(Function) -> Function) -> Pass {
    Pass { name, description: "is wrong", run }
}

/// Each breaks one op.
const WRONG: &[Pass] = &[
    wrong("drops an add", |f| rewrite(f, |_, op, on| (op == "add").then(|| on[0]))),
    wrong("swaps a sub", |f| rewrite(f, |b, op, on| (op == "sub").then(|| b.sub(on[1], on[0])))),
    wrong("adds for mul", |f| rewrite(f, |b, op, on| (op == "mul").then(|| b.add(on[0], on[1])))),
    wrong("turns a tanh", |f| rewrite(f, |b, op, on| (op == "tanh").then(|| b.logistic(on[0])))),
    wrong("folds a constant wrongly", |f| {
        rewrite(f, |b, op, on| {
            let is_scaled = op == "mul" && b.graph().op(on[0]).name() == "constant";
            is_scaled.then(|| b.scale(1.5, on[1]))
        })
    }),
    wrong("negates a product", |f| {
        rewrite(f, |b, op, on| {
            let is_biased = op == "add" && b.graph().op(on[0]).name() == "einsum";
            is_biased.then(|| b.sub(on[1], on[0]))
        })
    }),
];

#[test]
fn the_passes_are_right() {
    let module = module();
    let environment = environment(&module);
    assert!(first_wrong(PIPELINE, module, &environment, BATCH).is_none());
}

#[test]
fn each_wrong_rule_is_named_and_shown() {
    let module = module();
    let environment = environment(&module);
    for wrong in WRONG {
        // It is found among right ones.
        let passes = PIPELINE[..2].iter().chain([wrong]).chain(&PIPELINE[2..]);
        let fault = first_wrong(passes, module.clone(), &environment, BATCH)
            .unwrap_or_else(|| panic!("`{}` is not seen", wrong.name));
        assert_eq!(fault.pass, wrong.name);
        assert!(matches!(fault.symptom, Symptom::Differs { .. }), "{}", fault.symptom);
        // A node, and at most two operands, one of which may be a product.
        let case = &fault.case;
        let n_nodes = case.functions[0].graph.n_nodes();
        assert!(n_nodes <= 5, "{}:\n{case}", wrong.name);
        // It is a module that shows the same again.
        let text = format!("; test: pass {}\n{case}", wrong.name);
        assert_eq!(text::parse(&text).as_ref(), Ok(case), "{text}");
        let alone = first_wrong([wrong], case.clone(), &self::environment(case), BATCH);
        assert!(alone.is_some(), "{}:\n{case}", wrong.name);
    }
}

#[test]
fn a_pass_that_panics_is_named_and_shown() {
    let module = module();
    let environment = environment(&module);
    let panics = wrong("knows no tanh", |f| {
        rewrite(f, |_, op, _| {
            assert_ne!(op, "tanh", "no rule for it");
            None
        })
    });
    let fault = first_wrong([&PIPELINE[0], &panics], module, &environment, BATCH).expect("it panics");
    assert_eq!(fault.pass, "knows no tanh");
    assert!(fault.symptom.to_string().contains("no rule for it"), "{}", fault.symptom);
    let graph = &fault.case.functions[0].graph;
    assert!(graph.n_nodes() <= 2 && graph.ids().any(|id| graph.op(id).name() == "tanh"), "{}", fault.case);
}

#[test]
fn what_the_verifier_refuses_and_what_is_missing_is_named() {
    let module = module();
    let environment = environment(&module);
    let twice = wrong("returns twice", |f| {
        let results = [f.results.clone(), f.results.clone()].concat();
        Function { results, ..f.clone() }
    });
    let fault = first_wrong([&twice], module.clone(), &environment, BATCH).unwrap();
    assert!(matches!(fault.symptom, Symptom::Invalid(_)), "{}", fault.symptom);
    let forgets = wrong("forgets updates", |f| Function { updates: Vec::new(), ..f.clone() });
    let fault = first_wrong([&forgets], module, &environment, BATCH).unwrap();
    assert_eq!((fault.pass, fault.case.functions[0].updates.len()), ("forgets updates", 1));
    assert!(fault.symptom.to_string().contains("differs"), "{}", fault.symptom);
}
