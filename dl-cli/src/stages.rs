//! The front of the compiler, for commands that look at it.

use dl_ir::module::Module;
use dl_ir::network::Network;
use dl_ir::passes::Pass;
use dl_ir::{build, passes};

use crate::error::Result;

/// The functions of a network for its usual targets, before passes.
pub fn built(network: &Network) -> Module {
    build::module(network, &network.target_types()[0])
}

/// The functions after all passes; `observe` sees them after each.
pub fn optimized_with(network: &Network, observe: impl FnMut(&Pass, &Module)) -> Result<Module> {
    Ok(passes::optimize(built(network), observe)?)
}

/// The functions after all passes.
pub fn optimized(network: &Network) -> Result<Module> {
    optimized_with(network, |_, _| ())
}

/// One function after all passes, alone in its module.
pub fn optimized_function(network: &Network, name: &str) -> Result<Module> {
    let function =
        build::function(network, &network.target_types()[0], name).expect("one of a network's functions");
    let module = Module { functions: vec![function], ..build::declarations(network) };
    Ok(passes::optimize(module, |_, _| ())?)
}
