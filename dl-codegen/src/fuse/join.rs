//! Takes nodes into groups and makes groups one, and notes why where it does not.

use std::collections::BTreeSet;

use dl_ir::graph::NodeId;

use super::fits::reads_in_order;
use super::{Class, Fuser, Reason, operand_class, roles};

/// That a node was not taken into a group that reads it, or two groups that read it were not made one.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Refusal {
    /// The node.
    pub node: NodeId,
    /// The group.
    pub group: usize,
    /// The other group.
    pub second: Option<usize>,
    /// Why not.
    pub reason: Reason,
}

impl Fuser<'_> {
    pub(super) fn refuse(&mut self, node: NodeId, group: usize, reason: Reason) {
        self.refusals.push(Refusal { node, group, second: None, reason });
    }

    /// Notes that a node is in none of the groups that read it.
    pub(super) fn refuse_all(&mut self, node: NodeId, reason: Reason) {
        for user in self.users[node.index()].clone() {
            for group in self.groups_of[user.index()].clone() {
                self.refuse(node, group, reason);
            }
        }
    }

    /// The groups that read a node element by element, at a class at which they could compute it.
    pub(super) fn readers(&mut self, node: NodeId) -> Vec<usize> {
        let mut readers = BTreeSet::new();
        for user in self.users[node.index()].clone() {
            for index in self.groups_of[user.index()].clone() {
                match operand_class(self.graph, user, self.group(index).members[&user]) {
                    Some(Class::Full | Class::PerRow) => {
                        readers.insert(index);
                    }
                    Some(class) => self.refuse(node, index, Reason::ReadAhead { user, class }),
                    None => self.refuse(node, index, Reason::ReadWhole { user }),
                }
            }
        }
        readers.into_iter().collect()
    }

    /// Makes one group of those that read `node`, where they fit.
    pub(super) fn merge_readers(&mut self, node: NodeId, readers: &mut Vec<usize>) {
        let mut merged: Vec<usize> = Vec::new();
        for &reader in readers.iter() {
            let is_merged = merged.iter().any(|&first| match self.merge(first, reader, node) {
                Ok(()) => true,
                Err(reason) => {
                    self.refusals.push(Refusal { node, group: first, second: Some(reader), reason });
                    false
                }
            });
            if !is_merged {
                merged.push(reader);
            }
        }
        *readers = merged;
    }

    /// Makes the group `second` part of `first`, if their spaces fit, they read `node` at the same class, and neither needs a
    /// third that needs the other.
    fn merge(&mut self, first: usize, second: usize, node: NodeId) -> Result<(), Reason> {
        let mut union = self.group(first).clone();
        union.absorb(self.group(second))?;
        if let (Some(_), Some(node)) = (union.anchor, self.scattering(&union)) {
            return Err(Reason::Scatters { node });
        }
        let mut members = union.members.keys();
        if union.goes_in_order()
            && let Some(&node) = members.find(|&&member| !reads_in_order(self.graph, member))
        {
            return Err(Reason::OutOfOrder { node });
        }
        self.class_in(&union, node)?;
        self.is_elementwise(&union)?;
        if self.reaches_around(first, second) || self.reaches_around(second, first) {
            return Err(Reason::Waits);
        }
        for member in self.group(second).members.keys().copied().collect::<Vec<_>>() {
            let groups = &mut self.groups_of[member.index()];
            groups.retain(|&index| index != second && index != first);
            groups.push(first);
        }
        self.groups[first] = Some(union);
        self.groups[second] = None;
        self.absorbed.insert(second, first);
        Ok(())
    }

    /// Takes a node into a group, as an output if others need it. `false`, and nothing changed, if it does not fit.
    pub(super) fn join(&mut self, node: NodeId, index: usize, is_output: bool) -> bool {
        let mut group = self.group(index).clone();
        let fits = self.fits(node, &mut group).and_then(|()| match is_output {
            true if self.depends_on_users(index, node) => Err(Reason::Waits),
            _ => Ok(()),
        });
        if let Err(reason) = fits {
            self.refuse(node, index, reason);
            return false;
        }
        if is_output {
            group.outputs.push(node);
        }
        self.groups[index] = Some(group);
        true
    }

    /// Takes a node into the first group of several that read it, which writes it for the others.
    pub(super) fn join_first(&mut self, node: NodeId, indices: &[usize]) -> Option<usize> {
        let mut indices = indices.to_vec();
        indices.sort_by_key(|&index| self.group(index).members.keys().next().copied());
        indices.into_iter().find(|&index| self.join(node, index, true))
    }

    /// Takes a node into several groups, to be computed in each: where nobody needs it in memory, and that takes no more reading than the
    /// node itself would.
    pub(super) fn join_all(&mut self, node: NodeId, indices: &[usize], is_output: bool) -> bool {
        match self.joined_by_all(node, indices, is_output) {
            Ok(joined) => {
                for (&index, group) in indices.iter().zip(joined) {
                    self.groups[index] = Some(group);
                }
                self.put(node, indices);
                true
            }
            Err(reason) => {
                indices.iter().for_each(|&index| self.refuse(node, index, reason));
                false
            }
        }
    }

    fn joined_by_all(
        &self,
        node: NodeId,
        indices: &[usize],
        is_output: bool,
    ) -> Result<Vec<super::Group>, Reason> {
        if is_output {
            return Err(Reason::InMemory);
        }
        if !roles::is_cheap(self.graph.op(node)) {
            return Err(Reason::Dear);
        }
        if !roles::is_light(self.graph, node) {
            return Err(Reason::ReadsMore);
        }
        let join = |&index: &usize| {
            let mut group = self.group(index).clone();
            self.fits(node, &mut group).map(|()| group)
        };
        indices.iter().map(join).collect()
    }
}
