//! Layers on images and sequences: shapes, values by hand, gradients against finite differences, before and after all passes.

use std::collections::BTreeMap;

use dl_ir::builder::Builder;
use dl_ir::interp::{self, Environment};
use dl_ir::layers::{self, Mode};
use dl_ir::module::{Init, Module};
use dl_ir::network::Network;
use dl_ir::types::{DType, TensorType};
use dl_ir::value::Value;
use dl_ir::{build, passes};

const BATCH: usize = 2;

/// Networks with all that these layers can be told, small enough for finite differences.
const NETWORKS: [&str; 22] = [
    "< input(5, 6, 2), conv2d(2, 3, 3, tanh) >",
    "< input(5, 6, 2), conv2d(2, 3, (2, 3), stride = (2, 1), bias = false), tanh >",
    "< input(5, 4, 2), conv2d(2, 3, (3, 2), sigmoid, padding = same), conv2d(3, 2, 3, padding = same, stride = 2) >",
    "< input(4, 4, 1), conv2d(1, 2, 4), flatten, dense(2, 2) >",
    "< input(4, 3, 1), conv2d(1, 2, 1, tanh), conv2d(2, 2, 1, stride = 2) >",
    // Each pooling layer leaves a row out.
    "< input(9, 8, 1), conv2d(1, 2, 2, tanh), conv2d(2, 2, 2, tanh), max_pool2d(2), conv2d(2, 3, 1, tanh), max_pool2d(2) >",
    "< input(7, 7, 2), conv2d(2, 2, 2, relu), max_pool2d(3, stride = 2), tanh >",
    "< input(7, 6, 2), conv2d(2, 2, 2, tanh), avg_pool2d((2, 1), stride = (3, 2)) >",
    "< input(7, 5, 2), max_pool2d((3, 2)), avg_pool2d(2) >",
    "< input(3, 5, 4), conv2d(4, 3, 3, gelu, padding = same), global_avg_pool2d, softmax >",
    "< input(5, 5, 2), residual(< conv2d(2, 3, 3, tanh, padding = same), conv2d(3, 2, 3, padding = same) >), max_pool2d(2) >",
    // The mask is that of the whole image, whatever of it is used.
    "< input(6, 6, 1), conv2d(1, 2, 2, tanh), dropout(0.3), max_pool2d(2), batch_norm(2), tanh >",
    "< input(4, 3), rnn(3, 4, return_sequences = true), attention(4, 2), last, dense(4, 2) >",
    "< input(4), embedding(5, 3), flatten, dense(12, 2, softmax) >",
    "< input(2, 3), embedding(5, 2), flatten, dense(12, 1, tanh) >",
    "< input(4, 6), attention(6, 2) >",
    "< input(3, 4), attention(4, 4, causal = true), flatten, dense(12, 2, softmax) >",
    "< input(5), embedding(7, 4), residual(< attention(4, 1, causal = true) >), dense(4, 7, softmax) >",
    "< input(6), reshape(3, 2), lstm(2, 3), dense(3, 2) >",
    "< input(3, 2), gru(2, 3, return_sequences = true), layer_norm(3), last >",
    "< input(5), dense(5, 6, leaky_relu), softplus, elu, dropout(0.2), silu, linear >",
    "< input(5), dense(5, 4), relu, dense(4, 2), gelu, sigmoid >",
];

/// Numbers in −1…1 without pattern.
fn noise(seed: usize) -> impl FnMut(&[usize]) -> f64 {
    let mut i = seed * 1000;
    move |_| {
        i += 1;
        (i as f64 * 12.9898).sin()
    }
}

fn value(ty: &TensorType, seed: usize) -> Value {
    let mut number = noise(seed);
    // Integers serve as tokens and as classes: none has fewer than two.
    Value::from_fn(ty, BATCH, |index| match ty.dtype {
        DType::F32 => number(index),
        _ => f64::from(number(index) > 0.0),
    })
}

