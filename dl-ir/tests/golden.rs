//! Golden files: each `golden/*.dlir` begins with a command, goes on with a module, and ends with what the command
//! shows.
//!
//! ```text
//! ; test: text
//! dl 1
//! …
//! ; expect:
//! ; dl 1
//! ; …
//! ```
//!
//! `DL_BLESS=1 cargo test -p dl-ir --test golden` rewrites the expectations; read the difference before you commit it.

#[path = "common/driver.rs"]
mod driver;

use std::collections::BTreeMap;
use std::path::Path;

use dl_ir::builder::Builder;
use dl_ir::graph::NodeId;
use dl_ir::interp::{self, Environment};
use dl_ir::module::{Function, Module};
use dl_ir::ops::Op;
use dl_ir::types::{DType, Shape, TensorType};
use dl_ir::value::Value;
use dl_ir::{autodiff, passes, text, verify};
use driver::Command;

/// All commands by name.
const COMMANDS: &[(&str, Command<GoldenError>)] = &[
    ("autodiff", show_autodiff),
    ("pass", show_pass),
    ("run", show_run),
    ("text", show_text),
    ("verify", show_verify),
];

#[derive(Debug, thiserror::Error)]
enum GoldenError {
    #[error(transparent)]
    Parse(#[from] text::ParseError),
    #[error(transparent)]
    Verify(#[from] verify::VerifyError),
    #[error("there is no pass `{name}`")]
    UnknownPass { name: String },
    #[error("usage: {usage}")]
    Usage { usage: &'static str },
    #[error("`; {name} = …` must give {expected} numbers")]
    Numbers { name: String, expected: usize },
    #[error("function `{function}` must first return an f32 scalar")]
    NoScalar { function: String },
}

#[test]
fn golden_files_agree() {
    driver::check_folder(&Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden"), COMMANDS);
}

/// `text`: the canonical text, or the error.
fn show_text(_: &[&str], text: &str) -> Result<String, GoldenError> {
    Ok(match text::parse(text) {
        Ok(module) => module.to_string(),
        Err(error) => error.to_string(),
    })
}

/// `verify`: whether the module is valid, or the error.
fn show_verify(_: &[&str], text: &str) -> Result<String, GoldenError> {
    Ok(match text::parse(text) {
        Ok(module) => match verify::verify_module(&module) {
            Ok(()) => "valid".to_owned(),
            Err(error) => error.to_string(),
        },
        Err(error) => error.to_string(),
    })
}

/// `autodiff`: each function with the gradients of its first result, by every f32 input and state that it reads. `autodiff twice`: with
/// the sum of their squares, and the gradients of that.
fn show_autodiff(arguments: &[&str], text: &str) -> Result<String, GoldenError> {
    let module = text::parse(text)?;
    let mut functions = module.functions.iter().map(with_gradients).collect::<Result<Vec<_>, _>>()?;
    match arguments {
        [] => {}
        ["twice"] => {
            functions =
                functions.iter().map(|once| with_gradients(&with_slope(once))).collect::<Result<_, _>>()?;
        }
        _ => return Err(GoldenError::Usage { usage: "autodiff [twice]" }),
    }
    Ok(Module { functions, ..module }.to_string())
}

/// A function that returns how steep the first result is: Σ gradient².
fn with_slope(function: &Function) -> Function {
    let mut builder = Builder::new();
    let ids = builder.copy(&function.graph);
    let mut slope = builder.constant(0.0, Shape::scalar());
    for (_, gradient) in function.results.iter().filter(|(name, _)| name.starts_with("grad.")) {
        let gradient = ids[gradient.index()];
        let squares = builder.mul(gradient, gradient);
        let axes: Vec<usize> = (0..builder.shape(gradient).rank()).collect();
        let sum = builder.reduce_sum(squares, &axes);
        slope = builder.add(slope, sum);
    }
    let results = vec![("slope".to_owned(), slope)];
    Function { name: function.name.clone(), graph: builder.finish(), results, updates: Vec::new() }
}

fn with_gradients(function: &Function) -> Result<Function, GoldenError> {
    let is_scalar = |node: NodeId| {
        let ty = function.graph.tensor(node);
        ty.dtype == DType::F32 && ty.shape.rank() == 0
    };
    let Some(&(_, loss)) = function.results.first().filter(|&&(_, node)| is_scalar(node)) else {
        return Err(GoldenError::NoScalar { function: function.name.clone() });
    };
    let mut builder = Builder::new();
    let ids = builder.copy(&function.graph);
    let wrt: Vec<(String, NodeId)> = function
        .graph
        .ids()
        .filter_map(|id| leaf(function.graph.op(id)).map(|(name, ty)| (name, ty, ids[id.index()])))
        .filter(|(_, ty, _)| ty.dtype == DType::F32)
        .map(|(name, _, id)| (format!("grad.{name}"), id))
        .collect();
    let one = builder.constant_like(1.0, ids[loss.index()]);
    let nodes: Vec<NodeId> = wrt.iter().map(|&(_, id)| id).collect();
    let gradients = autodiff::vjp(&mut builder, &[(ids[loss.index()], one)], &nodes);
    let results = function.results.iter().map(|(name, id)| (name.clone(), ids[id.index()]));
    let gradients = wrt.into_iter().map(|(name, _)| name).zip(gradients);
    let results = results.chain(gradients).collect();
    Ok(Function { name: function.name.clone(), graph: builder.finish(), results, updates: Vec::new() })
}

/// `pass NAME`: the module after this pass.
fn show_pass(arguments: &[&str], text: &str) -> Result<String, GoldenError> {
    let [name] = arguments else { return Err(GoldenError::Usage { usage: "pass NAME" }) };
    let pass = passes::find(name).ok_or_else(|| GoldenError::UnknownPass { name: (*name).to_owned() })?;
    let module = text::parse(text)?;
    let functions = module.functions.into_iter().map(pass.run).collect();
    let after = Module { functions, ..module };
    verify::verify_module(&after)?;
    Ok(after.to_string())
}

/// `run FUNCTION B`: its results and updates on a batch of B, by the interpreter, with inputs and states from lines
/// such as `; x = 1, 2.5, -3`.
fn show_run(arguments: &[&str], text: &str) -> Result<String, GoldenError> {
    let module = text::parse(text)?;
    let usage = GoldenError::Usage { usage: "run FUNCTION BATCH" };
    let (function, batch) = match arguments {
        [name, batch] => (module.function(name), batch.parse::<usize>().ok()),
        _ => (None, None),
    };
    let (Some(function), Some(batch)) = (function, batch) else { return Err(usage) };
    let mut environment = Environment::new();
    for id in function.graph.ids() {
        if let Some((name, ty)) = leaf(function.graph.op(id)) {
            environment.insert(name.to_owned(), read_value(text, name, ty, batch)?);
        }
    }
    let outcome = interp::run(function, &environment, batch);
    Ok(show_values("return", &outcome.results) + &show_values("update", &outcome.updates))
}

fn read_value(text: &str, name: &str, ty: &TensorType, batch: usize) -> Result<Value, GoldenError> {
    let shape = ty.shape.at(batch);
    let expected = shape.iter().product();
    let prefix = format!("; {name} = ");
    let numbers = text.lines().find_map(|line| line.strip_prefix(&prefix)).unwrap_or("");
    let data: Result<Vec<f64>, _> = numbers.split(',').map(|number| number.trim().parse()).collect();
    match data {
        Ok(data) if data.len() == expected => Ok(Value::new(ty.dtype, shape, data)),
        _ => Err(GoldenError::Numbers { name: name.to_owned(), expected }),
    }
}

fn show_values(word: &str, values: &BTreeMap<String, Value>) -> String {
    let line = |(name, value): (&String, &Value)| {
        let data: Vec<String> = value.data.iter().map(f64::to_string).collect();
        format!("{word} {name} : {}{:?} = {}\n", value.dtype.name(), value.shape, data.join(", "))
    };
    values.iter().map(line).collect()
}

/// The name and type of an input or a state.
fn leaf(op: &Op) -> Option<(&str, &TensorType)> {
    match op {
        Op::Input(input) => Some((&input.name, &input.ty)),
        Op::State(state) => Some((&state.name, &state.ty)),
        _ => None,
    }
}
