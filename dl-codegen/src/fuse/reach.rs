//! Whether a kernel would have to wait for itself.

use dl_ir::graph::NodeId;

use super::Fuser;

impl Fuser<'_> {
    /// Whether group `to` needs a group that needs group `from`: merged, they would wait for themselves.
    pub(super) fn reaches_around(&self, from: usize, to: usize) -> bool {
        let outside = self.group(from).members.keys().flat_map(|member| &self.users[member.index()]);
        let starts = outside.copied().filter(|user| {
            let groups = &self.groups_of[user.index()];
            !groups.contains(&from) && !groups.contains(&to)
        });
        self.reaches(starts.collect(), to)
    }

    /// Whether group `index` needs a user of `node` that it does not compute itself.
    pub(super) fn depends_on_users(&self, index: usize, node: NodeId) -> bool {
        let users = self.users[node.index()].iter().copied();
        self.reaches(users.filter(|user| !self.groups_of[user.index()].contains(&index)).collect(), index)
    }

    /// Whether group `to` needs one of these nodes, computed elsewhere. Groups are walked as wholes: whoever needs one
    /// of a group's members waits for all of them.
    fn reaches(&self, mut stack: Vec<NodeId>, to: usize) -> bool {
        let mut seen_nodes = vec![false; self.graph.n_nodes()];
        let mut seen_groups = vec![false; self.groups.len()];
        while let Some(node) = stack.pop() {
            if std::mem::replace(&mut seen_nodes[node.index()], true) {
                continue;
            }
            let groups = &self.groups_of[node.index()];
            if groups.contains(&to) {
                return true;
            }
            if groups.is_empty() {
                stack.extend(&self.users[node.index()]);
            }
            for &group in groups {
                if !std::mem::replace(&mut seen_groups[group], true) {
                    let members = self.group(group).members.keys();
                    stack.extend(members.flat_map(|member| &self.users[member.index()]));
                }
            }
        }
        false
    }
}
