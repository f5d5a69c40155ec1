//! Every op against its samples: expected values, types, text, and gradients against finite differences.

use std::collections::{BTreeMap, BTreeSet};

use dl_ir::autodiff;
use dl_ir::builder::Builder;
use dl_ir::graph::NodeId;
use dl_ir::interp::{self, Environment};
use dl_ir::module::{Function, Module};
use dl_ir::ops::{self, EvalContext, Op, Sample};
use dl_ir::types::{DType, Shape, TensorType, Type};
use dl_ir::value::Value;
use dl_ir::{text, verify};

#[test]
fn every_op_has_samples() {
    let sampled: BTreeSet<&str> = Op::samples().iter().map(|sample| sample.op.name()).collect();
    let missing: Vec<&str> = ops::NAMES.iter().copied().filter(|name| !sampled.contains(name)).collect();
    assert_eq!(
        missing,
        ["input", "state"],
        "ops without samples; the values of these two come from the caller"
    );
}

#[test]
fn op_names_are_sorted_and_unique() {
    assert!(ops::NAMES.is_sorted_by(|a, b| a < b), "{:?}", ops::NAMES);
}

#[test]
fn eval_gives_the_expected_values_and_the_inferred_types() {
    for sample in Op::samples() {
        let name = sample.op.name();
        let ty = infer(&sample);
        let values = eval(&sample.op, &ty, &sample.values, sample.batch);
        let parts = parts(&ty);
        assert_eq!(values.len(), parts.len(), "{name}: number of results");
        for (value, part) in values.iter().zip(&parts) {
            assert_eq!((value.dtype, &value.shape), (part.dtype, &part.shape.at(sample.batch)), "{name}");
        }
        for (value, expected) in values.iter().zip(sample.expected.iter().flatten()) {
            assert_close(name, &value.data, &expected.data, 1e-15);
        }
    }
}

#[test]
fn attributes_parse_back() {
    for sample in Op::samples() {
        let parsed = Op::parse(sample.op.name(), &sample.op.attributes(), &infer(&sample));
        assert_eq!(parsed, Some(Ok(sample.op)));
    }
}

#[test]
fn unknown_attributes_are_refused() {
    for sample in Op::samples() {
        let attributes = sample.op.attributes().with("colour", ops::Attribute::Int(3));
        let parsed = Op::parse(sample.op.name(), &attributes, &infer(&sample));
        assert!(
            matches!(parsed, Some(Err(_))),
            "{} takes an attribute that it does not know",
            sample.op.name()
        );
    }
}

#[test]
fn wrong_operand_counts_are_refused() {
    for sample in Op::samples() {
        let surplus = Type::from(TensorType::f32(Shape::scalar()));
        let types: Vec<&Type> = sample.operands.iter().chain([&surplus]).collect();
        assert!(sample.op.infer(&types).is_err(), "{} takes an operand too many", sample.op.name());
        let too_few = match sample.op {
            // Any number of parts, but not one.
            Op::Concatenate(_) => Some(1),
            _ => sample.operands.len().checked_sub(1),
        };
        if let Some(too_few) = too_few {
            assert!(
                sample.op.infer(&types[..too_few]).is_err(),
                "{} takes an operand too few",
                sample.op.name()
            );
        }
    }
}

#[test]
fn text_round_trips() {
    for sample in Op::samples() {
        let Some(use_of) = Use::new(&sample) else { continue };
        let module =
            Module { network: String::new(), states: Vec::new(), functions: vec![use_of.function()] };
        verify::verify_module(&module).expect("samples make valid functions");
        let printed = module.to_string();
        let parsed = text::parse(&printed).unwrap_or_else(|error| panic!("{error}\n{printed}"));
        assert_eq!(parsed, module, "{printed}");
        assert_eq!(parsed.to_string(), printed);
    }
}

