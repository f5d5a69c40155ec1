//! How stages are shown.

use dl_codegen::target::Target;

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
}
