//! Golden files of code generation: each `golden/*.dlir` begins with a command and a module, and ends with what the command shows.
//!
//! | command | shows |
//! | --- | --- |
//! | `fuse FUNCTION` | its fusion groups |
//! | `plan FUNCTION LANES` | buffers, where they lie and how long, and the order of kernels |
//! | `kernel FUNCTION GROUP LANES` | the kernel of a group |
//! | `run FUNCTION BATCH` | what it computes on made-up numbers: the same to the bit at every width, and close to the interpreter's |
//!
//! `DL_BLESS=1 cargo test -p dl-codegen --test golden` rewrites the expectations; read the difference before you commit it.

#[path = "../../dl-ir/tests/common/driver.rs"]
mod driver;

use std::fmt::Write;
use std::path::Path;

use dl_codegen::compile::{CompileError, Lowered, lower};
use dl_codegen::fuse::{self, FuseError};
use dl_codegen::jit::missing_features;
use dl_codegen::plan::{BATCH_SIZE, plan_state};
use dl_codegen::target::Target;
use dl_codegen::vector::Lanes;
use dl_ir::interp::{self, Environment};
use dl_ir::module::{Function, Module};
use dl_ir::ops::Op;
use dl_ir::text;
use dl_ir::types::{DType, Shape, TensorType};
use dl_ir::value::Value;
use dl_runtime::machine::{Machine, RunError};
use dl_runtime::program::Element;
use driver::Command;

/// All commands by name.
const COMMANDS: &[(&str, Command<GoldenError>)] =
    &[("fuse", show_fuse), ("kernel", show_kernel), ("plan", show_plan), ("run", show_run)];

