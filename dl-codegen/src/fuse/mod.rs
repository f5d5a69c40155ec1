//! Fusion: which nodes share a kernel.
//!
//! Nodes are visited users first. A node joins the group that reads it element by element, so that its value never reaches memory; if others
//! need it too it is written as well, unless that would make a cycle of kernels. What no group can take starts its own.
//! A matrix product or a sum over rows is taken as the anchor of the group that reads it: bias, activation,
//! derivative and optimizer update become its epilogue by the same rule. Long sums are then cut into [`chunks`].

pub mod chunks;
mod fits;
mod group;
mod panels;
mod reach;
mod roles;
mod stage;
mod table;
pub mod text;

use std::collections::BTreeSet;

pub use group::{Anchor, Class, Group, Space};
pub use roles::{Reduction, operand_class, reduction, scatters, shape, space_shape, tiles};

use fits::reads_in_order;
use stage::{Stage, stages};

use dl_ir::access::{Access, is_view};
use dl_ir::graph::{Graph, NodeId};
use dl_ir::module::Function;
use dl_ir::ops::{Op, Structure};
use dl_ir::types::Dim;

/// The most elements in a row: programs address the rows of a tile by 32-bit offsets.
const MAX_ROW: usize = 1 << 25;

/// An op that no kernel computes, or not in this arrangement.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("no kernel computes {op} of this shape (node %{node} of {function})")]
pub struct FuseError {
    /// The function.
    pub function: String,
    /// The op's name.
    pub op: &'static str,
    /// Its node.
    pub node: u32,
}

/// Whether a node needs no kernel: its value is in memory already, or is written into programs as a number.
pub fn is_leaf(graph: &Graph, node: NodeId) -> bool {
    graph.op(node).structure() == Structure::Leaf && !matches!(graph.op(node), Op::Iota(_))
}

/// Whether a node is a scan or one of its results: a loop of kernels computes them.
pub fn is_of_loop(graph: &Graph, node: NodeId) -> bool {
    match graph.op(node) {
        Op::Get(_) => matches!(graph.op(graph.operands(node)[0]), Op::Scan(_)),
        op => matches!(op, Op::Scan(_)),
    }
}

/// Groups the live nodes of a function, in an order in which operands come before users.
pub fn fuse(function: &Function) -> Result<Vec<Group>, FuseError> {
    let mut fuser = Fuser::new(function);
    for node in function.graph.ids().rev() {
        if fuser.is_live[node.index()] {
            fuser.visit(node)?;
        }
    }
    let mut groups = fuser.finish();
    chunks::cut(&function.graph, &mut groups);
    Ok(groups)
}

struct Fuser<'f> {
    function: &'f Function,
    graph: &'f Graph,
    users: Vec<Vec<NodeId>>,
    is_root: Vec<bool>,
    is_live: Vec<bool>,
    /// The views that are read where they lie.
    in_place: Vec<bool>,
    /// The groups that compute a node: several if it is computed again for each.
    groups_of: Vec<Vec<usize>>,
    /// `None` where a group was absorbed by another.
    groups: Vec<Option<Group>>,
    /// How early a scalar can be computed.
    stages: Vec<Option<Stage>>,
    /// The group of the scalars of each stage.
    scalars: [Option<usize>; 2],
}

impl<'f> Fuser<'f> {
    fn new(function: &'f Function) -> Self {
        let graph = &function.graph;
        let n = graph.n_nodes();
        let mut is_root = vec![false; n];
        function.roots().for_each(|root| is_root[root.index()] = true);
        let mut is_live = is_root.clone();
        let mut users = vec![Vec::new(); n];
        for node in graph.ids().rev() {
            if !is_live[node.index()] {
                continue;
            }
            for operand in graph.operands(node) {
                is_live[operand.index()] = true;
                let of_operand: &mut Vec<NodeId> = &mut users[operand.index()];
                if of_operand.last() != Some(&node) {
                    of_operand.push(node);
                }
            }
        }
        let (groups_of, groups) = (vec![Vec::new(); n], Vec::new());
        Fuser {
            function,
            graph,
            users,
            is_root,
            is_live,
            in_place: vec![false; n],
            groups_of,
            groups,
            stages: stages(graph),
            scalars: [None; 2],
        }
    }

