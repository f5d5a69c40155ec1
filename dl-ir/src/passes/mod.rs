//! Passes: each takes a function and gives an equal, better one: built anew, or as it was where there is nothing to do. The pipeline is the
//! list below, run once in order.

mod fold_constants;
mod hoist_invariants;
mod join_parts;
mod map_windows;
mod narrow_maps;
mod narrow_windows;
mod orient_contractions;
mod place_views;
mod prune_scans;
mod scatter_updates;
mod simplify;
mod split_reductions;
mod transpose_windows;

use crate::module::{Function, Module};
use crate::verify::{VerifyError, verify_module};

/// A rewrite of functions.
pub struct Pass {
    /// Its name on the command line and in golden files.
    pub name: &'static str,
    /// What it does, in a sentence.
    pub description: &'static str,
    /// Applies it.
    pub run: fn(Function) -> Function,
}

/// All passes, in the order in which they run.
pub const PIPELINE: &[Pass] = &[
    fold_constants::PASS,
    // As autodiff leaves them: products straight below the overlap_add.
    transpose_windows::PASS,
    // Behind it, since a gradient that is a product is narrowed, too; before simplify, which joins the slices and pads it leaves.
    narrow_windows::PASS,
    simplify::PASS,
    // Behind simplify, which makes pads of pads one.
    join_parts::PASS,
    map_windows::PASS,
    narrow_maps::PASS,
    split_reductions::PASS,
    orient_contractions::PASS,
    hoist_invariants::PASS,
    prune_scans::PASS,
    // Behind those that may change updates; before place_views, since it makes products of rows.
    scatter_updates::PASS,
    // Behind all that make views.
    place_views::PASS,
];

/// The pass of this name.
pub fn find(name: &str) -> Option<&'static Pass> {
    PIPELINE.iter().find(|pass| pass.name == name)
}

impl Pass {
    /// A module whose functions went through it.
    pub fn apply(&self, module: Module) -> Module {
        Module { functions: module.functions.into_iter().map(self.run).collect(), ..module }
    }
}

/// Runs the pipeline on a module; `observe` sees the module after each pass. Debug builds verify after each pass, release
/// builds once at the end.
///
/// # Errors
/// If a pass built a function that the verifier refuses: a bug of that pass.
pub fn optimize(module: Module, observe: impl FnMut(&Pass, &Module)) -> Result<Module, VerifyError> {
    run(PIPELINE, module, observe)
}

/// The same with these passes, in this order.
///
/// # Errors
/// As [`optimize`].
pub fn run<'p>(
    passes: impl IntoIterator<Item = &'p Pass>,
    mut module: Module,
    mut observe: impl FnMut(&Pass, &Module),
) -> Result<Module, VerifyError> {
    for pass in passes {
        module = pass.apply(module);
        if cfg!(debug_assertions) {
            verify_module(&module)?;
        }
        observe(pass, &module);
    }
    verify_module(&module)?;
    Ok(module)
}