fn environment(network: &Network) -> Environment {
    let leaves = network.states().into_iter().map(|state| (state.name, state.ty));
    let inputs = [
        ("x", network.input_type()),
        ("y", network.target_types()[0].clone()),
        ("dy", network.output_type()),
    ];
    let gradients = network.parameters().into_iter().map(|of| (build::gradient_name(&of.name), of.ty));
    let all = leaves.chain(inputs.map(|(name, ty)| (name.to_owned(), ty))).chain(gradients);
    let mut environment: Environment =
        all.enumerate().map(|(seed, (name, ty))| (name, value(&ty, seed))).collect();
    // Where nothing is negative: under roots, in powers of β.
    for (name, value) in &mut environment {
        if name.contains("adam") || name.ends_with("running_var") {
            *value = value.map(f64::abs);
        }
    }
    environment
}

fn modules(text: &str) -> (Network, [Module; 2]) {
    let network = Network::parse(text).unwrap_or_else(|errors| panic!("{}", errors.render("network", text)));
    let built = build::module(&network, &network.target_types()[0]);
    let optimized =
        passes::optimize(built.clone(), |_, _| ()).unwrap_or_else(|error| panic!("{text}: {error}"));
    (network, [built, optimized])
}

fn results(module: &Module, name: &str, environment: &Environment) -> BTreeMap<String, Value> {
    let function = module.function(name).expect("a function of every network");
    let outcome = interp::run(function, environment, BATCH);
    outcome.results.into_iter().chain(outcome.updates).collect()
}

#[track_caller]
fn assert_close(what: &str, found: &[f64], expected: &[f64], tolerance: f64) {
    assert_eq!(found.len(), expected.len(), "{what}");
    for (f, e) in found.iter().zip(expected) {
        assert!(
            (f - e).abs() <= tolerance * e.abs().max(1.0),
            "{what}: found {found:?}, expected {expected:?}"
        );
    }
}

/// Prints the largest error for each layer, of all networks that have it: `cargo test -p dl-ir --test layers -- --nocapture`.
#[test]
fn gradients_agree_with_finite_differences() {
    let mut worst: BTreeMap<&str, f64> = BTreeMap::new();
    for text in NETWORKS {
        let error = gradient_error(text);
        assert!(error <= 1e-7, "{text}: {error:e}");
        for word in text.split(|c: char| !c.is_ascii_alphanumeric() && c != '_') {
            let so_far = worst.entry(word).or_default();
            *so_far = so_far.max(error);
        }
    }
    for name in layers::rules().map(|rule| rule.name()) {
        let error = worst.get(name).unwrap_or_else(|| panic!("no network has {name}"));
        println!("gradient of {name}: {error:.1e}");
    }
}

/// The largest error of a gradient along one direction: relative, or absolute where it is below 1.
fn gradient_error(text: &str) -> f64 {
    let (network, [built, _]) = modules(text);
    let environment = environment(&network);
    let found = results(&built, "gradients", &environment);
    let gradients: Vec<(&str, &Value)> =
        found.iter().filter_map(|(name, value)| Some((name.strip_prefix("grad.")?, value))).collect();
    assert!(gradients.len() >= network.parameters().len(), "{text}");
    let errors = gradients.into_iter().enumerate().map(|(seed, (name, gradient))| {
        let mut number = noise(seed + 100);
        let direction: Vec<f64> = gradient.data.iter().map(|_| number(&[])).collect();
        let loss_at = |step: f64| {
            let mut moved = environment.clone();
            let value = moved.get_mut(name).expect("a gradient by an input or a parameter");
            value.data.iter_mut().zip(&direction).for_each(|(x, d)| *x += step * d);
            results(&built, "gradients", &moved)["loss"].data[0]
        };
        const STEP: f64 = 1e-5;
        let expected = (loss_at(STEP) - loss_at(-STEP)) / (2.0 * STEP);
        let along: f64 = gradient.data.iter().zip(&direction).map(|(g, d)| g * d).sum();
        (along - expected).abs() / expected.abs().max(1.0)
    });
    errors.fold(0.0, f64::max)
}

#[test]
fn passes_keep_the_meaning_of_layers() {
    for text in NETWORKS {
        let (network, [built, optimized]) = modules(text);
        let environment = environment(&network);
        for name in build::FUNCTIONS {
            let (before, after) =
                (results(&built, name, &environment), results(&optimized, name, &environment));
            assert!(before.keys().eq(after.keys()), "{name} of {text}");
            for (result, value) in &before {
                let what = format!("{result} of {name} of {text}");
                assert_eq!(after[result].shape, value.shape, "{what}");
                assert_close(&what, &after[result].data, &value.data, 1e-9);
            }
        }
    }
}

