//! The module between passes.

use clap::builder::PossibleValuesParser;
use dl_ir::module::Module;
use dl_ir::passes::{PIPELINE, optimize};

use super::diff::changes;
use crate::error::Result;

/// Means each pass.
const ALL: &str = "all";

/// The names of passes, for the command line.
pub fn names() -> PossibleValuesParser {
    PIPELINE.iter().map(|pass| pass.name).into()
}

/// The same, and the word for all.
pub fn names_or_all() -> PossibleValuesParser {
    PIPELINE.iter().map(|pass| pass.name).chain([ALL]).into()
}

/// The module after this pass, or after each, as `show` shows it.
pub fn after(module: Module, wanted: &str, show: impl Fn(&Module) -> Result<String>) -> Result<String> {
    let mut shown = Vec::new();
    optimize(module, |pass, module| {
        if wanted == ALL || wanted == pass.name {
            shown.push(show(module).map(|text| format!("; after {}\n{text}", pass.name)));
        }
    })?;
    shown.into_iter().collect()
}

/// What this pass changes in the module that reaches it, function by function.
pub fn difference(module: Module, wanted: &str, styled: bool) -> Result<String> {
    let mut before = module.clone();
    let mut text = String::new();
    optimize(module, |pass, after| {
        if pass.name == wanted {
            text = shown(wanted, &before, after, styled);
        }
        before = after.clone();
    })?;
    Ok(text)
}

fn shown(pass: &str, before: &Module, after: &Module, styled: bool) -> String {
    let mut text = String::new();
    for (before, after) in before.functions.iter().zip(&after.functions) {
        let changed = changes(&before.to_string(), &after.to_string(), styled);
        if !changed.is_empty() {
            let (name, was, is) = (&after.name, before.graph.n_nodes(), after.graph.n_nodes());
            text += &format!("; {pass} changes {name}: from {was} nodes to {is}\n{changed}");
        }
    }
    if text.is_empty() { format!("; {pass} changes nothing\n") } else { text }
}