/// Prints the largest error for each op: `cargo test -p dl-ir --test op_table -- --nocapture`.
#[test]
fn vjp_agrees_with_finite_differences() {
    let mut worst: BTreeMap<&str, f64> = BTreeMap::new();
    for sample in Op::samples() {
        let Some(mut use_of) = Use::new(&sample) else { continue };
        let results = use_of.differentiable.clone();
        let loss = use_of.weighted("result", &results);
        let error = check_derivative(&sample, use_of, loss, "vjp");
        let so_far = worst.entry(sample.op.name()).or_default();
        *so_far = so_far.max(error);
    }
    worst.iter().for_each(|(name, error)| println!("vjp of {name}: {error:.1e}"));
}

/// The gradient is differentiated once more: rules are made of ops, which have rules.
#[test]
fn second_derivatives_agree_with_finite_differences() {
    for sample in Op::samples() {
        let Some(mut use_of) = Use::new(&sample) else { continue };
        let results = use_of.differentiable.clone();
        let loss = use_of.weighted("result", &results);
        let gradients = use_of.gradients(loss);
        let slope = use_of.weighted("gradient", &gradients);
        check_derivative(&sample, use_of, slope, "vjp of the vjp");
    }
}

/// Compares the derivative of `loss` along one direction, from vjp and from central differences. Gives their distance: relative, or
/// absolute below 1.
fn check_derivative(sample: &Sample, mut use_of: Use, loss: NodeId, what: &str) -> f64 {
    let gradients = use_of.gradients(loss);
    let names: Vec<String> = use_of.real_inputs().into_iter().map(|(name, _)| name).collect();
    use_of.results = names.iter().cloned().zip(gradients).chain([("loss".to_owned(), loss)]).collect();
    let environment = use_of.environment.clone();
    let function = use_of.function();

    let direction: BTreeMap<&str, Vec<f64>> = names
        .iter()
        .enumerate()
        .map(|(seed, name)| (name.as_str(), noise(seed + 100, environment[name].data.len())))
        .collect();
    let results = interp::run(&function, &environment, sample.batch).results;
    let dot = |name: &str, d: &[f64]| results[name].data.iter().zip(d).map(|(g, d)| g * d).sum::<f64>();
    let from_vjp: f64 = direction.iter().map(|(name, d)| dot(name, d)).sum();

    let loss_at = |step: f64| {
        let mut moved = environment.clone();
        for (&name, d) in &direction {
            let value = moved.get_mut(name).expect("an input of the function");
            value.data.iter_mut().zip(d).for_each(|(x, d)| *x += step * d);
        }
        interp::run(&function, &moved, sample.batch).results["loss"].data[0]
    };
    const STEP: f64 = 1e-5;
    let from_differences = (loss_at(STEP) - loss_at(-STEP)) / (2.0 * STEP);
    let expected = if sample.op == Op::from(ops::StopGradient) { 0.0 } else { from_differences };
    assert_close(&format!("{what} of {:?}", sample.op), &[from_vjp], &[expected], 1e-7);
    (from_vjp - expected).abs() / expected.abs().max(1.0)
}

#[test]
fn nan_passes_through_max_min_and_relu() {
    for (a, b) in [(f64::NAN, 0.0), (0.0, f64::NAN), (f64::NAN, f64::NAN)] {
        for op in [Op::from(ops::Max), Op::from(ops::Min)] {
            assert!(scalar(&op, &[a, b]).is_nan(), "{} of {a} and {b}", op.name());
        }
    }
    let row = Value::f32(&[3], vec![1.0, f64::NAN, 2.0]);
    let ty = Type::from(TensorType::f32(Shape::scalar()));
    let max = eval(&ops::ReduceMax { axes: vec![0] }.into(), &ty, std::slice::from_ref(&row), 1);
    assert!(max[0].data[0].is_nan(), "reduce_max of {row:?}");
    let tuple = eval(&ops::MaxWithIndex { axes: vec![0] }.into(), &ty, &[row], 1);
    assert!(tuple[0].data[0].is_nan() && tuple[1].data == [1.0], "max_with_index gives {tuple:?}");
}

