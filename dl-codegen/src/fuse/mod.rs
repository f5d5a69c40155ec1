//! Fusion: which nodes share a kernel.
//!
//! Nodes are visited users first. A node joins the group that reads it element by element, so that its value never reaches memory; if others
//! need it too it is written as well, unless that would make a cycle of kernels. What no group can take starts its own.
//! A matrix product or a sum over rows is taken as the anchor of the group that reads it: bias, activation,
//! derivative and optimizer update become its epilogue by the same rule; those that read parts of its columns, by that of `gates`. Long sums are then cut into [`chunks`].
//! Transposes that one wide product reads become a part of it (`packed`).

pub mod chunks;
mod error;
mod fits;
mod gates;
mod group;
mod join;
mod packed;
mod panels;
mod reach;
mod reason;
mod roles;
mod stage;
mod table;
pub mod text;
pub mod why;

pub use error::FuseError;
pub use group::{Anchor, Class, Group, Space};
pub use reason::Reason;
pub use roles::{Reduction, operand_class, reduction, scatters, shape, space_shape, tiles};

use join::Refusal;
use rustc_hash::FxHashMap;
use stage::{Stage, stages};
use why::Fusion;

use dl_ir::access::{Access, is_view};
use dl_ir::graph::{Graph, NodeId};
use dl_ir::module::Function;
use dl_ir::network::MAX_EXAMPLE;
use dl_ir::ops::{Op, Structure};
use dl_ir::types::Dim;

use crate::target::Target;

/// The most elements in a row: programs address the rows of a tile by 32-bit offsets.
const MAX_ROW: usize = MAX_EXAMPLE;

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
///
/// # Errors
/// If no kernel computes a node.
pub fn fuse(function: &Function, target: Target) -> Result<Vec<Group>, FuseError> {
    explained(function, target).map(|fusion| fusion.groups)
}

/// The same, with what kept nodes apart.
///
/// # Errors
/// As [`fuse`].
pub fn explained(function: &Function, target: Target) -> Result<Fusion, FuseError> {
    let mut fuser = Fuser::new(function, target);
    for node in function.graph.ids().rev() {
        if fuser.is_live[node.index()] {
            fuser.visit(node)?;
        }
    }
    fuser.pack_transposes();
    let mut fusion = fuser.finish();
    for cut in chunks::cut(&function.graph, &mut fusion.groups) {
        let of_rest = fusion.refusals.iter().filter(|refusal| refusal.group == cut.total);
        let moved: Vec<Refusal> = of_rest.map(|refusal| Refusal { group: cut.rest, ..*refusal }).collect();
        fusion.refusals.extend(moved);
        let reason = Reason::Chunks { sum: cut.sum };
        fusion.refusals.push(Refusal { node: cut.sum, group: cut.rest, second: None, reason });
    }
    Ok(fusion)
}

struct Fuser<'f> {
    function: &'f Function,
    target: Target,
    graph: &'f Graph,
    /// The live users of each node, the last of them first.
    users: Vec<Vec<NodeId>>,
    is_root: Vec<bool>,
    is_live: Vec<bool>,
    /// The views that are read where they lie.
    in_place: Vec<bool>,
    /// The groups that compute a node: several if it is computed again for each.
    groups_of: Vec<Vec<usize>>,
    /// `None` where a group was absorbed by another.
    groups: Vec<Option<Group>>,
    /// The groups that others were absorbed by.
    absorbed: FxHashMap<usize, usize>,
    refusals: Vec<Refusal>,
    /// How early a scalar can be computed.
    stages: Vec<Option<Stage>>,
    /// The group of the scalars of each stage.
    scalars: [Option<usize>; 2],
}