/// The text of an optimised function.
fn optimized(text: &str, function: &str) -> String {
    let (_, [_, mut module]) = modules(text);
    module.functions.retain(|f| f.name == function);
    module.to_string()
}

#[test]
fn what_pooling_leaves_out_is_not_computed() {
    let text = NETWORKS[5];
    for function in ["predict", "train_step"] {
        let shown = optimized(text, function);
        // 9 × 8, 8 × 7, 7 × 6 of which 6 × 6 are pooled, 3 × 3 of which 2 × 2 are pooled; so 4 × 4, 5 × 5 and 6 × 6 are used.
        for unused in ["[B, 8, 7, 2]", "[B, 7, 6, 2]", "[B, 3, 3, 2]", "[B, 3, 3, 3]"] {
            assert!(!shown.contains(unused), "{unused} in {function}:\n{shown}");
        }
        for used in ["[B, 5, 5, 2]", "[B, 4, 4, 2]", "[B, 2, 2, 2]"] {
            assert!(shown.contains(used), "no {used} in {function}:\n{shown}");
        }
    }
}

#[test]
fn the_gradient_of_a_convolution_is_a_convolution() {
    let shown = optimized("< input(6, 6, 2), conv2d(2, 3, 3, tanh), conv2d(3, 2, 3) >", "gradients");
    assert!(shown.contains("reverse") && !shown.contains("overlap_add"), "{shown}");
}

fn output(text: &str, tensors: &[(&str, Value)]) -> Value {
    let network = Network::parse(text).expect("no mistakes");
    let mut b = Builder::new();
    let x = b.input("x", network.input_type());
    let output = network.forward(&mut b, Mode::Inference, x).output;
    let environment = tensors.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect();
    interp::values(b.graph(), &environment, 1)[output.index()][0].clone()
}

#[test]
fn output_shapes_follow_kerass_rules() {
    for (layer, expected) in [
        ("conv2d(1, 4, 3)", vec![8, 5, 4]),
        ("conv2d(1, 4, (1, 7))", vec![10, 1, 4]),
        ("conv2d(1, 4, 3, stride = 2)", vec![4, 3, 4]),
        ("conv2d(1, 4, 3, stride = 2, padding = same)", vec![5, 4, 4]),
        ("conv2d(1, 4, 9, padding = same)", vec![10, 7, 4]),
        ("conv2d(1, 4, 2, stride = (3, 4), padding = same)", vec![4, 2, 4]),
        ("max_pool2d(2)", vec![5, 3, 1]),
        ("avg_pool2d(3, stride = 2)", vec![4, 3, 1]),
        ("max_pool2d((10, 2), stride = 1)", vec![1, 6, 1]),
        ("global_avg_pool2d", vec![1]),
    ] {
        let network = Network::parse(&format!("< input(10, 7, 1), {layer} >")).expect("no mistakes");
        assert_eq!(network.output_shape(), expected, "{layer}");
    }
}

#[test]
fn an_odd_zero_of_same_padding_goes_behind() {
    let x = Value::f32(&[1, 1, 4, 1], vec![1.0, 2.0, 3.0, 4.0]);
    let weight = Value::f32(&[1, 2, 1, 1], vec![10.0, 1.0]);
    let text = "< input(1, 4, 1), conv2d(1, 1, (1, 2), padding = same, bias = false) >";
    let found = output(text, &[("x", x), ("conv2d0.weight", weight)]);
    assert_eq!(found.data, [12.0, 23.0, 34.0, 40.0]);
}

#[test]
fn the_first_of_equal_maxima_gets_the_gradient() {
    let (_, [built, optimized]) = modules("< input(2, 2, 1), max_pool2d(2) >");
    let environment = Environment::from([
        ("x".to_owned(), Value::f32(&[BATCH, 2, 2, 1], vec![1.0, 3.0, 3.0, 0.0, 2.0, 2.0, 2.0, 2.0])),
        ("y".to_owned(), Value::f32(&[BATCH, 1, 1, 1], vec![2.0, 1.0])),
    ]);
    for module in [built, optimized] {
        let gradient = &results(&module, "gradients", &environment)["grad.x"];
        assert_eq!(gradient.data, [0.0, 1.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0]);
    }
}

