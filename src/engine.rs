//! Runs the functions of a network: compiles each when it is first called, hands tensors in and finds results.

use std::borrow::Cow;

use dl_codegen::compile::{CompileError, lower};
use dl_codegen::plan::{BATCH_SIZE, plan_state};
use dl_codegen::target::Target;
use dl_ir::losses::LossRule;
use dl_ir::module::{self as ir_module, Init, Module, StateRole};
use dl_ir::network as ir;
use dl_ir::types::{DType, TensorType};
use dl_ir::{build, passes};
use dl_runtime::finite::first_not_finite;
use dl_runtime::init;
use dl_runtime::machine::{Call, Given, Machine, ProgramId, RunError};
use dl_runtime::program::{BufferId, Element, StateSlot};
use dl_runtime::tensor::{Data, Examples, Targets, Tensor, TensorError};

use crate::error::{Error, NotFiniteCause, Result};
use crate::function::Function;

/// A compiled function: where its inputs are.
#[derive(Clone, Copy, Debug)]
struct Entry {
    program: ProgramId,
    x: Option<BufferId>,
    y: Option<BufferId>,
    dy: Option<BufferId>,
    batch_size: Option<BufferId>,
}

impl Entry {
    fn new(program: ProgramId, inputs: &[(String, BufferId)]) -> Self {
        let find = |name: &str| inputs.iter().find(|(known, _)| known == name).map(|&(_, buffer)| buffer);
        Entry { program, x: find("x"), y: find("y"), dy: find("dy"), batch_size: find(BATCH_SIZE) }
    }
}

/// The functions of a network for one type of targets.
#[derive(Debug)]
struct Variant {
    target: TensorType,
    /// Optimised; functions are added when they are first needed.
    module: Module,
    entries: [Option<Entry>; Function::ALL.len()],
}

/// A network's machine and its functions.
#[derive(Debug)]
pub(crate) struct Engine {
    network: ir::Network,
    target: Target,
    machine: Machine,
    variants: Vec<Variant>,
    /// The shape of an example.
    input: Vec<usize>,
    /// The layer that asks for the most examples in a batch of training, and how many.
    min_batch: (String, usize),
}

impl Engine {
    /// `module` is the optimised module for the usual targets, where it is there already.
    pub(crate) fn new(
        network: ir::Network,
        module: Option<Module>,
        target: Target,
        threads: usize,
    ) -> Result<Self> {
        let missing = dl_codegen::jit::missing_features(target.lanes);
        if !missing.is_empty() {
            let error = dl_codegen::jit::JitError::CpuFeatures { lanes: target.lanes, missing };
            return Err(CompileError::from(error).into());
        }
        let declarations = build::declarations(&network);
        let machine = Machine::new(plan_state(&declarations, target), threads)?;
        let entries = [None; Function::ALL.len()];
        let unbuilt = |target| Variant { target, module: declarations.clone(), entries };
        let mut variants: Vec<Variant> = network.target_types().into_iter().map(unbuilt).collect();
        if let Some(module) = module {
            variants[0].module = module;
        }
        let input = network.input_shape().to_vec();
        let (layer, least) = network.min_batch();
        let min_batch = (layer.name.clone(), least);
        Ok(Engine { network, target, machine, variants, input, min_batch })
    }

    pub(crate) fn network(&self) -> &ir::Network {
        &self.network
    }

    pub(crate) fn target(&self) -> Target {
        self.target
    }

    pub(crate) fn machine(&self) -> &Machine {
        &self.machine
    }

    /// A state in its plain form.
    pub(crate) fn state(&self, slot: usize) -> Tensor {
        let StateSlot { shape, element, .. } = &self.machine.state_plan().slots[slot];
        let data: Data = match element {
            Element::F32 => self.machine.state::<f32>(slot).into(),
            Element::I32 => self.machine.state::<i32>(slot).into(),
        };
        Tensor::new(shape.clone(), data).expect("a state has as many elements as its shape says")
    }

    /// Overwrites a state from its plain form.
    ///
    /// # Panics
    /// If the state is of another type.
    pub(crate) fn set_state(&mut self, slot: usize, plain: &Data) -> Result<()> {
        match plain {
            Data::F32(values) => self.machine.set_state(slot, values)?,
            Data::I32(values) => self.machine.set_state(slot, values)?,
            Data::I64(_) | Data::U8(_) => unreachable!("no state is of this type"),
        }
        Ok(())
    }

    /// The declarations of all state; functions that were not needed yet are missing.
    pub(crate) fn declarations(&self) -> &Module {
        &self.variants[0].module
    }

