//! How buffers can lie where they should not, or be written when they should not.

/// What a plan does to a buffer.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum Misplaced {
    /// A buffer lies where others do while it is needed.
    #[error(
        "{reader} reads {buffer}, which {writer} has overwritten with {other}: they share a place too early"
    )]
    Overwritten {
        /// The launch that reads it.
        reader: String,
        /// The buffer.
        buffer: String,
        /// The launch that wrote there.
        writer: String,
        /// What it wrote.
        other: String,
    },
    /// A buffer has another value by then.
    #[error("{reader} reads {buffer}, in which {writer} has left another value")]
    Replaced {
        /// The launch that reads it.
        reader: String,
        /// The buffer.
        buffer: String,
        /// The launch that wrote it last.
        writer: String,
    },
    /// A buffer is read before it is written.
    #[error("{reader} reads {buffer}, which nothing has written before it")]
    NotWritten {
        /// The launch that reads it.
        reader: String,
        /// The buffer.
        buffer: String,
    },
    /// A launch destroys what it has still to read.
    #[error("{launch} writes {buffer} over {read}, which it still reads")]
    InPlace {
        /// The launch.
        launch: String,
        /// The buffer that it writes.
        buffer: String,
        /// The one in the same place that it reads.
        read: String,
    },
    /// Launches that may run at the same time meet in a place.
    #[error("{writer} writes {buffer} while {other_launch} uses {other}, in the same place")]
    AtOnce {
        /// One of them.
        writer: String,
        /// What it writes.
        buffer: String,
        /// The other.
        other_launch: String,
        /// What that reads or writes.
        other: String,
    },
    /// State is written too early.
    #[error("{launch} writes the state {buffer} before all results are known to be finite")]
    Unchecked {
        /// The launch.
        launch: String,
        /// The state.
        buffer: String,
    },
    /// A result or state is not there at the end.
    #[error("at the end {buffer} does not hold {name}; {}", last_writer(.writer))]
    Lost {
        /// Where it should be.
        buffer: String,
        /// The result or state.
        name: String,
        /// The launch that wrote there last.
        writer: Option<String>,
    },
    /// A buffer ends behind the arena.
    #[error("{buffer} lies beyond the end of the arena")]
    Outside {
        /// The buffer.
        buffer: String,
    },
}

fn last_writer(writer: &Option<String>) -> String {
    writer
        .as_ref()
        .map_or("nothing was written there".to_owned(), |writer| format!("{writer} wrote there last"))
}
