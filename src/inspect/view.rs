//! How stages are shown.

use dl_codegen::target::Target;
use dl_ir::module::Module;
use dl_ir::text::OfLayer;

/// What to show of a stage.
#[derive(Clone, Copy, Debug)]
pub struct View<'a> {
    /// What code is for.
    pub target: Target,
    /// Examples in a batch, for the plan of memory.
    pub batch: usize,
    /// Whether nodes, lines and bytes are shown with where they come from.
    pub locations: bool,
    /// The layer to be shown alone.
    pub layer: Option<&'a str>,
}

impl View<'_> {
    /// All of a stage, without where it comes from.
    pub fn new(target: Target, batch: usize) -> Self {
        View { target, batch, locations: false, layer: None }
    }

    /// The graphs of a module as text. What comes from one layer alone does not parse.
    pub fn graphs(&self, module: &Module) -> String {
        let function = |function| {
            let lines = OfLayer { function, layer: self.layer.unwrap_or_default() };
            if self.locations { format!("{lines:#}") } else { lines.to_string() }
        };
        match (self.layer, self.locations) {
            (Some(_), _) => module.functions.iter().map(function).collect(),
            (None, true) => format!("{module:#}"),
            (None, false) => module.to_string(),
        }
    }
}