    fn group(&self, index: usize) -> &Group {
        self.groups[index].as_ref().expect("absorbed groups are not referred to")
    }

    fn visit(&mut self, node: NodeId) -> Result<(), FuseError> {
        let is_short = roles::row_len(self.graph, node).is_some_and(|len| len <= MAX_ROW);
        if !is_short || !panels::finds_rows_whole(self.graph, node) {
            return Err(self.error(node));
        }
        if is_leaf(self.graph, node) || is_of_loop(self.graph, node) {
            return Ok(());
        }
        if is_view(self.graph, node) {
            return self.visit_view(node);
        }
        if let Some(stage) = self.stages[node.index()] {
            self.groups_of[node.index()] = vec![self.add_scalar(node, stage)];
            return Ok(());
        }
        let mut readers = self.readers(node);
        // Work worth sharing brings its readers together; what is cheap and light is done again by each.
        if !roles::is_cheap(self.graph.op(node)) || !roles::is_light(self.graph, node) {
            self.merge_readers(node, &mut readers);
        }
        if !self.groups_of[node.index()].is_empty() {
            // A tuple, which came along with its parts.
            return Ok(());
        }
        if self.goes_apart(node) {
            let group = match readers.as_slice() {
                [only] if roles::tiles(self.graph, node) && !self.is_part(node) => {
                    self.scatter_again(node, *only)
                }
                _ => self.start(node)?,
            };
            self.put(node, &[group]);
            return Ok(());
        }
        let is_output = self.is_output(node);
        let group = match readers.as_slice() {
            [] if let Some(index) = self.group_of_sibling(node) => self.join_sibling(node, index),
            [] => self.start(node)?,
            [only] if self.join(node, *only, is_output) => *only,
            several if !is_output && self.join_all(node, several) => return Ok(()),
            several => match self.join_first(node, several) {
                Some(index) => index,
                None => self.start(node)?,
            },
        };
        self.put(node, &[group]);
        Ok(())
    }

    /// A view is read where it lies, except by the groups that compute with the operand of a broadcast.
    fn visit_view(&mut self, node: NodeId) -> Result<(), FuseError> {
        if Access::of(self.graph, node).is_none() {
            return Err(self.error(node));
        }
        let readers = if roles::is_in_program(self.graph.op(node)) { self.readers(node) } else { Vec::new() };
        let mut joined = Vec::new();
        for index in readers {
            if self.join(node, index, false) {
                joined.push(index);
            }
        }
        let is_joined = |user: &NodeId| {
            let groups = &self.groups_of[user.index()];
            !groups.is_empty() && groups.iter().all(|index| joined.contains(index))
        };
        self.in_place[node.index()] = !self.users[node.index()].iter().all(is_joined);
        self.put(node, &joined);
        Ok(())
    }

    /// Whether a node is a part of a concatenation.
    fn is_part(&self, node: NodeId) -> bool {
        self.users[node.index()].iter().any(|&user| matches!(self.graph.op(user), Op::Concatenate(_)))
    }

    /// Takes a node that scatters into the group of one that scatters what it gives, and nothing else: both go through the same elements.
    fn scatter_again(&mut self, node: NodeId, index: usize) -> usize {
        let is_output = self.is_output(node);
        let group = self.groups[index].as_mut().expect("absorbed groups are not referred to");
        group.members.insert(node, Class::Full);
        if is_output {
            group.outputs.push(node);
        }
        index
    }

    /// The group that computes another part of the same tuple, if this part can be written there too.
    fn group_of_sibling(&self, node: NodeId) -> Option<usize> {
        if self.graph.op(node).structure() != Structure::Get {
            return None;
        }
        let tuple = self.graph.operands(node)[0];
        let groups = self.groups_of[tuple.index()].iter().copied();
        groups.into_iter().find(|&index| !self.depends_on_users(index, node))
    }

    fn join_sibling(&mut self, node: NodeId, index: usize) -> usize {
        let tuple = self.graph.operands(node)[0];
        let group = self.groups[index].as_mut().expect("absorbed groups are not referred to");
        group.members.insert(node, group.members[&tuple]);
        group.outputs.push(node);
        index
    }

