//! Everything that can go wrong for a user of a network.

use std::path::PathBuf;

use dl_codegen::compile::CompileError;
use dl_ir::verify::VerifyError;
use dl_runtime::data::DataError;
use dl_runtime::files::FileError;
use dl_runtime::machine::RunError;
use dl_runtime::pool::MAX_THREADS;
use dl_runtime::tensor::TensorError;
use thiserror::Error;

use crate::network::Differences;

/// Why a network was not built, or a call changed nothing.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum Error {
    /// The network text has mistakes; they are all shown under their lines.
    #[error("{rendered}")]
    Network {
        /// The number of mistakes.
        count: usize,
        /// The mistakes as rustc would show them.
        rendered: String,
        /// The same with colours, for a terminal.
        styled: String,
    },
    /// A file of network text could not be read.
    #[error("cannot read {}: {source}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// The system's reason.
        source: std::io::Error,
    },
    /// The network needs more memory than its budget allows.
    #[error(
        "the network needs {needed} bytes of memory at batches of {batch}, but its budget is {limit}: {state} are state, and in step {peak_step} of a training step, where most is alive, {largest}; `dlc summary --memory` shows all of it"
    )]
    ArenaBudget {
        /// The examples in a batch.
        batch: usize,
        /// The bytes that it needs.
        needed: usize,
        /// The bytes that its budget allows.
        limit: u64,
        /// Parameters and other state.
        state: usize,
        /// The step of `train_step` in which most is alive.
        peak_step: usize,
        /// What is largest there.
        largest: String,
    },
    /// The examples do not have the network's input shape.
    #[error("examples have shape {found:?}, but the network takes {expected:?} (both without the batch)")]
    InputShape {
        /// The shape of an example that the network takes.
        expected: Vec<usize>,
        /// The shape given.
        found: Vec<usize>,
    },
    /// The targets do not have a shape that the loss takes.
    #[error(
        "targets have shape {found:?}, but {loss} takes {} (both without the batch)",
        expected.iter().map(|shape| format!("{shape:?}")).collect::<Vec<_>>().join(" or ")
    )]
    TargetShape {
        /// The loss.
        loss: &'static str,
        /// The shapes that it takes.
        expected: Vec<Vec<usize>>,
        /// The shape given.
        found: Vec<usize>,
    },
    /// Real numbers where only class indices would fit, or the other way round.
    #[error(
        "{loss} takes class indices (integers) as targets of shape {shape:?}, but floating-point numbers were given"
    )]
    TargetType {
        /// The loss.
        loss: &'static str,
        /// The shape of the targets.
        shape: Vec<usize>,
    },
    /// An integer that means nothing as a target of this loss.
    #[error("target {index} is {value}, but integers as targets of {loss} are {} or {}", expected[0], expected[1])]
    TargetValue {
        /// The loss.
        loss: &'static str,
        /// The position of the target, in row-major order.
        index: usize,
        /// Its value.
        value: f32,
        /// The integers that it takes.
        expected: [i8; 2],
    },
    /// As many targets as examples are needed.
    #[error("there are {examples} examples, but {targets} targets")]
    BatchSizes {
        /// The number of examples.
        examples: usize,
        /// The number of targets.
        targets: usize,
    },
    /// Too few examples for a layer that needs statistics of the batch.
    #[error(
        "`{layer}` needs at least {expected} examples in a batch of training, but there are {found}: a single value has no variance"
    )]
    SmallBatch {
        /// The layer.
        layer: String,
        /// The fewest that it needs.
        expected: usize,
        /// The number given.
        found: usize,
    },
    /// A value in the examples or targets does not fit.
    #[error("{tensor}: {source}")]
    Tensor {
        /// `x` or `y`.
        tensor: &'static str,
        /// What is wrong with it.
        source: TensorError,
    },
    /// The loss of a step is not finite, or the examples are not. Nothing was changed.
    #[error("the loss is {loss}: {cause}; nothing was changed")]
    NotFinite {
        /// The loss; NaN where it was not computed, because of examples or targets.
        loss: f32,
        /// Where that came from.
        cause: NotFiniteCause,
    },
    /// The cotangent does not have the shape of the output.
    #[error("dy has shape {found:?}, but the output of these examples has {expected:?}")]
    CotangentShape {
        /// The shape of the output, with the batch.
        expected: Vec<usize>,
        /// The shape given.
        found: Vec<usize>,
    },
    /// A tensor that must be finite is not. Nothing was changed.
    #[error("element {index} of {tensor} is {value}; only finite numbers serve, and nothing was changed")]
    ValueNotFinite {
        /// `x`, `dy`, a parameter or its gradient.
        tensor: String,
        /// The element's position, row-major.
        index: usize,
        /// Its value.
        value: f32,
    },
    /// A parameter got no gradient.
    #[error("there is no gradient of parameter `{name}`; each parameter needs one")]
    MissingGradient {
        /// The parameter.
        name: String,
    },
    /// A parameter got more than one gradient.
    #[error("there is more than one gradient of parameter `{name}`")]
    GradientTwice {
        /// The parameter.
        name: String,
    },
    /// A gradient has another shape than its parameter.
    #[error("parameter `{name}` has shape {expected:?}, but its gradient has {found:?}")]
    GradientShape {
        /// The parameter.
        name: String,
        /// Its shape.
        expected: Vec<usize>,
        /// The gradient's shape.
        found: Vec<usize>,
    },
    /// The learning rate cannot be used.
    #[error("the learning rate must be a finite number of at least 0 that f32 can hold, not {found}")]
    LearningRate {
        /// The learning rate given.
        found: f64,
    },
    /// There is no parameter of this name.
    #[error("there is no parameter `{name}`; the network has {}", known.join(", "))]
    UnknownParameter {
        /// The name asked for.
        name: String,
        /// The names that there are.
        known: Vec<String>,
    },
    /// A parameter was given another shape than it has.
    #[error("parameter `{name}` has shape {expected:?}, but the value has {found:?}")]
    ParameterShape {
        /// The parameter.
        name: String,
        /// Its shape.
        expected: Vec<usize>,
        /// The shape given.
        found: Vec<usize>,
    },
    /// Vectors of another width than 4, 8 or 16 lanes were asked for.
    #[error("vectors have 4, 8 or 16 lanes, not {found} (set by {origin})")]
    Lanes {
        /// The number asked for.
        found: String,
        /// Who asked: `lanes` or `DL_LANES`.
        origin: &'static str,
    },
    /// No threads were asked for, or more than are ever started.
    #[error("a network runs on 1 to {MAX_THREADS} threads, not {found}")]
    Threads {
        /// The number asked for.
        found: usize,
    },
    /// A pass of the compiler made an invalid module.
    #[error(transparent)]
    Invalid(#[from] VerifyError),
    /// The network could not be compiled.
    #[error(transparent)]
    Compile(#[from] CompileError),
    /// A compiled function could not run.
    #[error(transparent)]
    Run(#[from] RunError),
    /// A file could not be read or written.
    #[error(transparent)]
    File(#[from] FileError),
    /// A file is no checkpoint.
    #[error(
        "{} is no checkpoint, but a file of tensors alone; `load` reads weights from it, `save_checkpoint` writes checkpoints",
        path.display()
    )]
    NotACheckpoint {
        /// The file.
        path: PathBuf,
    },
    /// A checkpoint does not say what it is of, or says it in words that this version does not know.
    #[error("the description in checkpoint {} cannot be read; was it written by another version?", path.display())]
    Description {
        /// The file.
        path: PathBuf,
    },
    /// A checkpoint is of another network.
    #[error("{} is a checkpoint of another network:{differences}", path.display())]
    OtherNetwork {
        /// The file.
        path: PathBuf,
        /// How the networks differ.
        differences: Differences,
    },
    /// A data set could not be read.
    #[error(transparent)]
    Data(#[from] DataError),
}

/// What made a loss that is not finite.
#[derive(Clone, PartialEq, Debug, Error)]
#[non_exhaustive]
pub enum NotFiniteCause {
    /// An element of the examples.
    #[error("element {index} of x is {value}")]
    Input {
        /// Its position, row-major.
        index: usize,
        /// Its value.
        value: f32,
    },
    /// An element of the targets.
    #[error("element {index} of y is {value}")]
    Target {
        /// Its position, row-major.
        index: usize,
        /// Its value.
        value: f32,
    },
    /// An element of a parameter.
    #[error("element {index} of parameter `{name}` is {value}")]
    Parameter {
        /// The parameter.
        name: String,
        /// Its position, row-major.
        index: usize,
        /// Its value.
        value: f32,
    },
    /// Inputs and parameters are finite.
    #[error(
        "examples, targets and parameters are finite, so the computation overflowed; is the learning rate too high?"
    )]
    Overflow,
}

/// The result of a fallible call.
pub type Result<T, E = Error> = std::result::Result<T, E>;
