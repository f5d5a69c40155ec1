//! How stages are shown.

use dl_codegen::locations::Locations;
use dl_codegen::target::Target;
use dl_ir::graph::{Graph, NodeId};
use dl_ir::module::Module;
use dl_ir::origin::Origin;
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

    /// Whether a node is shown: all are, or those of one layer.
    pub fn shows(&self, graph: &Graph, node: NodeId) -> bool {
        let of_layer = || graph.origin(node).and_then(|origin| origin.layer());
        self.layer.is_none_or(|layer| of_layer() == Some(layer))
    }

    /// Whether a fusion group is shown, with its kernel: all are, or those with nodes of one layer.
    pub fn shows_group(&self, locations: &Locations<'_>, group: usize) -> bool {
        self.layer.is_none_or(|layer| locations.is_of_layer(group, layer))
    }

    /// Where something comes from, if that is shown.
    pub fn location(&self, origin: Option<&Origin>) -> Option<String> {
        origin.filter(|_| self.locations).map(Origin::to_string)
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