    /// Notes where a node is computed; the tuple that it is a part of came along.
    fn put(&mut self, node: NodeId, groups: &[usize]) {
        self.groups_of[node.index()] = groups.to_vec();
        if self.graph.op(node).structure() == Structure::Get {
            let of_tuple = &mut self.groups_of[self.graph.operands(node)[0].index()];
            of_tuple.extend(groups);
            of_tuple.sort_unstable();
            of_tuple.dedup();
        }
    }

    /// The groups that read a node element by element, at a class at which they could compute it.
    fn readers(&self, node: NodeId) -> Vec<usize> {
        let mut readers = BTreeSet::new();
        for &user in &self.users[node.index()] {
            for &index in &self.groups_of[user.index()] {
                let class = operand_class(self.graph, user, self.group(index).members[&user]);
                if matches!(class, Some(Class::Full | Class::PerRow)) {
                    readers.insert(index);
                }
            }
        }
        readers.into_iter().collect()
    }

    /// Whether a node has a kernel that it shares with operands at most: it puts elements elsewhere, or copies them one by one.
    fn goes_apart(&self, node: NodeId) -> bool {
        let op = self.graph.op(node);
        let is_apart = |operand: NodeId| {
            let shape = roles::shape(self.graph, operand);
            Access::of(self.graph, operand).is_some_and(|access| !access.has_whole_rows(shape))
        };
        scatters(op) || (matches!(op, Op::Copy(_)) && is_apart(self.graph.operands(node)[0]))
    }

    /// Whether a node must be in memory: it leaves the function, or somebody reads it otherwise than element by element.
    fn is_output(&self, node: NodeId) -> bool {
        let reads_whole = |&user: &NodeId| {
            let groups = &self.groups_of[user.index()];
            let class = |&index: &usize| operand_class(self.graph, user, self.group(index).members[&user]);
            groups.is_empty()
                || self.in_place[user.index()]
                || groups.iter().any(|index| !matches!(class(index), Some(Class::Full | Class::PerRow)))
        };
        self.is_root[node.index()] || self.users[node.index()].iter().any(reads_whole)
    }

    /// Makes one group of those that read `node`, where they fit.
    fn merge_readers(&mut self, node: NodeId, readers: &mut Vec<usize>) {
        let mut merged: Vec<usize> = Vec::new();
        for &reader in readers.iter() {
            if !merged.iter().any(|&first| self.merge(first, reader, node)) {
                merged.push(reader);
            }
        }
        *readers = merged;
    }

    /// Makes the group `second` part of `first`, if their spaces fit, they read `node` at the same class, and neither needs a
    /// third that needs the other.
    fn merge(&mut self, first: usize, second: usize, node: NodeId) -> bool {
        let mut union = self.group(first).clone();
        if !union.absorb(self.group(second))
            || (union.anchor.is_some() && self.scatters(&union))
            || (union.goes_in_order()
                && !union.members.keys().all(|&member| reads_in_order(self.graph, member)))
            || self.class_in(&union, node).is_none()
            || !self.is_elementwise(&union)
        {
            return false;
        }
        if self.reaches_around(first, second) || self.reaches_around(second, first) {
            return false;
        }
        for member in self.group(second).members.keys().copied().collect::<Vec<_>>() {
            let groups = &mut self.groups_of[member.index()];
            groups.retain(|&index| index != second && index != first);
            groups.push(first);
        }
        self.groups[first] = Some(union);
        self.groups[second] = None;
        true
    }

    /// Takes a node into a group, as an output if others need it. `false`, and nothing changed, if it does not fit.
    fn join(&mut self, node: NodeId, index: usize, is_output: bool) -> bool {
        let mut group = self.group(index).clone();
        if !self.fits(node, &mut group) {
            return false;
        }
        if is_output {
            if self.depends_on_users(index, node) {
                return false;
            }
            group.outputs.push(node);
        }
        self.groups[index] = Some(group);
        true
    }

    /// Takes a node into the first group of several that read it, which writes it for the others.
    fn join_first(&mut self, node: NodeId, indices: &[usize]) -> Option<usize> {
        let mut indices = indices.to_vec();
        indices.sort_by_key(|&index| self.group(index).members.keys().next().copied());
        indices.into_iter().find(|&index| self.join(node, index, true))
    }