impl<'f> Fuser<'f> {
    fn new(function: &'f Function, target: Target) -> Self {
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
            target,
            graph,
            users,
            is_root,
            is_live,
            in_place: vec![false; n],
            groups_of,
            groups,
            absorbed: FxHashMap::default(),
            refusals: Vec::new(),
            stages: stages(graph),
            scalars: [None; 2],
        }
    }

    fn group(&self, index: usize) -> &Group {
        self.groups[index].as_ref().expect("absorbed groups are not referred to")
    }

    fn visit(&mut self, node: NodeId) -> Result<(), FuseError> {
        // The elements of a view lie where others do.
        let is_short = || roles::row_len(self.graph, node).is_some_and(|len| len <= MAX_ROW);
        if !is_view(self.graph, node) && !is_short() {
            return Err(FuseError::rows(self.function, node, MAX_ROW));
        }
        if !panels::finds_rows_whole(self.graph, node) {
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
            self.refuse_all(node, Reason::Ahead);
            return Ok(());
        }
        if self.join_gates(node) {
            return Ok(());
        }
        let mut readers = self.readers(node);
        // Work worth sharing brings its readers together; what is cheap and light is done again by each.
        if !roles::is_cheap(self.graph.op(node)) || !roles::is_light(self.graph, node) {
            self.merge_readers(node, &mut readers);
        }
        if !self.groups_of[node.index()].is_empty() {
            // A tuple, or a product of gates, which came along with its parts.
            return Ok(());
        }
        if self.goes_apart(node) {
            let group = match readers.as_slice() {
                [only] if roles::tiles(self.graph, node) && !self.is_part(node) => {
                    self.scatter_again(node, *only)
                }
                _ => {
                    self.refuse_all(node, Reason::Scatters { node });
                    self.start(node)?
                }
            };
            self.put(node, &[group]);
            return Ok(());
        }
        let is_output = self.is_output(node);
        let group = match readers.as_slice() {
            [] if let Some(index) = self.group_of_sibling(node) => self.join_sibling(node, index),
            [] => self.start(node)?,
            [only] if self.join(node, *only, is_output) => *only,
            several if self.join_all(node, several, is_output) => return Ok(()),
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
        // In order, as readers are.
        let mut joined = Vec::new();
        for index in readers {
            if self.join(node, index, false) {
                joined.push(index);
            }
        }
        let is_joined = |user: &NodeId| {
            let groups = &self.groups_of[user.index()];
            !groups.is_empty() && groups.iter().all(|index| joined.binary_search(index).is_ok())
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
        FuseError::arrangement(self.function, node)
    }

    /// A new group of one node, which others need.
    fn start(&mut self, node: NodeId) -> Result<usize, FuseError> {
        let elements = space_shape(self.graph, node).elements().ok_or_else(|| self.error(node))?;
        let mut group = Group::of(node, elements);
        let fits = match self.graph.op(node).structure() {
            Structure::Map | Structure::OverlapAdd => true,
            Structure::Pad | Structure::Concatenate => roles::begins_at_numbers(self.graph, node),
            Structure::Get => self.fits(self.graph.operands(node)[0], &mut group).is_ok(),
            Structure::Broadcast | Structure::Leaf => match roles::rows_asked(self.graph, node) {
                Ok(rows) => rows.is_none_or(|rows| group.arrange(rows).is_ok()),
                Err(()) => false,
            },
            Structure::Reduce if reduction(self.graph, node) == Some(Reduction::Row) => {
                roles::rows_reduced(self.graph, node).is_some_and(|rows| group.widen(rows).is_ok())
            }
            Structure::Contract
            | Structure::Reduce
            | Structure::Permute
            | Structure::Random
            | Structure::Gather
            | Structure::ScatterAdd => self.anchor_fits(node, &mut group).is_ok(),
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

    fn finish(self) -> Fusion {
        let mut position = 0;
        let positions: Vec<usize> = self
            .groups
            .iter()
            .map(|group| {
                position += usize::from(group.is_some());
                position.saturating_sub(1)
            })
            .collect();
        let last = |group: usize| {
            let absorber = |group: &usize| self.absorbed.get(group).copied();
            let absorbers = std::iter::successors(Some(group), absorber);
            positions[absorbers.last().expect("the group itself")]
        };
        let refusals = self.refusals.iter().map(|refusal| Refusal {
            group: last(refusal.group),
            second: refusal.second.map(last),
            ..*refusal
        });
        let refusals = refusals.collect();
        let mut groups: Vec<Group> = self.groups.into_iter().flatten().collect();
        for group in &mut groups {
            group.outputs.sort_unstable();
        }
        Fusion { groups, refusals }
    }
}

#[cfg(test)]
mod tests {
    use dl_ir::network::Network;
    use dl_ir::{build, passes};

    use super::*;
    use crate::vector::Lanes;

    const TARGET: Target = Target { lanes: Lanes::L16 };

    #[test]
    fn rows_beyond_the_offsets_of_programs_are_refused() {
        let fused = |text: &str| {
            let network = Network::parse(text).expect("a network without mistakes");
            let module = build::module(&network, &network.target_types()[0]);
            let module = passes::optimize(module, |_, _| ()).expect("passes keep modules valid");
            fuse(module.function("train_step").expect("networks are trained"), TARGET)
                .map(|groups| groups.len())
        };
        assert!(fused("< dense(1_000, 2) >").is_ok());
        let error = fused("< input(6_000, 8), attention(8, 1) >").expect_err("36 million scores");
        let FuseError::Rows { part, limit: MAX_ROW, function, .. } = &error else { panic!("{error}") };
        assert_eq!((part.as_str(), function.as_str()), ("attention0, backward", "train_step"));
        assert!(error.to_string().contains("f32[B, 1, 6000, 6000]"), "{error}");
    }

    #[test]
    fn windows_are_not_in_memory() {
        let network = Network::parse("< input(400, 400, 32), conv2d(32, 32, 3) >").expect("a network");
        let module = build::module(&network, &network.target_types()[0]);
        let module = passes::optimize(module, |_, _| ()).expect("passes keep modules valid");
        fuse(module.function("predict").expect("networks predict"), TARGET)
            .expect("45 million elements of windows");
    }
}
