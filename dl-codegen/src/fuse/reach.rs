//! Whether a kernel would have to wait for itself.

use rustc_hash::FxHashSet;

use dl_ir::graph::NodeId;

use super::Fuser;

/// How many groups and nodes a search looks at.
const SEARCH_LIMIT: usize = 64;

/// What waits for a node: a group, as a whole, or a node that is in none (yet).
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
enum Waiting {
    Group(usize),
    Node(NodeId),
}

impl Fuser<'_> {
    /// Whether group `to` needs a group that needs group `from`: merged, they would wait for themselves.
    pub(super) fn reaches_around(&self, from: usize, to: usize) -> bool {
        let direct = [Waiting::Group(from), Waiting::Group(to)];
        let outputs = self.group(from).outputs.iter();
        let starts = outputs.flat_map(|&output| self.waiting_for(output));
        self.reaches(starts.filter(|waiting| !direct.contains(waiting)).collect(), to)
    }

    /// Whether group `index` needs something other than itself that needs `node`.
    pub(super) fn depends_on_users(&self, index: usize, node: NodeId) -> bool {
        let others = self.waiting_for(node).filter(|&waiting| waiting != Waiting::Group(index));
        self.reaches(others.collect(), index)
    }

    fn waiting_for(&self, node: NodeId) -> impl Iterator<Item = Waiting> + '_ {
        self.users[node.index()].iter().flat_map(|&user| {
            let groups = &self.groups_of[user.index()];
            let alone = groups.is_empty().then_some(Waiting::Node(user));
            groups.iter().map(|&group| Waiting::Group(group)).chain(alone)
        })
    }

    /// Whether group `to` is among these, or waits for one of them, as far as a bounded search can tell: beyond that it is taken
    /// to, which costs a fusion and keeps compile time in proportion to the network.
    fn reaches(&self, mut stack: Vec<Waiting>, to: usize) -> bool {
        let last = self.group(to).members.last_key_value().map(|(&member, _)| member);
        let mut seen = FxHashSet::default();
        while let Some(waiting) = stack.pop() {
            if waiting == Waiting::Group(to) {
                return true;
            }
            // Users come after operands: what gives nothing from before the group's last member does not lead to it.
            if self.first_node(waiting) > last || !seen.insert(waiting) {
                continue;
            }
            if seen.len() > SEARCH_LIMIT {
                return true;
            }
            match waiting {
                Waiting::Group(group) => {
                    let outputs = self.group(group).outputs.iter();
                    stack.extend(outputs.flat_map(|&output| self.waiting_for(output)));
                }
                Waiting::Node(node) => stack.extend(self.waiting_for(node)),
            }
        }
        false
    }

    /// The first node of those that others wait for.
    fn first_node(&self, waiting: Waiting) -> Option<NodeId> {
        match waiting {
            Waiting::Group(group) => self.group(group).outputs.iter().min().copied(),
            Waiting::Node(node) => Some(node),
        }
    }
}
