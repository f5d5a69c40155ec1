//! Draws once what a diagram repeats.

use super::fold::{Part, fold};
use super::{Arrow, Diagram};

/// A diagram whose boxes have keys, with stretches of boxes that repeat drawn once, in a frame that says how often. Of the arrows
/// between repetitions those are left that run forward in what is drawn.
pub fn folded<K: PartialEq>(mut diagram: Diagram, keys: &[K]) -> Diagram {
    let mut drawn_as: Vec<usize> = (0..keys.len()).collect();
    fold_parts(&mut diagram, &mut drawn_as, &fold(keys), None);
    only_drawn(diagram, &drawn_as)
}

/// Adds a frame for each repetition, and says for each box which one is drawn for it.
fn fold_parts(diagram: &mut Diagram, drawn_as: &mut [usize], parts: &[Part], inside: Option<usize>) {
    for part in parts {
        match *part {
            Part::One(index) => diagram.boxes[index].frame = inside.or(diagram.boxes[index].frame),
            Part::Repeated { start, count, period, ref parts } => {
                let outer = inside.or(diagram.boxes[start].frame);
                let frame = diagram.frame(format!("{count} times"), outer);
                fold_parts(diagram, drawn_as, parts, Some(frame));
                for index in start + period..start + count * period {
                    drawn_as[index] = drawn_as[index - period];
                }
            }
        }
    }
}

fn only_drawn(diagram: Diagram, drawn_as: &[usize]) -> Diagram {
    let Diagram { frames, boxes, arrows } = diagram;
    let mut new_index = vec![0; boxes.len()];
    let mut drawn = Diagram { frames, ..Diagram::default() };
    for (index, text_box) in boxes.into_iter().enumerate() {
        if drawn_as[index] == index {
            new_index[index] = drawn.add(text_box);
            continue;
        }
        let shown = &mut drawn.boxes[new_index[drawn_as[index]]];
        shown.also.extend(Some(text_box.name()).filter(|name| *name != shown.name()));
    }
    for Arrow { from, to, label } in arrows {
        let (from, to) = (drawn_as[from], drawn_as[to]);
        if from < to {
            drawn.connect(new_index[from], new_index[to], label);
        }
    }
    drawn
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::picture::TextBox;

    #[test]
    fn a_chain_of_equal_links_is_one_link() {
        let mut diagram = Diagram::default();
        for index in 0..8 {
            let title = index.to_string();
            let added = diagram.add(TextBox { title, ..TextBox::default() });
            if added > 0 {
                diagram.connect(added - 1, added, "");
            }
        }
        let folded = folded(diagram, b"iababaaao"[..8].as_ref());
        let titles: Vec<&str> = folded.boxes.iter().map(|drawn| drawn.title.as_str()).collect();
        assert_eq!(titles, ["0", "1", "2", "5"]);
        assert_eq!(folded.boxes[1].text(), ["also 3"]);
        assert_eq!(folded.boxes[3].text(), ["also 6", "also 7"]);
        let arrows: Vec<_> = folded.arrows.iter().map(|arrow| (arrow.from, arrow.to)).collect();
        assert_eq!(arrows, [(0, 1), (1, 2), (2, 3)]);
        let labels: Vec<&str> = folded.frames.iter().map(|frame| frame.label.as_str()).collect();
        assert_eq!(labels, ["2 times", "3 times"]);
    }
}