    /// Takes a node into several groups, to be computed in each: where that takes no more reading than the node itself would.
    fn join_all(&mut self, node: NodeId, indices: &[usize]) -> bool {
        if !roles::is_cheap(self.graph.op(node)) || !roles::is_light(self.graph, node) {
            return false;
        }
        let mut joined = Vec::new();
        for &index in indices {
            let mut group = self.group(index).clone();
            if !self.fits(node, &mut group) {
                return false;
            }
            joined.push(group);
        }
        for (&index, group) in indices.iter().zip(joined) {
            self.groups[index] = Some(group);
        }
        self.put(node, indices);
        true
    }

    /// Adds a scalar to those of its stage.
    fn add_scalar(&mut self, node: NodeId, stage: Stage) -> usize {
        let slot = &mut self.scalars[stage as usize];
        let index = *slot.get_or_insert(self.groups.len());
        if index == self.groups.len() {
            let empty = Group { outputs: Vec::new(), ..Group::copy(node, Dim::Static(1)) };
            self.groups.push(Some(empty));
        }
        let needs = |user: &NodeId| !self.groups_of[user.index()].contains(&index);
        let is_output = self.is_root[node.index()] || self.users[node.index()].iter().any(needs);
        let group = self.groups[index].as_mut().expect("scalars are never absorbed");
        group.members.insert(node, Class::Full);
        if is_output {
            group.outputs.push(node);
        }
        index
    }

    fn error(&self, node: NodeId) -> FuseError {
        let (function, op) = (self.function.name.clone(), self.graph.op(node).name());
        FuseError { function, op, node: node.0 }
    }

    /// A new group of one node, which others need.
    fn start(&mut self, node: NodeId) -> Result<usize, FuseError> {
        let elements = space_shape(self.graph, node).elements().ok_or_else(|| self.error(node))?;
        let mut group = Group::of(node, elements);
        let fits = match self.graph.op(node).structure() {
            Structure::Map | Structure::OverlapAdd => true,
            Structure::Pad | Structure::Concatenate => roles::begins_at_numbers(self.graph, node),
            Structure::Get => self.fits(self.graph.operands(node)[0], &mut group),
            Structure::Broadcast | Structure::Leaf => match roles::rows_asked(self.graph, node) {
                Ok(rows) => rows.is_none_or(|rows| group.arrange(rows)),
                Err(()) => false,
            },
            Structure::Reduce if reduction(self.graph, node) == Some(Reduction::Row) => {
                roles::rows_reduced(self.graph, node).is_some_and(|rows| group.widen(rows))
            }
            Structure::Contract
            | Structure::Reduce
            | Structure::Permute
            | Structure::Random
            | Structure::Gather
            | Structure::ScatterAdd => self.anchor_fits(node, &mut group),
            Structure::View | Structure::Slice | Structure::Window | Structure::Reverse | Structure::Scan => {
                false
            }
        };
        if !fits {
            return Err(self.error(node));
        }
        self.groups.push(Some(group));
        Ok(self.groups.len() - 1)
    }

    fn finish(self) -> Vec<Group> {
        let mut groups: Vec<Group> = self.groups.into_iter().flatten().collect();
        for group in &mut groups {
            group.outputs.sort_unstable();
        }
        groups
    }
}

#[cfg(test)]
mod tests {
    use dl_ir::network::Network;
    use dl_ir::{build, passes};

    use super::*;

    #[test]
    fn rows_beyond_the_offsets_of_programs_are_refused() {
        let fused = |text: &str| {
            let network = Network::parse(text).expect("a network without mistakes");
            let module = build::module(&network, &network.target_types()[0]);
            let module = passes::optimize(module, |_, _| ()).expect("passes keep modules valid");
            fuse(module.function("predict").expect("networks predict")).map(|groups| groups.len())
        };
        assert!(fused("< dense(1_000, 2) >").is_ok());
        let error = fused("< dense(200_000_000, 2) >").expect_err("a row of 800 MB");
        assert_eq!((error.function.as_str(), error.op), ("predict", "input"));
    }
}
