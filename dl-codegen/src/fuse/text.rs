//! Groups as text, for dumps and golden files.

use std::fmt::Write;

use dl_ir::graph::{Graph, NodeId};

use super::{Anchor, Class, Group};

/// A group with its members in order: what it is built around, where it is computed, and what it writes. Where it `is_located`, members are
/// shown with their origins.
pub fn show(graph: &Graph, group: &Group, is_located: bool) -> String {
    let kind = match group.anchor {
        Some(Anchor::Contract(node)) => format!("product around %{}", node.0),
        Some(Anchor::ColumnSum(node)) => format!("column sum around %{}", node.0),
        Some(Anchor::Fold(node)) => format!("fold around %{}", node.0),
        Some(Anchor::Chunks(node)) => format!("product in chunks around %{}", node.0),
        Some(Anchor::Total(node)) => format!("total of chunks around %{}", node.0),
        Some(Anchor::Transpose(_)) => "transpose".to_owned(),
        Some(Anchor::Gather(_)) => "rows of a table".to_owned(),
        Some(Anchor::ScatterAdd(_)) => "rows added to a table".to_owned(),
        Some(Anchor::ScatterInto(_)) => "rows added to a state".to_owned(),
        Some(Anchor::Random(_)) => "random numbers".to_owned(),
        None if group.has_rows() => "rows".to_owned(),
        None => "elementwise".to_owned(),
    };
    let parts = if group.parts > 1 { format!(" in {} parts", group.parts) } else { String::new() };
    let space = group.space;
    let mut text = String::new();
    writeln!(text, "group {kind} over {space}{parts} writes {}", names(&group.outputs))
        .expect("writing to a string");
    for (&member, class) in &group.members {
        let class = if *class == Class::PerRow { " per row" } else { "" };
        let (op, operands) = (graph.op(member).name(), names(graph.operands(member)));
        let origin = graph.origin(member).filter(|_| is_located);
        let origin = origin.map(|origin| format!(" @ {origin}")).unwrap_or_default();
        writeln!(text, "  %{} = {op} {operands}{class}{origin}", member.0).expect("writing to a string");
    }
    text
}

fn names(nodes: &[NodeId]) -> String {
    nodes.iter().map(|node| format!("%{}", node.0)).collect::<Vec<_>>().join(", ")
}
