//! Why a node is in another kernel than one that reads it: noted where fusion decides.

use std::fmt::{self, Display, Formatter};

use dl_ir::graph::NodeId;

use super::group::{Class, Space};

/// The fact that kept two nodes apart.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Reason {
    /// A user goes through it in loops of its own.
    ReadWhole {
        /// The user.
        user: NodeId,
    },
    /// A user takes one element of it for a row, a column, or all.
    ReadAhead {
        /// The user.
        user: NodeId,
        /// Which elements it takes.
        class: Class,
    },
    /// Two users in the kernel read different elements of it at a time.
    ReadTwoWays {
        /// One of them.
        one: NodeId,
        /// Another.
        other: NodeId,
    },
    /// Nobody in the kernel reads it.
    NotRead,
    /// The kernel goes through memory in order, and a node reads a view that lies otherwise.
    OutOfOrder {
        /// The node.
        node: NodeId,
    },
    /// The kernel goes through other points than the node has elements at.
    OtherPoints {
        /// Where the node is computed.
        wanted: Option<Space>,
        /// Where the kernel computes.
        found: Space,
    },
    /// The node is a value of each row, and so are values that it would be computed from, or with.
    RowsOfRows,
    /// Kernels are built around one node only.
    SecondAnchor {
        /// The one that the kernel has.
        anchor: NodeId,
    },
    /// No kernel around this node combines elements of rows.
    RowsAndAnchor {
        /// The node.
        anchor: NodeId,
    },
    /// The node has a kernel to itself.
    Alone {
        /// The node.
        node: NodeId,
    },
    /// The node puts elements elsewhere, or reads them one by one.
    Scatters {
        /// The node.
        node: NodeId,
    },
    /// Scalars that no tensor decides are computed ahead, together.
    Ahead,
    /// Several kernels read the node; it costs more than reading it from memory, so one computes it for all.
    Dear,
    /// Several kernels read the node; computing it again in each would read more than the node itself.
    ReadsMore,
    /// Somebody reads the node from memory anyway, and so do all but one of the kernels that could compute it.
    InMemory,
    /// The kernel needs something else that needs the node: it would wait for itself.
    Waits,
    /// A sum along the batch is cut into chunks, whose partial sums are made by a kernel of their own.
    Chunks {
        /// The sum.
        sum: NodeId,
    },
}

impl Display for Reason {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match *self {
            Reason::ReadWhole { user } => {
                write!(f, "%{} goes through all of it in loops of its own", user.0)
            }
            Reason::ReadAhead { user, class } => {
                let of = match class {
                    Class::PerCol => "each column",
                    Class::PerRow => "each row",
                    Class::Scalar | Class::Full => "all elements",
                };
                write!(f, "%{} takes one element of it for {of}, which is read ahead of the loop", user.0)
            }
            Reason::ReadTwoWays { one, other } => {
                write!(f, "%{} and %{} read different elements of it at a time", one.0, other.0)
            }
            Reason::NotRead => f.write_str("nothing in that kernel reads it element by element"),
            Reason::OutOfOrder { node } => {
                write!(
                    f,
                    "the kernel goes through memory in order, and %{} reads a view that lies otherwise",
                    node.0
                )
            }
            Reason::OtherPoints { wanted: Some(wanted), found } => {
                write!(f, "it is computed at {wanted}, and the kernel computes at {found}")
            }
            Reason::OtherPoints { wanted: None, found } => {
                write!(f, "it has no rows that a kernel can go through, and the kernel computes at {found}")
            }
            Reason::RowsOfRows => {
                f.write_str("the kernel has values of whole rows, which it is a value of already")
            }
            Reason::SecondAnchor { anchor } => {
                write!(
                    f,
                    "the kernel is built around %{}, and kernels are built around one such node",
                    anchor.0
                )
            }
            Reason::RowsAndAnchor { anchor } => {
                write!(f, "the kernel around %{} has a tile of a row at hand, never a whole row", anchor.0)
            }
            Reason::Alone { node } => write!(f, "%{} has a kernel to itself", node.0),
            Reason::Scatters { node } => {
                write!(f, "%{} puts its elements elsewhere in memory, in a kernel of its own", node.0)
            }
            Reason::Ahead => {
                f.write_str("it is a scalar that no tensor decides, computed with others like it ahead")
            }
            Reason::Dear => {
                f.write_str("several kernels read it, and computing it in each costs more than reading it")
            }
            Reason::ReadsMore => f.write_str(
                "several kernels read it, and computing it in each would read more memory than it is",
            ),
            Reason::InMemory => f.write_str(
                "it is in memory anyway, for one that needs it there, and one kernel computes it for all",
            ),
            Reason::Waits => f.write_str(
                "the kernel needs the result of another one, which needs this: it would wait for itself",
            ),
            Reason::Chunks { sum } => {
                write!(
                    f,
                    "the sum %{} is cut into chunks along the batch, and another kernel adds up their sums",
                    sum.0
                )
            }
        }
    }
}

impl Display for Space {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Space::Flat(elements) => write!(f, "{elements} elements"),
            Space::Grid { rows, cols } => write!(f, "{rows} rows of {cols}"),
        }
    }
}