#[test]
fn gradients_at_kinks_and_ties() {
    let at = |op: Op, x: &[f64]| gradient(op, x);
    assert_eq!(
        at(ops::Max.into(), &[0.0, 0.0]),
        [0.0, 1.0],
        "relu'(0) = 0: a tie goes to the second operand"
    );
    assert_eq!(at(ops::Min.into(), &[2.0, 2.0]), [0.0, 1.0]);
    assert_eq!(at(ops::Abs.into(), &[0.0]), [0.0]);
    let whole = |op: Op, data: &[f64]| gradient_of_row(op, data);
    assert_eq!(whole(ops::ReduceMax { axes: vec![0] }.into(), &[1.0, 3.0, 3.0]), [0.0, 1.0, 0.0]);
}

#[test]
fn special_values() {
    let (nan, inf) = (f64::NAN, f64::INFINITY);
    let erf = |x: f64| scalar(&ops::Erf.into(), &[x]);
    for (x, expected) in [
        (0.3, 0.3286267594591274),
        (2.4999, 0.9995928300996666),
        (2.5001, 0.9995932657565293),
        (5.0, 0.9999999999984626),
    ] {
        assert_close("erf", &[erf(x)], &[expected], 1e-15);
    }
    assert_close("erf across its split", &[erf(2.5 - 1e-13)], &[erf(2.5)], 1e-14);
    assert_eq!((erf(inf), erf(-inf), erf(0.0)), (1.0, -1.0, 0.0));
    assert!(erf(nan).is_nan());
    assert!(scalar(&ops::Sign.into(), &[nan]).is_nan());
    assert_eq!(scalar(&ops::Sign.into(), &[0.0]), 0.0);
    assert_eq!(scalar(&ops::Softplus.into(), &[-800.0]), 0.0);
    assert_eq!(scalar(&ops::Logistic.into(), &[800.0]), 1.0);
}

/// A sample's op in a graph of its own: operands come in as inputs, truth values as comparisons of inputs.
struct Use {
    builder: Builder,
    inputs: Vec<(String, NodeId)>,
    environment: Environment,
    results: Vec<(String, NodeId)>,
    /// The results that are f32 as the op gives them.
    differentiable: Vec<NodeId>,
}

impl Use {
    /// `None` for ops on tuples, which no input can be: other ops' samples use them.
    fn new(sample: &Sample) -> Option<Self> {
        let mut builder = Builder::new();
        let (mut inputs, mut environment, mut operands) = (Vec::new(), Environment::new(), Vec::new());
        for (position, (ty, value)) in sample.operands.iter().zip(&sample.values).enumerate() {
            let (name, ty) = (format!("x{position}"), ty.as_tensor()?);
            let is_bool = ty.dtype == DType::Bool;
            let dtype = if is_bool { DType::I32 } else { ty.dtype };
            let input = builder.input(&name, ty.with_dtype(dtype));
            environment.insert(name.clone(), Value { dtype, ..value.clone() });
            let zero = is_bool.then(|| builder.push(ops::Constant::new(0.0, ty.with_dtype(dtype)), &[]));
            operands.push(match zero {
                Some(zero) => builder.compare(ops::compare::Direction::Ne, input, zero),
                None => input,
            });
            inputs.push((name, input));
        }
        let node = builder.push(sample.op.clone(), &operands);
        let results = match &builder.graph().node(node).ty {
            Type::Tensor(_) => vec![node],
            Type::Tuple(parts) => (0..parts.len()).map(|index| builder.get(node, index)).collect(),
        };
        let is_f32 = |id: &NodeId| builder.tensor(*id).dtype == DType::F32;
        let differentiable = results.iter().copied().filter(is_f32).collect();
        let mut leaves = |id| if builder.tensor(id).dtype == DType::Bool { builder.convert(id) } else { id };
        let results = results.iter().enumerate().map(|(i, &id)| (format!("r{i}"), leaves(id))).collect();
        Some(Use { builder, inputs, environment, results, differentiable })
    }

    /// The f32 inputs of the op.
    fn real_inputs(&self) -> Vec<(String, NodeId)> {
        self.inputs.iter().filter(|(_, id)| !self.builder.is_discrete(*id)).cloned().collect()
    }

    /// The gradients of a scalar by all of them.
    fn gradients(&mut self, loss: NodeId) -> Vec<NodeId> {
        let wrt: Vec<NodeId> = self.real_inputs().into_iter().map(|(_, id)| id).collect();
        let one = self.builder.constant(1.0, Shape::scalar());
        autodiff::vjp(&mut self.builder, &[(loss, one)], &wrt)
    }