    /// The module for the usual targets, optimised, with all functions.
    pub(crate) fn module(&self) -> Result<Module> {
        let variant = &self.variants[0];
        let functions = Function::ALL.iter().map(|function| match variant.module.function(function.name()) {
            Some(function) => Ok(function.clone()),
            None => optimized(&self.network, &variant.target, *function),
        });
        Ok(Module { functions: functions.collect::<Result<_>>()?, ..build::declarations(&self.network) })
    }

    /// Sets all state to its first value.
    pub(crate) fn initialize(&mut self, seed: u64) -> Result<()> {
        for (slot, state) in self.declarations().states.clone().into_iter().enumerate() {
            let shape = state.ty.shape.as_fixed().expect("states do not depend on the batch");
            if state.ty.dtype == DType::I32 {
                let words = vec![first_word(state.init, seed); shape.iter().product()];
                self.machine.set_state(slot, &words)?;
            } else {
                let values = init::fill(runtime_init(state.init, &shape), seed, slot as u32, &shape);
                self.machine.set_state(slot, &values)?;
            }
        }
        Ok(())
    }

    /// Compiles the functions of training and provides memory for batches of `n` examples.
    pub(crate) fn reserve(&mut self, n: usize) -> Result<()> {
        for function in [Function::TrainStep, Function::Predict] {
            let entry = self.entry(function, 0)?;
            self.machine.call(entry.program, n)?;
        }
        Ok(())
    }

