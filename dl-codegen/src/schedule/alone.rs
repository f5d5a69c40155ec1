//! Groups by themselves: what a schedule may look at, and so the key under which its kernel is known.

use dl_ir::access::is_view;
use dl_ir::graph::{Graph, NodeId};
use dl_ir::ops::{Input, Op, State};

use super::operands::is_number;
use crate::fuse::Group;

/// A group with its members, what they read, and the views in between. Nodes are known by their positions among these, and what lies
/// in memory by its type: groups that are alike have the same.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Alone {
    /// The graph of these nodes alone.
    pub graph: Graph,
    /// The group, in that graph.
    pub group: Group,
}

impl Alone {
    /// A group by itself, and its nodes in the order in which they are known there.
    pub fn of(graph: &Graph, group: &Group) -> (Alone, Vec<NodeId>) {
        let in_memory = |node: NodeId| {
            !group.members.contains_key(&node) && !is_view(graph, node) && !is_number(graph, node)
        };
        let mut nodes: Vec<NodeId> = Vec::new();
        let mut stack: Vec<NodeId> = group.members.keys().chain(&group.outputs).copied().collect();
        while let Some(node) = stack.pop() {
            nodes.push(node);
            if !in_memory(node) {
                stack.extend(graph.operands(node).iter().filter(|node| !group.members.contains_key(node)));
            }
        }
        nodes.sort_unstable();
        nodes.dedup();
        let alone = graph.part(&nodes, |node| in_memory(node).then(|| stored(graph, node)));
        let position = |node: NodeId| NodeId(nodes.binary_search(&node).expect("among its nodes") as u32);
        (Alone { graph: alone, group: group.renamed(position) }, nodes)
    }
}

/// What stands for a node in memory: of some kinds schedules must know.
fn stored(graph: &Graph, node: NodeId) -> Op {
    let (name, ty) = (String::new(), graph.tensor(node).clone());
    match graph.op(node) {
        Op::BatchSize(size) => size.clone().into(),
        Op::Input(_) => Input { name, ty }.into(),
        _ => State { name, ty }.into(),
    }
}
