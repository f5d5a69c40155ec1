//! Prints modules.

use std::fmt::{self, Display, Formatter};

use super::quote::{Name, Quoted};
use super::{VERSION, init};
use crate::graph::{Graph, NodeId};
use crate::module::{Function, Module, StateDecl};

impl Display for Module {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        writeln!(f, "dl {VERSION}")?;
        if !self.network.is_empty() {
            writeln!(f, "network {}", Quoted(&self.network))?;
        }
        self.states.iter().try_for_each(|state| writeln!(f, "{state}"))?;
        self.functions.iter().try_for_each(|function| function.fmt(f))
    }
}

impl Display for StateDecl {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let (init, args) = init::show_init(self.init);
        write!(f, "state {} : {} {} {init}", Name(&self.name), self.ty, init::role_name(self.role))?;
        write!(f, "({})", args.join(", "))
    }
}

impl Display for Function {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        writeln!(f, "function {} {{", Name(&self.name))?;
        Lines(self).fmt(f)?;
        writeln!(f, "}}")
    }
}

/// What stands between the braces of a function.
pub(crate) struct Lines<'a>(pub &'a Function);

impl Display for Lines<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let Function { graph, results, updates, .. } = self.0;
        for id in graph.ids() {
            f.write_str("  ")?;
            write_node(f, graph, id)?;
        }
        write_roots(f, "return", results.iter())?;
        write_roots(f, "update", updates.iter())
    }
}

/// Those lines of a function whose nodes come from one layer, forward and backward.
pub struct OfLayer<'a> {
    /// The function.
    pub function: &'a Function,
    /// The layer's name.
    pub layer: &'a str,
}

impl Display for OfLayer<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let Function { name, graph, results, updates } = self.function;
        let is_of_layer =
            |id: NodeId| graph.origin(id).is_some_and(|origin| origin.layer() == Some(self.layer));
        writeln!(f, "function {} {{", Name(name))?;
        for id in graph.ids().filter(|&id| is_of_layer(id)) {
            f.write_str("  ")?;
            write_node(f, graph, id)?;
        }
        write_roots(f, "return", results.iter().filter(|(_, node)| is_of_layer(*node)))?;
        write_roots(f, "update", updates.iter().filter(|(_, node)| is_of_layer(*node)))?;
        writeln!(f, "}}")
    }
}

/// Writes `  return loss = %37`, a line for each.
fn write_roots<'r>(
    f: &mut Formatter<'_>,
    word: &str,
    mut roots: impl Iterator<Item = &'r (String, NodeId)>,
) -> fmt::Result {
    roots.try_for_each(|(name, node)| writeln!(f, "  {word} {} = %{}", Name(name), node.0))
}

/// Writes `%2 = einsum %0, %1 {subscripts="ab,bc->ac"} : f32[B, 1]`; in the alternate form where it comes from, too.
fn write_node(f: &mut Formatter<'_>, graph: &Graph, id: NodeId) -> fmt::Result {
    let node = graph.node(id);
    write!(f, "%{} = {}", id.0, node.op.name())?;
    for (position, operand) in graph.operands(id).iter().enumerate() {
        let separator = if position == 0 { " " } else { ", " };
        write!(f, "{separator}%{}", operand.0)?;
    }
    let attributes = node.op.attributes();
    if !attributes.0.is_empty() {
        f.write_str(" ")?;
        attributes.fmt(f)?;
    }
    write!(f, " : {}", node.ty)?;
    match graph.origin(id).filter(|_| f.alternate()) {
        Some(origin) => writeln!(f, " @ {origin}"),
        None => writeln!(f),
    }
}
