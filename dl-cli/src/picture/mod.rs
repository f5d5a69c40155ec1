//! Pictures: diagrams of layers, graphs and kernels, laid out and drawn as SVG, and maps of memory.

mod boxes;
mod canvas;
mod fold;
mod graph;
mod kernels;
mod layers;
mod layout;
mod memory;
mod near;
mod repeats;
mod svg;

pub use graph::functions;
pub use kernels::kernels;
pub use layers::layers;
pub use memory::memory;
pub use svg::svg;

/// Boxes with text and arrows between them, before they have places.
#[derive(Default)]
pub struct Diagram {
    /// Frames around boxes, outer ones before inner ones.
    pub frames: Vec<Frame>,
    /// Boxes, in an order in which arrows run forward.
    pub boxes: Vec<TextBox>,
    /// Arrows.
    pub arrows: Vec<Arrow>,
}

/// A frame.
pub struct Frame {
    /// What stands in its corner.
    pub label: String,
    /// The frame that it is in.
    pub outer: Option<usize>,
}

/// A box.
#[derive(Default)]
pub struct TextBox {
    /// The first line, which stands out; may be empty.
    pub title: String,
    /// What it is of, below that; may be empty.
    pub source: String,
    /// The other lines.
    pub lines: Vec<String>,
    /// What it reads from boxes that no arrow comes from.
    pub reads: Vec<String>,
    /// The boxes that it is drawn for, too.
    pub also: Vec<String>,
    /// The frame that it is in.
    pub frame: Option<usize>,
    /// How it is coloured.
    pub tone: Tone,
}

/// What a box is part of.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Default)]
pub enum Tone {
    /// Neither of the others.
    #[default]
    Plain,
    /// Gradients.
    Backward,
    /// What the optimizer does.
    Update,
}

impl Tone {
    /// Its class in the style sheet of a picture.
    pub fn class(self) -> &'static str {
        match self {
            Tone::Plain => "plain",
            Tone::Backward => "backward",
            Tone::Update => "update",
        }
    }
}

/// An arrow from a box to a later one.
pub struct Arrow {
    /// The index of the box that it comes from.
    pub from: usize,
    /// The index of the box that it goes to.
    pub to: usize,
    /// What stands beside it; may be empty.
    pub label: String,
}

/// How many boxes one says that it is drawn for, too.
const ALSO: usize = 6;

impl TextBox {
    /// What stands below its title.
    pub fn text(&self) -> Vec<String> {
        let mut lines = wrapped(&self.source);
        lines.extend(self.lines.iter().cloned());
        if !self.reads.is_empty() {
            lines.extend(wrapped(&format!("reads {}", self.reads.join(", "))));
        }
        lines.extend(self.also.iter().take(ALSO).flat_map(|also| wrapped(&format!("also {also}"))));
        let more = self.also.len().saturating_sub(ALSO);
        lines.extend((more > 0).then(|| format!("and {more} more")));
        lines
    }

    /// What another box says that is drawn for it, too.
    fn name(&self) -> String {
        if self.source.is_empty() { self.title.clone() } else { format!("{}, {}", self.title, self.source) }
    }
}

/// Text in lines of no more than this many characters, where words allow.
fn wrapped(text: &str) -> Vec<String> {
    const WIDTH: usize = 52;
    let mut lines: Vec<String> = Vec::new();
    for word in text.split(' ').filter(|word| !word.is_empty()) {
        match lines.last_mut() {
            Some(line) if line.chars().count() + word.chars().count() < WIDTH => *line += &format!(" {word}"),
            _ => lines.push(word.to_owned()),
        }
    }
    lines
}

impl Diagram {
    /// Adds a frame, and gives its index.
    fn frame(&mut self, label: String, outer: Option<usize>) -> usize {
        self.frames.push(Frame { label, outer });
        self.frames.len() - 1
    }

    /// Adds a box, and gives its index.
    fn add(&mut self, added: TextBox) -> usize {
        self.boxes.push(added);
        self.boxes.len() - 1
    }

    /// Adds an arrow, unless there is one between these boxes.
    fn connect(&mut self, from: usize, to: usize, label: impl Into<String>) {
        if !self.arrows.iter().rev().any(|arrow| (arrow.from, arrow.to) == (from, to)) {
            self.arrows.push(Arrow { from, to, label: label.into() });
        }
    }
}
