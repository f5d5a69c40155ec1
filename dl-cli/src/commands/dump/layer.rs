//! Whether what is shown knows where it comes from: for `--locations`, and for `--layer NAME`, what came from one layer.

use std::collections::BTreeSet;

use dl_ir::closest::closest;
use dl_ir::graph::Graph;
use dl_ir::network::Network;

use crate::error::{Error, Result};

/// That nodes of these graphs say where they come from.
pub fn check_located<'g>(graphs: impl IntoIterator<Item = &'g Graph>) -> Result<()> {
    let is_located = |graph: &Graph| graph.ids().any(|id| graph.origin(id).is_some());
    if graphs.into_iter().any(is_located) { Ok(()) } else { Err(not_located()) }
}

/// That nodes of these graphs come from a layer of this name. They are of the network of this text, which may be empty.
pub fn check<'g>(graphs: impl IntoIterator<Item = &'g Graph>, name: &str, network: &str) -> Result<()> {
    let here: BTreeSet<&str> = graphs.into_iter().flat_map(of_graph).collect();
    if here.contains(name) {
        return Ok(());
    }
    if here.is_empty() {
        return Err(not_located());
    }
    let known = here.iter().copied().collect::<Vec<_>>().join(", ");
    if is_layer_of(network, name) {
        return Err(Error::usage(&format!(
            "nothing here comes from layer `{name}`: this function does not need it, or passes have left nothing of it; `--stage training` shows the graph before passes. Here are: {known}"
        )));
    }
    let suggestion = closest(name, here).map(|near| format!(": did you mean `{near}`?")).unwrap_or_default();
    Err(Error::usage(&format!("there is no layer `{name}` here{suggestion}; there are: {known}")))
}

fn of_graph(graph: &Graph) -> impl Iterator<Item = &str> {
    graph.ids().filter_map(|id| graph.origin(id)?.layer())
}

fn is_layer_of(network: &str, name: &str) -> bool {
    let Ok(network) = Network::parse(network) else { return false };
    network.layers().iter().flat_map(|layer| layer.flattened()).any(|layer| layer.name == name)
}

fn not_located() -> Error {
    Error::usage(
        "nodes do not say which layer they come from: text of modules has that if it was printed with --locations",
    )
}