#[derive(Debug, thiserror::Error)]
enum GoldenError {
    #[error(transparent)]
    Parse(#[from] text::ParseError),
    #[error(transparent)]
    Fuse(#[from] FuseError),
    #[error(transparent)]
    Compile(#[from] CompileError),
    #[error(transparent)]
    Run(#[from] RunError),
    #[error("usage: {usage}")]
    Usage { usage: &'static str },
    #[error("{name} at {lanes:?}: found {found:?}, but the interpreter has {expected:?}")]
    Wrong { name: String, lanes: Lanes, found: Vec<f32>, expected: Vec<f64> },
    #[error("{name} at {lanes:?} has other bits than before")]
    OtherBits { name: String, lanes: Lanes },
}

#[test]
fn golden_files_agree() {
    driver::check_folder(&Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden"), COMMANDS);
}

/// The function that a command names, and its other words.
fn parse<'m, const N: usize>(
    arguments: &[&str],
    module: &'m Module,
    usage: &'static str,
) -> Result<(&'m Function, [usize; N]), GoldenError> {
    let wrong = GoldenError::Usage { usage };
    let Some((name, numbers)) = arguments.split_first() else { return Err(wrong) };
    let numbers: Option<Vec<usize>> = numbers.iter().map(|number| number.parse().ok()).collect();
    match (module.function(name), numbers.map(<[usize; N]>::try_from)) {
        (Some(function), Some(Ok(numbers))) => Ok((function, numbers)),
        _ => Err(wrong),
    }
}

fn lanes(count: usize, usage: &'static str) -> Result<Lanes, GoldenError> {
    let known = [Lanes::L4, Lanes::L8, Lanes::L16].into_iter().find(|lanes| lanes.count() == count);
    known.ok_or(GoldenError::Usage { usage })
}

fn lowered(module: &Module, function: &Function, lanes: Lanes) -> Result<Lowered, FuseError> {
    let target = Target { lanes };
    lower(function, &plan_state(module, target), target)
}

fn show_fuse(arguments: &[&str], text: &str) -> Result<String, GoldenError> {
    let module = text::parse(text)?;
    let (function, []) = parse(arguments, &module, "fuse FUNCTION")?;
    let groups = fuse::fuse(function, Target { lanes: Lanes::L16 })?;
    Ok(groups.iter().map(|group| fuse::text::show(&function.graph, group, false)).collect())
}

fn show_plan(arguments: &[&str], text: &str) -> Result<String, GoldenError> {
    let module = text::parse(text)?;
    let usage = "plan FUNCTION LANES";
    let (function, [count]) = parse(arguments, &module, usage)?;
    let lowered = lowered(&module, function, lanes(count, usage)?)?;
    let mut shown = lowered.plan.to_string();
    for (index, group) in lowered.groups.iter().enumerate() {
        let graph = lowered.graph(function, index);
        write!(shown, "k{index}: {}", fuse::text::show(graph, group, false)).expect("writing to a string");
    }
    Ok(shown)
}

fn show_kernel(arguments: &[&str], text: &str) -> Result<String, GoldenError> {
    let module = text::parse(text)?;
    let usage = "kernel FUNCTION GROUP LANES";
    let (function, [group, count]) = parse(arguments, &module, usage)?;
    let lowered = lowered(&module, function, lanes(count, usage)?)?;
    let kernel = *lowered.kernel_of.get(group).ok_or(GoldenError::Usage { usage })?;
    Ok(lowered.kernels[kernel].to_string())
}

fn show_run(arguments: &[&str], text: &str) -> Result<String, GoldenError> {
    let module = text::parse(text)?;
    let (function, [batch]) = parse(arguments, &module, "run FUNCTION BATCH")?;
    let environment = environment(&module, function, batch);
    let expected = interp::run(function, &environment, batch);
    let mut first: Option<Vec<(String, Vec<f32>)>> = None;
    for lanes in [Lanes::L4, Lanes::L8, Lanes::L16] {
        if !missing_features(lanes).is_empty() {
            continue;
        }
        let found = run(&module, function, &environment, batch, lanes)?;
        let expected = expected.results.values().chain(expected.updates.values());
        for ((name, found), expected) in found.iter().zip(expected) {
            let close = |(&f, &e): (&f32, &f64)| (f64::from(f) - e).abs() <= 1e-5 * (1.0 + e.abs());
            if found.len() != expected.data.len() || !found.iter().zip(&expected.data).all(close) {
                let (name, found, expected) = (name.clone(), found.clone(), expected.data.clone());
                return Err(GoldenError::Wrong { name, lanes, found, expected });
            }
        }
        let first = first.get_or_insert_with(|| found.clone());
        for ((name, first), (_, found)) in first.iter().zip(&found) {
            if bits(first) != bits(found) {
                return Err(GoldenError::OtherBits { name: name.clone(), lanes });
            }
        }
    }
    let line = |(name, values): &(String, Vec<f32>)| {
        let values: Vec<String> = values.iter().map(|value| format!("{value:.4}")).collect();
        format!("{name} = {}\n", values.join(", "))
    };
    Ok(first.expect("every CPU has 4 lanes").iter().map(line).collect())
}

fn bits(values: &[f32]) -> Vec<u32> {
    values.iter().map(|value| value.to_bits()).collect()
}

/// Made-up inputs and states: thirds from -1 on, or small integers.
fn environment(module: &Module, function: &Function, batch: usize) -> Environment {
    let mut environment = Environment::new();
    let made_up = |ty: &TensorType, batch| {
        let mut index = 0;
        Value::from_fn(ty, batch, |_| {
            index += 1;
            let value = f64::from(index * 7 % 11);
            if ty.dtype == DType::I32 { value % 2.0 } else { f64::from((value / 3.0 - 1.0) as f32) }
        })
    };
    for id in function.graph.ids() {
        if let Op::Input(input) = function.graph.op(id) {
            environment.insert(input.name.clone(), made_up(&input.ty, batch));
        }
    }
    for state in &module.states {
        environment.insert(state.name.clone(), made_up(&state.ty, 1));
    }
    let count = Value::from_fn(&TensorType::f32(Shape::scalar()), 1, |_| batch as f64);
    environment.insert(BATCH_SIZE.to_owned(), count);
    environment
}

/// Results by name, and then updated states by name.
fn run(
    module: &Module,
    function: &Function,
    environment: &Environment,
    batch: usize,
    lanes: Lanes,
) -> Result<Vec<(String, Vec<f32>)>, GoldenError> {
    let mut machine = Machine::new(plan_state(module, Target { lanes }), 1)?;
    let id = lowered(module, function, lanes)?.load(&mut machine)?;
    for (slot, state) in module.states.iter().enumerate() {
        let data: Vec<f32> = environment[&state.name].data.iter().map(|&value| value as f32).collect();
        machine.set_state(slot, &data)?;
    }
    let mut call = machine.call(id, batch)?;
    for (name, buffer) in call.program().inputs.clone() {
        let value = &environment[&name].data;
        match call.program().buffers[buffer.0 as usize].element {
            Element::F32 => call.input(buffer).iter_mut().zip(value).for_each(|(to, &v)| *to = v as f32),
            Element::I32 => call.input(buffer).iter_mut().zip(value).for_each(|(to, &v)| *to = v as i32),
        }
    }
    call.run()?;
    let results = call.program().results.iter().map(|(name, id)| (name.clone(), call.plain_result(*id)));
    let mut found: Vec<(String, Vec<f32>)> = results.collect();
    found.sort_by(|a, b| a.0.cmp(&b.0));
    let mut updated: Vec<&String> = function.updates.iter().map(|(name, _)| name).collect();
    updated.sort();
    for name in updated {
        let slot =
            module.states.iter().position(|state| state.name == *name).expect("checked by the verifier");
        found.push((name.clone(), machine.state(slot)));
    }
    Ok(found)
}
