//! Passes against the interpreter, and kernels against the nodes that they compute, by part of the network.

use dl::data::Split;
use dl::{Builder, inspect};
use dl_codegen::bisect as stages;
use dl_ir::bisect as passes;
use serde::Serialize;

use crate::commands::bisect::search::Compiler;
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
pub fn compare(compiler: &Compiler<'_>, builder: &Builder, batch: &Split, seed: u64) -> Result<Comparison> {
    let module = inspect::built(builder.network(), None);
    let examples = batch.n_examples();
    let environment = environment(&module, batch, examples, seed);
    let mut found = Comparison::default();
    match passes::errors_of_passes(compiler.passes, module.clone(), &environment, examples) {
        Ok(errors) => {
            let pass = |(pass, relative)| Pass { pass, relative };
            found.passes = errors.into_iter().map(pass).collect();
        }
        Err(fault) => {
            found.wrong = Some(format!("{}: in {}, {}", fault.pass, fault.function, fault.symptom));
            return Ok(found);
        }
    }
    let optimized = compiler.passes.iter().fold(module, |module, pass| pass.apply(module));
    match stages::errors_of_kernels(compiler.stages, &optimized, &environment, examples, &compiler.widths) {
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

#[cfg(test)]
mod tests {
    use dl_codegen::stages::{STAGES, Stages};
    use dl_codegen::vector::Lanes;
    use dl_ir::module::Function;
    use dl_ir::passes::Pass;

    use super::*;
    use crate::made_up::made_up;

    fn wrong(compiler: Compiler<'_>) -> Comparison {
        let builder = Builder::parse("< dense(3, 4, tanh), dense(4, 1) >").unwrap();
        let batch = made_up(builder.network(), 3, 0).unwrap();
        compare(&compiler, &builder, &batch, 0).unwrap()
    }

    #[test]
    fn a_wrong_pass_fails() {
        let run = |function: Function| Function { updates: Vec::new(), ..function };
        let passes = [Pass { name: "simplify", description: "forgets updates", run }];
        let found = wrong(Compiler { passes: &passes, ..Compiler::new(Vec::new()) });
        assert!(found.to_string().contains("FAILED: simplify: in train_step, "), "{found}");
    }

    #[test]
    fn a_wrong_stage_fails() {
        let stages = Stages { fuse: |_, _| Ok(Vec::new()), ..STAGES };
        let found = wrong(Compiler { stages, ..Compiler::new(vec![Lanes::L4]) });
        assert!(found.to_string().contains("FAILED: fusion: in train_step at 4 lanes, "), "{found}");
    }
}
