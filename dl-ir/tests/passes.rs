//! Passes keep what functions mean: random modules give the same values before and after each.

mod common;

use dl_ir::interp::{self, Environment};
use dl_ir::module::{Function, Module};
use dl_ir::ops::Op;
use dl_ir::passes::{self, Pass};
use dl_ir::value::Value;
use dl_ir::verify::verify_module;

const BATCH: usize = 3;

#[test]
fn each_pass_keeps_the_meaning() {
    common::for_all(|u| {
        let module = common::random_module(u)?;
        let environment = environment(&module.functions[0]);
        for pass in passes::PIPELINE {
            check(pass.name, &module, &apply(pass, &module), &environment);
        }
        Ok(())
    });
}

#[test]
fn the_pipeline_keeps_the_meaning() {
    common::for_all(|u| {
        let module = common::random_module(u)?;
        let environment = environment(&module.functions[0]);
        let optimized = passes::optimize(module.clone(), |_, _| ()).unwrap_or_else(|error| panic!("{error}"));
        check("the pipeline", &module, &optimized, &environment);
        Ok(())
    });
}

fn apply(pass: &Pass, module: &Module) -> Module {
    pass.apply(module.clone())
}

fn check(what: &str, before: &Module, after: &Module, environment: &Environment) {
    assert_eq!(verify_module(after), Ok(()), "{what}\n{before}{after}");
    for (before_function, after_function) in before.functions.iter().zip(&after.functions) {
        let expected = interp::run(before_function, environment, BATCH);
        let found = interp::run(after_function, environment, BATCH);
        let same = agree(&expected.results, &found.results) && agree(&expected.updates, &found.updates);
        assert!(same, "{what}: {expected:?} became {found:?}\n{before}{after}");
    }
}

fn agree(expected: &Environment, found: &Environment) -> bool {
    // Sums may be taken in another order.
    let close = |(a, b): (&f64, &f64)| {
        a == b || (a.is_nan() && b.is_nan()) || (a - b).abs() <= 1e-9 * a.abs().max(1.0)
    };
    let same = |(a, b): (&Value, &Value)| {
        (a.dtype, &a.shape) == (b.dtype, &b.shape) && a.data.iter().zip(&b.data).all(close)
    };
    expected.keys().eq(found.keys()) && expected.values().zip(found.values()).all(same)
}

/// Values without pattern for all inputs and states of a function.
fn environment(function: &Function) -> Environment {
    let leaf = |op: &Op| match op {
        Op::Input(input) => Some((input.name.clone(), input.ty.clone())),
        Op::State(state) => Some((state.name.clone(), state.ty.clone())),
        _ => None,
    };
    let mut count = 0.0;
    let mut number = |_: &[usize]| {
        count += 1.0;
        f64::sin(12.9898 * count)
    };
    let leaves = function.graph.ids().filter_map(|id| leaf(function.graph.op(id)));
    leaves.map(|(name, ty)| (name, Value::from_fn(&ty, BATCH, &mut number))).collect()
}
