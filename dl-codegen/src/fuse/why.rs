//! Why two nodes are in different kernels.

use std::collections::VecDeque;

use dl_ir::access::is_view;
use dl_ir::graph::{Graph, NodeId};

use super::join::Refusal;
use super::{Group, Reason, is_leaf, is_of_loop};

/// The groups of a function, and what kept nodes out of them.
#[derive(Clone, Debug)]
pub struct Fusion {
    /// In an order in which operands come before users.
    pub groups: Vec<Group>,
    pub(super) refusals: Vec<Refusal>,
}

/// What fusion made of two nodes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Verdict {
    /// One kernel computes both.
    Together {
        /// Its group.
        group: usize,
    },
    /// A node has no kernel: it is in memory already, or a number.
    Leaf {
        /// The node.
        node: NodeId,
    },
    /// A node is a loop, or one of its results.
    Loop {
        /// The node.
        node: NodeId,
    },
    /// A node is a view, read where its elements lie in memory.
    View {
        /// The node.
        node: NodeId,
    },
    /// A node reads another one, and its kernel does not compute that.
    Apart {
        /// The node that is read.
        node: NodeId,
        /// The node that reads it.
        user: NodeId,
        /// Why.
        reason: Reason,
    },
    /// Two kernels read a node, and are not one.
    Readers {
        /// The node.
        node: NodeId,
        /// Why.
        reason: Reason,
    },
    /// Neither needs the other, and fusion never looked at both at once.
    Unrelated,
}

impl Fusion {
    /// Whether two nodes of a graph are in one kernel, and if not, what kept them apart: of nodes that need each other by way of others, the first
    /// step that leaves a kernel.
    pub fn why(&self, graph: &Graph, one: NodeId, other: NodeId) -> Verdict {
        let (first, last) = (one.min(other), one.max(other));
        if let Some(group) = self.common(first, last) {
            return Verdict::Together { group };
        }
        let mut absent = [first, last].into_iter().filter_map(|node| self.without_kernel(graph, node));
        if let Some(verdict) = absent.next() {
            return verdict;
        }
        let path = path(graph, first, last);
        let mut steps = path.windows(2).map(|step| (step[0], step[1]));
        steps
            .find_map(|(node, user)| self.step(graph, node, user))
            .unwrap_or_else(|| self.readers(first, last))
    }

    fn groups_of(&self, node: NodeId) -> impl Iterator<Item = usize> + '_ {
        let groups = self.groups.iter().enumerate();
        groups.filter(move |(_, group)| group.nodes().contains(&node)).map(|(index, _)| index)
    }

    fn common(&self, one: NodeId, other: NodeId) -> Option<usize> {
        self.groups_of(one).find(|&index| self.groups[index].nodes().contains(&other))
    }

    fn without_kernel(&self, graph: &Graph, node: NodeId) -> Option<Verdict> {
        if is_of_loop(graph, node) {
            return Some(Verdict::Loop { node });
        }
        if self.groups_of(node).next().is_some() {
            return None;
        }
        if is_leaf(graph, node) {
            return Some(Verdict::Leaf { node });
        }
        is_view(graph, node).then_some(Verdict::View { node })
    }

    /// What keeps a node out of the kernel of one that reads it; `None` if nothing does.
    fn step(&self, graph: &Graph, node: NodeId, user: NodeId) -> Option<Verdict> {
        if self.common(node, user).is_some() {
            return None;
        }
        let refused = |refusal: &&Refusal| {
            refusal.node == node
                && refusal.second.is_none()
                && self.groups[refusal.group].members.contains_key(&user)
        };
        let apart = |refusal: &Refusal| Verdict::Apart { node, user, reason: refusal.reason };
        let absent = || [user, node].into_iter().find_map(|node| self.without_kernel(graph, node));
        self.refusals.iter().find(refused).map(apart).or_else(absent)
    }

    /// What keeps the kernels of two nodes apart that read the same one.
    fn readers(&self, one: NodeId, other: NodeId) -> Verdict {
        let has = |group: usize, node: NodeId| self.groups[group].members.contains_key(&node);
        let refused = self.refusals.iter().find(|refusal| {
            refusal.second.is_some_and(|second| {
                let first = refusal.group;
                (has(first, one) && has(second, other)) || (has(first, other) && has(second, one))
            })
        });
        refused.map_or(Verdict::Unrelated, |refusal| Verdict::Readers {
            node: refusal.node,
            reason: refusal.reason,
        })
    }
}

/// A shortest way from a node to one that needs it; empty if there is none.
fn path(graph: &Graph, from: NodeId, to: NodeId) -> Vec<NodeId> {
    let mut before: Vec<Option<NodeId>> = vec![None; graph.n_nodes()];
    let mut queue = VecDeque::from([to]);
    while let Some(node) = queue.pop_front() {
        if node == from {
            let next = |node: &NodeId| before[node.index()];
            return std::iter::successors(Some(from), next).collect();
        }
        for &operand in graph.operands(node) {
            if operand >= from && operand != to && before[operand.index()].is_none() {
                before[operand.index()] = Some(node);
                queue.push_back(operand);
            }
        }
    }
    Vec::new()
}
