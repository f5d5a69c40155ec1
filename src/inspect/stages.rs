//! The front of the compiler, up to optimised graphs.

use dl_ir::module::Module;
use dl_ir::network::Network;
use dl_ir::passes::Pass;
use dl_ir::{build, passes};

use crate::error::Result;
use crate::function::Function;

/// The graph of a function of a network for its usual targets, or of all functions, before passes.
pub fn built(network: &Network, function: Option<Function>) -> Module {
    let target = &network.target_types()[0];
    match function {
        None => build::module(network, target),
        Some(function) => {
            let function = build::function(network, target, function.name());
            let functions = vec![function.expect("one of a network's functions")];
            Module { functions, ..build::declarations(network) }
        }
    }
}

/// The same after all passes; `observe` sees the module after each.
///
/// # Errors
/// [`Error::Invalid`](crate::Error::Invalid) if a pass made an invalid function, which is a bug of dl.
pub fn optimized_with(
    network: &Network,
    function: Option<Function>,
    observe: impl FnMut(&Pass, &Module),
) -> Result<Module> {
    Ok(passes::optimize(built(network, function), observe)?)
}

/// The same after all passes.
///
/// # Errors
/// As [`optimized_with`].
pub fn optimized(network: &Network, function: Option<Function>) -> Result<Module> {
    optimized_with(network, function, |_, _| ())
}
