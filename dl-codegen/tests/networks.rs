//! Whole functions of dense networks: compiled code against the interpreter, at odd sizes and every width.

use std::collections::BTreeMap;

use dl_codegen::compile::lower;
use dl_codegen::jit::missing_features;
use dl_codegen::plan::{BATCH_SIZE, plan_state};
use dl_codegen::target::Target;
use dl_codegen::vector::Lanes;
use dl_ir::interp::{self, Environment};
use dl_ir::module::Module;
use dl_ir::network::Network;
use dl_ir::ops::Op;
use dl_ir::types::{DType, TensorType};
use dl_ir::value::Value;
use dl_ir::{build, passes};
use dl_runtime::machine::Machine;
use dl_runtime::program::Element;

const WIDTHS: [Lanes; 3] = [Lanes::L4, Lanes::L8, Lanes::L16];

/// A stream of numbers in [-1, 1), the same in every run.
struct Random(u64);

impl Random {
    fn next(&mut self) -> f64 {
        self.0 = self.0.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        f64::from((self.0 >> 40) as u32) / f64::from(1 << 23) - 1.0
    }

    fn tensor(&mut self, ty: &TensorType, batch: usize, classes: usize) -> Value {
        Value::from_fn(ty, batch, |_| match ty.dtype {
            DType::F32 => f64::from(self.next() as f32),
            _ => ((self.next() + 1.0) / 2.0 * classes as f64).floor(),
        })
    }
}

fn module(text: &str, target: usize) -> Module {
    let network = Network::parse(text).unwrap_or_else(|error| panic!("{text}: {error:?}"));
    let module = build::module(&network, &network.target_types()[target]);
    passes::optimize(module, |_, _| ()).expect("passes keep functions valid")
}

/// Inputs and states of a module's functions.
fn environment(module: &Module, batch: usize, random: &mut Random) -> Environment {
    let mut environment = BTreeMap::new();
    let classes = module.states.last().map_or(2, |state| *state.ty.shape.at(1).last().unwrap_or(&2));
    for function in &module.functions {
        for id in function.graph.ids() {
            if let Op::Input(input) = function.graph.op(id) {
                environment
                    .entry(input.name.clone())
                    .or_insert_with(|| random.tensor(&input.ty, batch, classes));
            }
        }
    }
    for state in &module.states {
        let value = random.tensor(&state.ty, 1, 1);
        // Running means of squares, corrections and the learning rate are positive.
        let positive = state.name.contains(".v.") || state.ty.shape.rank() == 0;
        let value = if positive { value.map(|v| f64::from((v.abs() + 0.1) as f32)) } else { value };
        environment.insert(state.name.clone(), value);
    }
    environment
}

/// Runs every function of a module compiled, and compares results and new states with the interpreter's.
fn check(text: &str, target: usize, batches: &[usize], lanes: Lanes) {
    let module = module(text, target);
    let state = plan_state(&module);
    let mut random = Random(text.len() as u64);
    for function in &module.functions {
        let mut machine = Machine::new(state.clone(), 1).expect("a machine");
        let lowered = lower(function, &state, Target { lanes }).expect("dense networks have kernels");
        let id = lowered.load(&mut machine).expect("code");
        for &batch in batches {
            let environment = environment(&module, batch, &mut random);
            for (slot, declared) in module.states.iter().enumerate() {
                let data: Vec<f32> = environment[&declared.name].data.iter().map(|&v| v as f32).collect();
                machine.set_state(slot, &data).expect("as many elements as declared");
            }
            let mut call = machine.call(id, batch).expect("memory");
            for (name, buffer) in call.program().inputs.clone() {
                let is_f32 = call.program().buffers[buffer.0 as usize].element == Element::F32;
                let value =
                    if name == BATCH_SIZE { vec![batch as f64] } else { environment[&name].data.clone() };
                if is_f32 {
                    call.input::<f32>(buffer).iter_mut().zip(&value).for_each(|(to, &v)| *to = v as f32);
                } else {
                    call.input::<i32>(buffer).iter_mut().zip(&value).for_each(|(to, &v)| *to = v as i32);
                }
            }
            call.run().expect("finite");
            let expected = interp::run(function, &environment, batch);
            let place =
                |name: &str| format!("{name} of {} of {text}, batch {batch}, {lanes:?}", function.name);
            for (name, buffer) in call.program().results.clone() {
                close(call.result::<f32>(buffer), &expected.results[&name].data, &place(&name));
            }
            for (name, value) in &expected.updates {
                let slot = module.states.iter().position(|state| state.name == *name).expect("declared");
                close(&machine.state::<f32>(slot), &value.data, &place(name));
            }
        }
    }
}

/// Relative L2 error within 2e-5, which a wrong element of small tensors cannot hide in.
fn close(found: &[f32], expected: &[f64], place: &str) {
    assert_eq!(found.len(), expected.len(), "{place}");
    let norm = expected.iter().map(|v| v * v).sum::<f64>().sqrt();
    let error = found.iter().zip(expected).map(|(&f, &e)| (f64::from(f) - e).powi(2)).sum::<f64>().sqrt();
    assert!(error <= 2e-5 * norm + 1e-9, "{place}: error {error:e} of {norm:e}\n{found:?}\n{expected:?}");
}

fn at_every_width(text: &str, batches: &[usize]) {
    for lanes in WIDTHS {
        if missing_features(lanes).is_empty() {
            check(text, 0, batches, lanes);
        } else {
            eprintln!("skipped: this CPU has no {} lanes", lanes.count());
        }
    }
}

#[test]
fn softmax_regression() {
    at_every_width("< dense(31, 10, softmax) >, optimizer = sgd(lr = 0.1)", &[1, 2, 3, 17, 31, 33, 127]);
}

#[test]
fn two_layers() {
    at_every_width("< dense(33, 17, relu), dense(17, 3, softmax) >", &[1, 2, 3, 17, 33]);
}
