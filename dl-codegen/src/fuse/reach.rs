//! Whether a kernel would have to wait for itself.

use dl_ir::graph::NodeId;

use super::Fuser;

/// What waits for a node: a group, as a whole, or a node that is in none (yet).
#[derive(Clone, Copy, PartialEq, Eq)]
enum Waiting {
    Group(usize),
    Node(NodeId),
}

impl Fuser<'_> {
    /// Whether group `to` needs a group that needs group `from`: merged, they would wait for themselves.
    pub(super) fn reaches_around(&self, from: usize, to: usize) -> bool {
        let direct = [Waiting::Group(from), Waiting::Group(to)];
        let members = self.group(from).members.keys();
        let starts = members.flat_map(|&member| self.waiting_for(member));
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

    /// Whether group `to` is among these, or waits for one of them.
    fn reaches(&self, mut stack: Vec<Waiting>, to: usize) -> bool {
        let mut seen_nodes = vec![false; self.graph.n_nodes()];
        let mut seen_groups = vec![false; self.groups.len()];
        while let Some(waiting) = stack.pop() {
            match waiting {
                Waiting::Group(group) if group == to => return true,
                Waiting::Group(group) => {
                    if !std::mem::replace(&mut seen_groups[group], true) {
                        let members = self.group(group).members.keys();
                        stack.extend(members.flat_map(|&member| self.waiting_for(member)));
                    }
                }
                Waiting::Node(node) => {
                    if !std::mem::replace(&mut seen_nodes[node.index()], true) {
                        stack.extend(self.waiting_for(node));
                    }
                }
            }
        }
        false
    }
}
