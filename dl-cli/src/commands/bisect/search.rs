//! Searches a compiler for the first pass or stage that is wrong.

use dl_codegen::bisect as stages;
use dl_codegen::stages::{STAGES, Stages};
use dl_codegen::target::Target;
use dl_codegen::vector::Lanes;
use dl_ir::bisect as passes;
use dl_ir::bisect::caught::caught;
use dl_ir::interp::Environment;
use dl_ir::module::Module;
use dl_ir::passes::{PIPELINE, Pass};

/// What is searched.
pub struct Compiler<'c> {
    /// The passes, in their order.
    pub passes: &'c [Pass],
    /// What is behind them.
    pub stages: Stages,
    /// The widths of vectors that code is made for.
    pub widths: Vec<Lanes>,
}

/// What is wrong.
#[derive(Debug)]
pub enum Fault {
    /// A pass.
    Pass(passes::Fault),
    /// A stage behind them.
    Stage(stages::Fault),
}

impl Compiler<'static> {
    /// The one that there is.
    pub fn new(widths: Vec<Lanes>) -> Self {
        Compiler { passes: PIPELINE, stages: STAGES, widths }
    }
}

impl Compiler<'_> {
    /// The first fault in what becomes of a module. One that passes have made already, as a small case of a stage may be, `may_be_done`: where all of
    /// it can be fused it is also lowered as it is.
    pub fn first_wrong(
        &self,
        module: Module,
        environment: &Environment,
        batch: usize,
        may_be_done: bool,
    ) -> Option<Fault> {
        if let Some(fault) = passes::first_wrong(self.passes, module.clone(), environment, batch) {
            return Some(Fault::Pass(fault));
        }
        let optimized = self.passes.iter().fold(module.clone(), |module, pass| pass.apply(module));
        let as_it_is = (may_be_done && optimized != module && self.can_fuse(&module)).then_some(module);
        let mut modules = as_it_is.iter().chain([&optimized]);
        let wrong = |module| stages::first_wrong(self.stages, module, environment, batch, &self.widths);
        modules.find_map(wrong).map(Fault::Stage)
    }

    /// Whether there are kernels for all functions.
    fn can_fuse(&self, module: &Module) -> bool {
        let fuses =
            |function, lanes| matches!(caught(|| (STAGES.fuse)(function, Target { lanes })), Ok(Ok(_)));
        module.functions.iter().all(|function| self.widths.iter().all(|&lanes| fuses(function, lanes)))
    }
}