    /// Runs a function on examples alone.
    pub(crate) fn run(&mut self, function: Function, x: &impl Examples) -> Result<Call<'_>> {
        let n = self.check_examples(x)?;
        if function.is_training() {
            self.check_training(n)?;
        }
        let entry = self.entry(function, 0)?;
        let mut call = self.machine.call(entry.program, n)?;
        let x = give_examples(&mut call, entry, x, &self.network, function.is_training())?;
        call.run_on(x.into_iter()).map_err(input_not_finite)?;
        Ok(call)
    }

    /// Runs a function on examples and targets.
    pub(crate) fn run_with_targets(
        &mut self,
        function: Function,
        x: &impl Examples,
        y: &impl Targets,
    ) -> Result<Call<'_>> {
        let n = self.check_examples(x)?;
        if y.n_targets() != n {
            return Err(Error::BatchSizes { examples: n, targets: y.n_targets() });
        }
        if function.is_training() {
            self.check_training(n)?;
        }
        let variant = self.variant_for(y)?;
        let entry = self.entry(function, variant)?;
        let mut call = self.machine.call(entry.program, n)?;
        // A loss can be finite where gradients are not: tanh(∞) is 1. No step may make parameters NaN.
        let must_be_finite = function.is_training();
        let x = give_examples(&mut call, entry, x, &self.network, must_be_finite)?;
        let y = give_targets(&mut call, entry, y, &self.network, must_be_finite)?;
        let loss = match call.run_on(x.into_iter().chain(y)) {
            Ok(()) => call.scalar("loss").expect("functions of targets have a loss"),
            Err(RunError::NotFinite { value, .. }) => value,
            Err(RunError::InputNotFinite { input, index, value, .. }) => {
                let cause = if input == "x" {
                    NotFiniteCause::Input { index, value }
                } else {
                    NotFiniteCause::Target { index, value }
                };
                return Err(Error::NotFinite { loss: f32::NAN, cause });
            }
            Err(error) => return Err(error.into()),
        };
        if function.is_training() && !loss.is_finite() {
            return Err(self.not_finite(loss));
        }
        // The call is begun anew: the borrow checker does not see that the error above ends the first. It moves nothing.
        Ok(self.machine.call(entry.program, n)?)
    }

    /// Runs the vector–Jacobian product on examples and a cotangent of their outputs.
    pub(crate) fn run_with_cotangent(&mut self, x: &impl Examples, dy: &impl Targets) -> Result<Call<'_>> {
        let n = self.check_examples(x)?;
        let output = self.network.output_shape();
        // One number an example serves an output of one element.
        let is_single = dy.target_shape().is_empty() && output.iter().product::<usize>() == 1;
        if dy.n_targets() != n || (dy.target_shape() != output && !is_single) {
            let with_batch = |n: usize, shape: &[usize]| [&[n], shape].concat();
            let (expected, found) = (with_batch(n, output), with_batch(dy.n_targets(), dy.target_shape()));
            return Err(Error::CotangentShape { expected, found });
        }
        self.check_training(n)?;
        let entry = self.entry(Function::Vjp, 0)?;
        let mut call = self.machine.call(entry.program, n)?;
        let x = give_examples(&mut call, entry, x, &self.network, true)?;
        let given = Given {
            buffer: entry.dy.expect("the product is linear in dy"),
            lent: dy.as_values(),
            must_be_finite: !dy.are_integers(),
        };
        let dy = give(&mut call, given, |to| dy.write_values(to));
        let dy = dy.map_err(|source| Error::Tensor { tensor: "dy", source })?;
        call.run_on(x.into_iter().chain([dy])).map_err(input_not_finite)?;
        Ok(call)
    }

    /// Runs the optimizer on these gradients of all parameters, given by name, in plain shapes.
    pub(crate) fn apply_gradients(&mut self, gradients: &[(String, Cow<'_, [f32]>)]) -> Result<()> {
        let entry = self.entry(Function::ApplyGradients, 0)?;
        let mut call = self.machine.call(entry.program, 1)?;
        for (parameter, gradient) in gradients {
            let name = build::gradient_name(parameter);
            let buffer = call.program().inputs.iter().find(|(known, _)| *known == name).map(|&(_, id)| id);
            call.set_plain_input(buffer.expect("an input for each parameter"), gradient);
        }
        Ok(call.run()?)
    }

    fn check_examples(&self, x: &impl Examples) -> Result<usize> {
        if x.example_shape() != self.input {
            let found = x.example_shape().to_vec();
            return Err(Error::InputShape { expected: self.input.clone(), found });
        }
        Ok(x.n_examples())
    }

    /// Refuses a batch that is too small to compute with in training mode.
    fn check_training(&self, n: usize) -> Result<()> {
        let (layer, expected) = &self.min_batch;
        // An empty batch is refused for what it is, whatever the network.
        if (1..*expected).contains(&n) {
            return Err(Error::SmallBatch { layer: layer.clone(), expected: *expected, found: n });
        }
        Ok(())
    }

    /// The variant for these targets, by their type and shape.
    fn variant_for(&self, y: &impl Targets) -> Result<usize> {
        let shape = y.target_shape();
        let fits = |variant: &Variant| {
            let dims = &variant.target.shape.dims()[1..];
            let same = dims.iter().map(|dim| dim.as_static()).eq(shape.iter().map(|&size| Some(size)));
            // One number an example serves an output of one element.
            same || (shape.is_empty()
                && variant.target.dtype == DType::F32
                && dims.iter().all(|d| d.at(1) == 1))
        };
        let index = self
            .variants
            .iter()
            .position(|variant| fits(variant) && (variant.target.dtype != DType::I32 || y.are_integers()));
        index.ok_or_else(|| {
            let loss = self.network.loss().name();
            if self.variants.iter().any(fits) {
                return Error::TargetType { loss, shape: shape.to_vec() };
            }
            let expected = self.variants.iter().map(|variant| variant.target.shape.at(1)[1..].to_vec());
            Error::TargetShape { loss, expected: expected.collect(), found: shape.to_vec() }
        })
    }

    /// A function for one kind of targets, compiled.
    fn entry(&mut self, function: Function, variant: usize) -> Result<Entry> {
        if let Some(entry) = self.variants[variant].entries[function as usize] {
            return Ok(entry);
        }
        let Variant { target, module, .. } = &mut self.variants[variant];
        if module.function(function.name()).is_none() {
            module.functions.push(optimized(&self.network, target, function)?);
        }
        let body = module.function(function.name()).expect("it is there, or was added");
        let lowered = lower(body, self.machine.state_plan(), self.target).map_err(CompileError::from)?;
        let program = lowered.load(&mut self.machine)?;
        let entry = Entry::new(program, &self.machine.program(program).inputs);
        self.variants[variant].entries[function as usize] = Some(entry);
        Ok(entry)
    }

    /// Why a loss is not finite, though examples and targets are: looked for only now that it happened.
    fn not_finite(&self, loss: f32) -> Error {
        let parameters = self.declarations().states.iter().enumerate();
        let parameters = parameters.filter(|(_, state)| state.role == StateRole::Parameter);
        let mut causes = parameters.filter_map(|(slot, state)| {
            let (index, value) = first_not_finite(&self.machine.state(slot))?;
            Some(NotFiniteCause::Parameter { name: state.name.clone(), index, value })
        });
        Error::NotFinite { loss, cause: causes.next().unwrap_or(NotFiniteCause::Overflow) }
    }
}

/// An input that is not finite, where no loss is asked for.
fn input_not_finite(error: RunError) -> Error {
    match error {
        RunError::InputNotFinite { input, index, value, .. } => {
            Error::ValueNotFinite { tensor: input, index, value }
        }
        error => error.into(),
    }
}

/// One function of a network, optimised.
fn optimized(network: &ir::Network, target: &TensorType, function: Function) -> Result<ir_module::Function> {
    let function = build::function(network, target, function.name()).expect("one of a network's functions");
    let module = Module { functions: vec![function], ..build::declarations(network) };
    let mut optimized = passes::optimize(module, |_, _| ())?;
    Ok(optimized.functions.remove(0))
}

fn give_examples<'x>(
    call: &mut Call<'_>,
    entry: Entry,
    x: &'x impl Examples,
    network: &ir::Network,
    must_be_finite: bool,
) -> Result<Option<Given<'x>>> {
    if let Some(batch_size) = entry.batch_size {
        call.input::<f32>(batch_size)[0] = call.n() as f32;
    }
    let Some(buffer) = entry.x else { return Ok(None) };
    let given = match network.vocabulary() {
        Some(vocabulary) => x.write_tokens(vocabulary, call.input(buffer)).map(|()| None),
        None => {
            let must_be_finite = must_be_finite && !x.are_integers();
            let given = Given { buffer, lent: x.as_reals(), must_be_finite };
            give(call, given, |to| x.write_reals(to)).map(Some)
        }
    };
    given.map_err(|source| Error::Tensor { tensor: "x", source })
}

