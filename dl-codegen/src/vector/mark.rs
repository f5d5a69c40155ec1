//! What the lines of a program stand for.

use std::hash::{Hash, Hasher};

/// Which of the nodes that a kernel computes an instruction is for: a position in [`Group::nodes`](crate::fuse::Group::nodes).
///
/// Marks are remarks: all of them are equal, so that programs which differ in their marks only are one.
#[derive(Clone, Copy, Debug, Default)]
pub struct Mark(pub u32);

impl Mark {
    /// Of the node that a kernel is built around.
    pub const MAIN: Mark = Mark(0);
}

impl PartialEq for Mark {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl Eq for Mark {}

impl Hash for Mark {
    fn hash<H: Hasher>(&self, _: &mut H) {}
}
