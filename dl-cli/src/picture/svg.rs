//! Draws a diagram.

use std::fmt::Write;

use super::canvas::{Canvas, LINE, shortened, text_width};
use super::layout::{Places, Way, layout};
use super::near::with_near_arrows;
use super::{Diagram, TextBox};
use crate::error::{Error, Result};

/// A diagram with more boxes cannot be read, and takes long to lay out.
const MAX_BOXES: usize = 400;

/// Longer lines are cut; all of a box's text is shown where the pointer rests on it.
const MAX_CHARACTERS: usize = 84;

/// More lines of a box are cut.
const MAX_LINES: usize = 40;

/// The space between a box and its text.
const PADDING: f64 = 8.0;

/// A diagram as an SVG file.
///
/// # Errors
/// If it has too many boxes.
pub fn svg(diagram: Diagram) -> Result<String> {
    if diagram.boxes.len() > MAX_BOXES {
        return Err(Error::TooLargeToDraw { boxes: diagram.boxes.len(), limit: MAX_BOXES });
    }
    let diagram = &with_near_arrows(diagram);
    let texts: Vec<Vec<String>> = diagram.boxes.iter().map(shown_lines).collect();
    let sizes: Vec<(f64, f64)> = texts.iter().map(|lines| size(lines)).collect();
    let places = layout(diagram, &sizes);
    Ok(drawn(diagram, &texts, &places))
}

/// What is written into a box: its title and its lines.
fn shown_lines(of: &TextBox) -> Vec<String> {
    let title = Some(&of.title).filter(|title| !title.is_empty());
    let text = of.text();
    let mut lines: Vec<String> =
        title.into_iter().chain(&text).map(|line| shortened(line, MAX_CHARACTERS)).collect();
    if lines.len() > MAX_LINES {
        let n_more = lines.len() + 1 - MAX_LINES;
        lines.truncate(MAX_LINES - 1);
        lines.push(format!("… {n_more} lines more"));
    }
    lines
}

fn size(lines: &[String]) -> (f64, f64) {
    let width = lines.iter().map(|line| text_width(line)).fold(0.0, f64::max);
    (width + 2.0 * PADDING, LINE * lines.len() as f64 + 2.0 * PADDING)
}

fn drawn(diagram: &Diagram, texts: &[Vec<String>], places: &Places) -> String {
    let mut canvas = Canvas::new(places.size.0, places.size.1);
    for &frame in &places.frames {
        canvas.rectangle("frame", frame, "");
    }
    for way in &places.arrows {
        arrow(&mut canvas, way);
    }
    for ((of, lines), &place) in diagram.boxes.iter().zip(texts).zip(&places.boxes) {
        text_box(&mut canvas, of, lines, place);
    }
    for (frame, [x, y, ..]) in diagram.frames.iter().zip(&places.frames) {
        canvas.text("title faint halo", (x + 2.0, y - 4.0), &frame.label);
    }
    for (arrow, way) in diagram.arrows.iter().zip(&places.arrows) {
        if let Some((x, y)) = way.label {
            canvas.text("faint halo", (x - text_width(&arrow.label) / 2.0, y + 4.0), &arrow.label);
        }
    }
    canvas.finish()
}

fn text_box(canvas: &mut Canvas, of: &TextBox, lines: &[String], place: [f64; 4]) {
    let text = of.text();
    let is_cut = lines.iter().any(|line| line.ends_with('…')) || text.len() >= MAX_LINES;
    let about = if is_cut { format!("{}\n{}", of.title, text.join("\n")) } else { String::new() };
    canvas.rectangle(&format!("box {}", of.tone.class()), place, &about);
    let [x, y, ..] = place;
    for (index, line) in lines.iter().enumerate() {
        let class = if index == 0 && !of.title.is_empty() { "title" } else { "line" };
        let base = y + PADDING + LINE * (index as f64 + 0.75);
        canvas.text(class, (x + PADDING, base), line);
    }
}

/// A curve through the middles of an arrow's stretches, and its tip.
fn arrow(canvas: &mut Canvas, way: &Way) {
    let [first, .., before, last] = way.points.as_slice() else { return };
    let mut path = format!("M{:.1} {:.1}", first.0, first.1);
    for pair in way.points[1..].windows(2) {
        let [bend, next] = [pair[0], pair[1]];
        let middle = ((bend.0 + next.0) / 2.0, (bend.1 + next.1) / 2.0);
        let to = if next == *last { *last } else { middle };
        write!(path, "Q{:.1} {:.1} {:.1} {:.1}", bend.0, bend.1, to.0, to.1).expect("writing to a string");
    }
    canvas.path("arrow", &path);
    canvas.path("tip", &tip(*before, *last));
}

/// A triangle that ends at `to` and points there from `from`.
fn tip(from: (f64, f64), to: (f64, f64)) -> String {
    const LENGTH: f64 = 7.0;
    let (dx, dy) = (to.0 - from.0, to.1 - from.1);
    let length = dx.hypot(dy).max(1e-6);
    let (dx, dy) = (LENGTH * dx / length, LENGTH * dy / length);
    let foot = |side: f64| (to.0 - dx - side * dy / 2.0, to.1 - dy + side * dx / 2.0);
    let (left, right) = (foot(1.0), foot(-1.0));
    format!("M{:.1} {:.1}L{:.1} {:.1}L{:.1} {:.1}Z", to.0, to.1, left.0, left.1, right.0, right.1)
}