fn give_targets<'y>(
    call: &mut Call<'_>,
    entry: Entry,
    y: &'y impl Targets,
    network: &ir::Network,
    must_be_finite: bool,
) -> Result<Option<Given<'y>>> {
    let Some(buffer) = entry.y else { return Ok(None) };
    let to_error = |source| Error::Tensor { tensor: "y", source };
    match call.program().buffers[buffer.0 as usize].element {
        Element::F32 => {
            let must_be_finite = must_be_finite && !y.are_integers();
            let given = Given { buffer, lent: y.as_values(), must_be_finite };
            let given = give(call, given, |to| y.write_values(to)).map_err(to_error)?;
            if y.are_integers() {
                check_integers(network.loss(), call.input(buffer))?;
            }
            Ok(Some(given))
        }
        Element::I32 => {
            let classes = network.output_shape().last().copied().unwrap_or(1);
            y.write_classes(classes, call.input(buffer)).map(|()| None).map_err(to_error)
        }
    }
}

/// That integers mean something as targets of a loss.
fn check_integers(loss: &dyn LossRule, targets: &[f32]) -> Result<()> {
    let Some(expected) = loss.integers() else { return Ok(()) };
    let is_wrong = |value: &f32| !expected.iter().any(|&integer| f32::from(integer) == *value);
    match targets.iter().position(is_wrong) {
        None => Ok(()),
        Some(index) => Err(Error::TargetValue { loss: loss.name(), index, value: targets[index], expected }),
    }
}

/// Lends an input of real numbers that lie as kernels read them, and writes others.
fn give<'v>(
    call: &mut Call<'_>,
    given: Given<'v>,
    write: impl FnOnce(&mut [f32]) -> Result<(), TensorError>,
) -> Result<Given<'v>, TensorError> {
    let to = call.input::<f32>(given.buffer);
    if given.lent.is_some_and(|values| values.len() == to.len()) {
        return Ok(given);
    }
    write(to)?;
    Ok(Given { lent: None, ..given })
}

/// How an integer state begins.
fn first_word(init: Init, seed: u64) -> i32 {
    match init {
        Init::Constant(value) => value as i32,
        Init::Seed { word } => (seed >> (32 * word)) as i32,
        _ => unreachable!("the verifier admits no other first value of integers"),
    }
}

/// How a real state begins.
fn runtime_init(init: Init, shape: &[usize]) -> init::Init {
    match init {
        Init::Seed { .. } => unreachable!("the verifier admits a word of the seed for integers only"),
        Init::Constant(value) => init::Init::Constant(value as f32),
        Init::GlorotUniform { fan_in, fan_out } => init::Init::GlorotUniform { fan_in, fan_out },
        Init::GlorotNormal { fan_in, fan_out } => init::Init::GlorotNormal { fan_in, fan_out },
        Init::HeUniform { fan_in } => init::Init::HeUniform { fan_in },
        Init::Uniform { limit } => init::Init::Uniform { limit: limit as f32 },
        Init::HeNormal { fan_in } => init::Init::HeNormal { fan_in },
        Init::Orthogonal => {
            let (rows, columns) = shape.split_at(shape.len().min(1));
            init::Init::Orthogonal { rows: rows.iter().product(), cols: columns.iter().product() }
        }
        Init::LstmBias => init::Init::LstmBias { hidden: shape.iter().product::<usize>() / 4 },
    }
}
