//! Passes against the interpreter, and kernels against the nodes that they compute, by part of the network.

use dl::data::Split;
use dl::{Builder, inspect};
use dl_codegen::bisect as stages;
use dl_codegen::stages::STAGES;
use dl_ir::bisect as passes;
use dl_ir::passes::PIPELINE;
use serde::Serialize;

use crate::args::host_widths;
use crate::error::Result;
use crate::made_up::environment;

/// A pass, which the verifier accepts what it makes of.
#[derive(Serialize)]
pub struct Pass {
    pub pass: &'static str,
    /// The largest error of a result or state of any function, in f64.
    pub relative: f64,
}

/// The kernels of a part of the network at a width. Their machine code does the same to the bit.
#[derive(Serialize)]
pub struct Kernels {
    pub part: String,
    pub lanes: usize,
    /// The largest error of a tensor that one writes.
    pub relative: f64,
}

/// What was compared.
#[derive(Default, Serialize)]
pub struct Comparison {
    pub passes: Vec<Pass>,
    pub kernels: Vec<Kernels>,
    /// What is wrong, if anything is.
    pub wrong: Option<String>,
}

/// Compares all functions.
pub fn compare(builder: &Builder, batch: &Split, seed: u64) -> Result<Comparison> {
    let module = inspect::built(builder.network(), None);
    let examples = batch.n_examples();
    let environment = environment(&module, batch, examples, seed);
    let mut found = Comparison::default();
    match passes::errors_of_passes(PIPELINE, module.clone(), &environment, examples) {
        Ok(errors) => {
            let pass = |(pass, relative)| Pass { pass, relative };
            found.passes = errors.into_iter().map(pass).collect();
        }
        Err(fault) => {
            found.wrong = Some(format!("{}: in {}, {}", fault.pass, fault.function, fault.symptom));
            return Ok(found);
        }
    }
    let optimized = PIPELINE.iter().fold(module, |module, pass| pass.apply(module));
    match stages::errors_of_kernels(STAGES, &optimized, &environment, examples, &host_widths()) {
        Ok(errors) => {
            let kernels = |error: stages::KernelError| Kernels {
                part: error.part,
                lanes: error.lanes.count(),
                relative: error.relative,
            };
            found.kernels = errors.into_iter().map(kernels).collect();
        }
        Err(fault) => {
            let (stage, lanes) = (fault.culprit.name(), fault.lanes.count());
            found.wrong = Some(format!("{stage}: in {} at {lanes} lanes, {}", fault.function, fault.symptom));
        }
    }
    Ok(found)
}
