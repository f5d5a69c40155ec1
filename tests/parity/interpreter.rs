//! The meaning of layers against PyTorch in float64: the graphs that are built of them, before and after all passes, in the
//! interpreter.

use std::path::Path;

use dl_ir::interp::{self, Environment};
use dl_ir::module::{Init, Module, StateDecl};
use dl_ir::network::Network;
use dl_ir::types::DType;
use dl_ir::value::Value;
use dl_ir::{build, passes};
use dl_runtime::files::TensorFile;
use dl_runtime::tensor::{Data, Tensor};

use crate::case::{Case, GRADIENT, OUTPUT};

/// Networks of the layers on images.
const IMAGES: [&str; 2] = ["cnn_keras", "cnn_same_stride"];

/// Networks with attention.
const ATTENTION: [&str; 1] = ["attention"];

/// Networks with buffers.
const NORMS: [&str; 1] = ["batch_norm"];

/// Networks of recurrent layers.
const RECURRENT: [&str; 4] = ["char_lstm", "gru", "lstm", "rnn"];

fn value(tensor: &Tensor) -> Value {
    let (dtype, data) = match tensor.data() {
        Data::F32(values) => (DType::F32, values.iter().map(|&value| f64::from(value)).collect()),
        Data::I32(values) => (DType::I32, values.iter().map(|&value| f64::from(value)).collect()),
        other => panic!("no case has {}", other.type_name()),
    };
    Value::new(dtype, tensor.shape().to_vec(), data)
}

fn environment(files: &[TensorFile]) -> Environment {
    let tensors = files.iter().flat_map(|file| file.tensors());
    tensors.map(|(name, tensor)| (name.clone(), value(tensor))).collect()
}

fn check(case: &Case, module: &Module) {
    let environment = environment(&[case.tensors("weights"), case.tensors("batch")]);
    let batch = environment["x"].shape[0];
    let expected = case.expected();
    let compare = |name: &str, value: &Value, limit: f64| {
        let found: Vec<f32> = value.data.iter().map(|&element| element as f32).collect();
        expected.compare(name, &found, limit);
    };
    let run = |name: &str| {
        let function = module.function(name).expect("a function of every network");
        interp::run(function, &environment, batch).results
    };
    compare("output", &run("predict")["output"], OUTPUT);
    let found = run("gradients");
    compare("loss", &found["loss"], OUTPUT);
    for name in expected.gradients() {
        compare(name, &found[name], GRADIENT);
    }
}

#[test]
fn layers_on_images_mean_what_pytorch_means() {
    check_all(&IMAGES);
}

#[test]
fn attention_means_what_pytorch_means() {
    check_all(&ATTENTION);
}

#[test]
fn norms_mean_what_pytorch_means() {
    check_all(&NORMS);
    for name in NORMS {
        train(name);
    }
}

/// Parameters and buffers after some steps.
fn train(name: &'static str) {
    let (case, network) = read(name);
    let module = build::module(&network, &network.target_types()[0]);
    let mut environment: Environment = module.states.iter().map(first_value).collect();
    environment.extend(self::environment(&[case.tensors("weights"), case.tensors("batch")]));
    let (step, batch) = (module.function("train_step").expect("networks have it"), environment["x"].shape[0]);
    let expected = case.expected();
    for _ in 0..expected.steps() {
        environment.extend(interp::run(step, &environment, batch).updates);
    }
    for name in expected.parameters() {
        let found: Vec<f32> = environment[name].data.iter().map(|&element| element as f32).collect();
        expected.compare_change(name, &found);
    }
}

/// What a state begins as, where that is a number.
fn first_value(state: &StateDecl) -> (String, Value) {
    let first = if let Init::Constant(first) = state.init { first } else { f64::NAN };
    (state.name.clone(), Value::from_fn(&state.ty, 1, |_| first))
}

#[test]
fn recurrent_layers_mean_what_pytorch_means() {
    check_all(&RECURRENT);
}

fn read(name: &'static str) -> (Case, Network) {
    let case = Case::new(Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/parity")), name);
    let text = std::fs::read_to_string(case.network()).expect("the text of the case");
    let network = Network::parse(&text).expect("a network without mistakes");
    (case, network)
}

fn check_all(names: &[&'static str]) {
    for name in names {
        let (case, network) = read(name);
        let target = network.target_types()[0].clone();
        let built = build::module(&network, &target);
        check(&case, &built);
        check(&case, &passes::optimize(built, |_, _| ()).expect("passes keep modules valid"));
    }
}