    /// Σ weight · element over all elements of some nodes: a node. The weights are inputs whose names begin with `what`.
    fn weighted(&mut self, what: &str, nodes: &[NodeId]) -> NodeId {
        let mut loss = self.builder.constant(0.0, Shape::scalar());
        for (seed, &node) in nodes.iter().enumerate() {
            // Their values are made for the sample's batch size.
            let (name, ty) = (format!("weight of {what} {seed}"), self.builder.tensor(node).clone());
            let weight = self.builder.input(&name, ty.clone());
            let data = noise(seed + what.len(), ty.shape.at(3).iter().product());
            self.environment.insert(name, Value::f32(&ty.shape.at(3), data));
            let product = self.builder.mul(weight, node);
            let axes: Vec<usize> = (0..ty.shape.rank()).collect();
            let sum = self.builder.reduce_sum(product, &axes);
            loss = self.builder.add(loss, sum);
        }
        loss
    }

    fn function(self) -> Function {
        let Use { builder, results, .. } = self;
        Function { name: "sample".to_owned(), graph: builder.finish(), results, updates: Vec::new() }
    }
}

fn infer(sample: &Sample) -> Type {
    sample.op.infer(&sample.operands.iter().collect::<Vec<_>>()).expect("samples are well typed")
}

fn parts(ty: &Type) -> Vec<TensorType> {
    match ty {
        Type::Tensor(tensor) => vec![tensor.clone()],
        Type::Tuple(parts) => parts.clone(),
    }
}

fn eval(op: &Op, ty: &Type, operands: &[Value], batch: usize) -> Vec<Value> {
    let context = EvalContext { batch, ty, environment: &BTreeMap::new() };
    op.eval(&operands.iter().collect::<Vec<_>>(), &context)
}

/// The value of an elementwise op on scalars.
fn scalar(op: &Op, operands: &[f64]) -> f64 {
    let values: Vec<Value> = operands.iter().map(|&x| Value::f32(&[], vec![x])).collect();
    eval(op, &TensorType::f32(Shape::scalar()).into(), &values, 1)[0].data[0]
}

/// The derivatives of an elementwise op on scalars, one per operand.
fn gradient(op: Op, operands: &[f64]) -> Vec<f64> {
    let values: Vec<Value> = operands.iter().map(|&x| Value::f32(&[], vec![x])).collect();
    gradients(op, &values).concat()
}

/// The derivative of a reduction of one row.
fn gradient_of_row(op: Op, row: &[f64]) -> Vec<f64> {
    gradients(op, &[Value::f32(&[row.len()], row.to_vec())]).concat()
}

fn gradients(op: Op, operands: &[Value]) -> Vec<Vec<f64>> {
    let types = operands.iter().map(|value| TensorType::f32(Shape::fixed(&value.shape)));
    let sample = Sample::new(op, types, operands.to_vec(), None);
    let mut use_of = Use::new(&sample).expect("tensor operands");
    let result = use_of.results[0].1;
    let one = use_of.builder.constant_like(1.0, result);
    let wrt: Vec<NodeId> = use_of.inputs.iter().map(|&(_, id)| id).collect();
    let gradients = autodiff::vjp(&mut use_of.builder, &[(result, one)], &wrt);
    let values = interp::values(use_of.builder.graph(), &use_of.environment, 1);
    gradients.iter().map(|gradient| values[gradient.index()][0].data.clone()).collect()
}

/// Numbers in −1…1 without pattern, the same ones for the same seed.
fn noise(seed: usize, count: usize) -> Vec<f64> {
    (0..count).map(|i| ((seed * 31 + i) as f64 * 12.9898 + 0.3).sin()).collect()
}

fn assert_close(what: &str, found: &[f64], expected: &[f64], tolerance: f64) {
    assert_eq!(found.len(), expected.len(), "{what}");
    for (f, e) in found.iter().zip(expected) {
        assert!(
            (f - e).abs() <= tolerance * e.abs().max(1.0),
            "{what}: found {found:?}, expected {expected:?}"
        );
    }
}
