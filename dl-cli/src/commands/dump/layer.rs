//! `--layer NAME`: what came from one layer.

use std::collections::BTreeSet;

use dl_ir::graph::Graph;

use crate::error::{Error, Result};

/// That nodes of these graphs come from a layer of this name.
pub fn check<'g>(graphs: impl IntoIterator<Item = &'g Graph>, name: &str) -> Result<()> {
    let layers: BTreeSet<&str> = graphs.into_iter().flat_map(of_graph).collect();
    if layers.contains(name) {
        return Ok(());
    }
    let known = layers.into_iter().collect::<Vec<_>>().join(", ");
    Err(match known.as_str() {
        "" => Error::usage(
            "nodes do not say which layer they come from: text of modules has that if it was made with --locations",
        ),
        _ => Error::usage(&format!("there is no layer `{name}` here; there are: {known}")),
    })
}

fn of_graph(graph: &Graph) -> impl Iterator<Item = &str> {
    graph.ids().filter_map(|id| graph.origin(id)?.layer())
}