/// The layer written out for one example of one feature a head.
#[test]
fn attention_follows_its_formula() {
    let x: [[f64; 2]; 3] = [[0.5, -1.0], [1.5, 0.25], [-0.75, 2.0]];
    let matrix = |seed: usize| {
        let mut number = noise(seed);
        [[number(&[]), number(&[])], [number(&[]), number(&[])]]
    };
    let bias = |seed: usize| {
        let mut number = noise(seed + 50);
        [number(&[]), number(&[])]
    };
    let project = |row: [f64; 2], seed: usize| {
        let (w, b) = (matrix(seed), bias(seed));
        [0, 1].map(|column| row[0] * w[0][column] + row[1] * w[1][column] + b[column])
    };
    let mut tensors = vec![("x", Value::f32(&[1, 3, 2], x.concat()))];
    let names = [
        ("attention0.query_weight", "attention0.query_bias"),
        ("attention0.key_weight", "attention0.key_bias"),
        ("attention0.value_weight", "attention0.value_bias"),
        ("attention0.output_weight", "attention0.output_bias"),
    ];
    for (seed, (weight, of_bias)) in names.into_iter().enumerate() {
        tensors.push((weight, Value::f32(&[2, 2], matrix(seed).concat())));
        tensors.push((of_bias, Value::f32(&[2], bias(seed).to_vec())));
    }
    for (heads, causal) in [(1, false), (1, true), (2, false), (2, true)] {
        let width = 2 / heads;
        let read = |t: usize, column: usize| {
            let head = column / width * width..column / width * width + width;
            let score = |s: usize| {
                let (q, k) = (project(x[t], 0), project(x[s], 1));
                head.clone().map(|i| q[i] * k[i]).sum::<f64>() / (width as f64).sqrt()
            };
            let seen = if causal { t + 1 } else { 3 };
            let total: f64 = (0..seen).map(|s| score(s).exp()).sum();
            (0..seen).map(|s| score(s).exp() / total * project(x[s], 2)[column]).sum::<f64>()
        };
        let expected: Vec<f64> = (0..3).flat_map(|t| project([read(t, 0), read(t, 1)], 3)).collect();
        let text = format!("< input(3, 2), attention(2, {heads}, causal = {causal}) >");
        assert_close(&text, &output(&text, &tensors).data, &expected, 1e-12);
    }
}

#[test]
fn an_embedding_reads_integers_and_begins_small() {
    let network = Network::parse("< input(4), embedding(27, 16) >").expect("no mistakes");
    assert_eq!(network.input_type().to_string(), "i32[B, 4]");
    assert_eq!(network.parameters()[0].init, Init::Uniform { limit: 0.05 });
    let zeros = Network::parse("< input(4), embedding(27, 16, init = zeros) >").expect("no mistakes");
    assert_eq!(zeros.parameters()[0].init, Init::Constant(0.0));
}

#[test]
fn fans_of_a_convolution_include_its_window() {
    let network = Network::parse("< input(9, 9, 3), conv2d(3, 5, (3, 4)) >").expect("no mistakes");
    assert_eq!(network.parameters()[0].init, Init::GlorotUniform { fan_in: 36, fan_out: 60 });
}

#[test]
fn arguments_are_written_as_they_are_read() {
    for text in [
        "conv2d(1, 4, 3)",
        "conv2d(1, 4, (3, 2), relu, stride = 2, padding = same, bias = false, init = he_normal)",
        "max_pool2d(2)",
        "max_pool2d((2, 3), stride = (1, 2))",
        "avg_pool2d(2, stride = 2)",
    ] {
        let network = Network::parse(&format!("< input(10, 7, 1), {text} >")).expect("no mistakes");
        assert!(network.to_string().contains(text), "{network} for {text}");
        assert_eq!(Network::parse(&network.to_string()), Ok(network));
    }
}
