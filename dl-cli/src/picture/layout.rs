//! Places for the boxes of a diagram, by the layered layout of `dagre`.

use dagre::graph::{Graph, GraphOptions};
use dagre::{EdgeLabel, LayoutOptions, NodeLabel};

use super::Diagram;
use super::canvas::{LINE, text_width};

/// The space around a picture.
pub const MARGIN: f64 = 16.0;

/// A diagram with places: rectangles as x, y of the upper left corner, width and height.
pub struct Places {
    /// Of the picture: width and height.
    pub size: (f64, f64),
    /// Of each frame.
    pub frames: Vec<[f64; 4]>,
    /// Of each box.
    pub boxes: Vec<[f64; 4]>,
    /// The way of each arrow.
    pub arrows: Vec<Way>,
}

/// The way of an arrow.
pub struct Way {
    /// Points from the one box to the other.
    pub points: Vec<(f64, f64)>,
    /// The middle of its label.
    pub label: Option<(f64, f64)>,
}

/// Finds places for boxes of these sizes.
pub fn layout(diagram: &Diagram, sizes: &[(f64, f64)]) -> Places {
    let mut graph = Graph::with_options(GraphOptions { directed: true, multigraph: false, compound: true });
    for (index, frame) in diagram.frames.iter().enumerate() {
        graph.set_node(frame_id(index), Some(NodeLabel::default()));
        if let Some(outer) = frame.outer {
            graph.set_parent(&frame_id(index), Some(&frame_id(outer)));
        }
    }
    for (index, (drawn, &(width, height))) in diagram.boxes.iter().zip(sizes).enumerate() {
        graph.set_node(box_id(index), Some(NodeLabel { width, height, ..NodeLabel::default() }));
        if let Some(frame) = drawn.frame {
            graph.set_parent(&box_id(index), Some(&frame_id(frame)));
        }
    }
    for arrow in &diagram.arrows {
        let mut edge = EdgeLabel::default();
        if !arrow.label.is_empty() {
            (edge.width, edge.height) = (text_width(&arrow.label), LINE);
        }
        graph.set_edge(box_id(arrow.from), box_id(arrow.to), Some(edge), None);
    }
    let options = LayoutOptions {
        nodesep: 24.0,
        edgesep: 12.0,
        ranksep: 28.0,
        marginx: MARGIN,
        marginy: MARGIN,
        ..LayoutOptions::default()
    };
    dagre::layout(&mut graph, Some(options));
    places(diagram, &graph)
}

fn places(diagram: &Diagram, graph: &Graph<NodeLabel, EdgeLabel>) -> Places {
    let rectangle = |id: String| {
        let node = graph.node(&id).expect("it was put in");
        let (x, y) = (node.x.unwrap_or_default(), node.y.unwrap_or_default());
        [x - node.width / 2.0, y - node.height / 2.0, node.width, node.height]
    };
    let frames: Vec<_> = (0..diagram.frames.len()).map(|index| rectangle(frame_id(index))).collect();
    let boxes: Vec<_> = (0..diagram.boxes.len()).map(|index| rectangle(box_id(index))).collect();
    let arrows: Vec<Way> = diagram
        .arrows
        .iter()
        .map(|arrow| {
            let edge = graph.edge(&box_id(arrow.from), &box_id(arrow.to), None).expect("it was put in");
            let points = edge.points.iter().map(|point| (point.x, point.y)).collect();
            let label = edge.x.zip(edge.y).filter(|_| !arrow.label.is_empty());
            Way { points, label }
        })
        .collect();
    Places { size: (0.0, 0.0), frames, boxes, arrows }.shifted()
}

impl Places {
    /// The same from the margin on: arrows may lie outside of what the layout takes for the picture.
    fn shifted(mut self) -> Self {
        let rectangles = self.frames.iter().chain(&self.boxes);
        let corners = rectangles.flat_map(|&[x, y, width, height]| [(x, y), (x + width, y + height)]);
        let points: Vec<(f64, f64)> =
            corners.chain(self.arrows.iter().flat_map(|way| way.points.iter().copied())).collect();
        let least = |of: fn(&(f64, f64)) -> f64| points.iter().map(of).fold(f64::INFINITY, f64::min);
        let most = |of: fn(&(f64, f64)) -> f64| points.iter().map(of).fold(0.0, f64::max);
        let (dx, dy) = (MARGIN - least(|point| point.0), MARGIN - least(|point| point.1));
        self.size = (most(|point| point.0) + dx + MARGIN, most(|point| point.1) + dy + MARGIN);
        for [x, y, ..] in self.frames.iter_mut().chain(&mut self.boxes) {
            (*x, *y) = (*x + dx, *y + dy);
        }
        for way in &mut self.arrows {
            for (x, y) in way.points.iter_mut().chain(&mut way.label) {
                (*x, *y) = (*x + dx, *y + dy);
            }
        }
        self
    }
}

fn box_id(index: usize) -> String {
    format!("box{index}")
}

fn frame_id(index: usize) -> String {
    format!("frame{index}")
}
