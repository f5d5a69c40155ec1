//! `--why A B`: whether two nodes, or nodes of two layers, are in one kernel, and what kept them apart if not.

use std::collections::BTreeSet;

use dl_codegen::compile::CompileError;
use dl_codegen::fuse::why::{Fusion, Verdict};
use dl_codegen::fuse::{self, text::show};
use dl_codegen::target::Target;
use dl_ir::graph::{Graph, NodeId};
use dl_ir::module::Function;

use super::layer;
use crate::error::{Error, Result};

/// The most verdicts that are shown.
const SHOWN: usize = 12;

/// What fusion for a target made of A and B, each a node of the function or a layer of the network of this text.
pub fn text(function: &Function, target: Target, names: &[String], network: &str) -> Result<String> {
    let graph = &function.graph;
    let fusion = fuse::explained(function, target).map_err(CompileError::from)?;
    let [one, other] = names else { unreachable!("the option takes two values") };
    let [ones, others] = [nodes(graph, one, network)?, nodes(graph, other, network)?];
    let mut told: Vec<Verdict> = Vec::new();
    let mut texts = Vec::new();
    let pairs = pairs(graph, &ones, &others);
    for &(a, b) in &pairs {
        let verdict = fusion.why(graph, a, b);
        if told.contains(&verdict) {
            continue;
        }
        if told.len() == SHOWN {
            texts.push("; and more\n".to_owned());
            break;
        }
        told.push(verdict);
        texts.push([line(graph, a), line(graph, b), told_of(graph, &fusion, verdict)].concat());
    }
    Ok(texts.join("\n"))
}

/// A node by its number, or all nodes of a layer.
fn nodes(graph: &Graph, name: &str, network: &str) -> Result<BTreeSet<NodeId>> {
    let number = name.strip_prefix('%').unwrap_or(name);
    if let Ok(number) = number.parse::<u32>() {
        let id = NodeId(number);
        let found = graph.ids().any(|known| known == id);
        let last = graph.n_nodes().saturating_sub(1);
        return if found {
            Ok(BTreeSet::from([id]))
        } else {
            Err(Error::usage(&format!("there is no node %{number}: the function has %0 to %{last}")))
        };
    }
    layer::check([graph], name, network)?;
    let is_of_layer = |id: &NodeId| graph.origin(*id).is_some_and(|origin| origin.layer() == Some(name));
    Ok(graph.ids().filter(is_of_layer).collect())
}

/// The pairs to be told about: those of which one reads the other; without any, the first of what comes first and the last of what comes
/// last.
fn pairs(graph: &Graph, ones: &BTreeSet<NodeId>, others: &BTreeSet<NodeId>) -> Vec<(NodeId, NodeId)> {
    let reads = |from: &BTreeSet<NodeId>, to: &BTreeSet<NodeId>| -> Vec<(NodeId, NodeId)> {
        let read = |&user: &NodeId| {
            let operands = graph.operands(user).iter().copied().filter(|operand| from.contains(operand));
            operands.map(move |operand| (operand, user)).collect::<Vec<_>>()
        };
        to.iter().flat_map(read).collect()
    };
    let mut pairs = reads(ones, others);
    pairs.extend(reads(others, ones));
    if pairs.is_empty() {
        let ends = |nodes: &BTreeSet<NodeId>| nodes.first().copied().zip(nodes.last().copied());
        pairs.extend(ends(ones).zip(ends(others)).map(|((first, last), (other_first, other_last))| {
            if first <= other_first { (first, other_last) } else { (other_first, last) }
        }));
    }
    pairs
}

/// `%8 = max %6, %7 : f32[B, 6] @ layer dense0 at 1:3`
fn line(graph: &Graph, id: NodeId) -> String {
    let operands: Vec<String> = graph.operands(id).iter().map(|operand| format!(" %{}", operand.0)).collect();
    let node = graph.node(id);
    let origin = graph.origin(id).map(|origin| format!(" @ {origin}")).unwrap_or_default();
    format!("%{} = {}{} : {}{origin}\n", id.0, node.op.name(), operands.join(","), node.ty)
}

fn told_of(graph: &Graph, fusion: &Fusion, verdict: Verdict) -> String {
    match verdict {
        Verdict::Together { group } => {
            let group = show(graph, &fusion.groups[group], false);
            format!("  one kernel: {}\n", group.lines().next().unwrap_or_default())
        }
        Verdict::Leaf { node } => {
            format!("  no kernel computes %{}: it is in memory already, or a number in programs\n", node.0)
        }
        Verdict::Loop { node } => {
            format!("  %{} is of a loop, whose body has kernels of its own, run once for each step\n", node.0)
        }
        Verdict::View { node } => {
            format!("  no kernel computes %{}: it is a view, read where its elements lie\n", node.0)
        }
        Verdict::Apart { node, user, reason } => {
            format!("  two kernels, apart at %{}, which %{} reads: {reason}\n", node.0, user.0)
        }
        Verdict::Readers { node, reason } => {
            format!("  two kernels that both read %{}: {reason}\n", node.0)
        }
        Verdict::Unrelated => {
            "  two kernels: neither needs the other, and they read no value that is worth sharing\n"
                .to_owned()
        }
    }
}
