//! Leaves out arrows that would go across a picture: what is read far behind where it was made is named there instead.
//!
//! The backward pass reads what the forward pass computed, and every update what the optimizer computed once. Drawn, these arrows push
//! everything else apart.

use super::{Arrow, Diagram};

/// The most levels between the ends of an arrow that is drawn.
const MAX_SPAN: usize = 2;

/// The most arrows that are drawn from one box, where the boxes that they lead to have others.
const MAX_READERS: usize = 4;

/// The same diagram with near arrows only. A box that reads others keeps the shortest of its arrows, however long.
pub fn with_near_arrows(mut diagram: Diagram) -> Diagram {
    let lengths = lengths(&diagram);
    let mut shortest: Vec<Option<usize>> = vec![None; diagram.boxes.len()];
    for (index, arrow) in diagram.arrows.iter().enumerate() {
        let so_far = &mut shortest[arrow.to];
        if so_far.is_none_or(|other| lengths[index] < lengths[other]) {
            *so_far = Some(index);
        }
    }
    for (index, arrow) in std::mem::take(&mut diagram.arrows).into_iter().enumerate() {
        if lengths[index].is_near() || shortest[arrow.to] == Some(index) {
            diagram.arrows.push(arrow);
        } else {
            let name = what_is_read(&arrow, &diagram.boxes[arrow.from].title);
            diagram.boxes[arrow.to].reads.push(name);
        }
    }
    diagram
}

/// How far an arrow goes; shorter ones are less.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Length {
    /// Whether it is one of too many from a box.
    is_of_many: bool,
    /// The levels between its ends.
    span: usize,
}

impl Length {
    fn is_near(self) -> bool {
        !self.is_of_many && self.span <= MAX_SPAN
    }
}

fn lengths(diagram: &Diagram) -> Vec<Length> {
    let levels = levels(diagram);
    let mut n_readers = vec![0; diagram.boxes.len()];
    diagram.arrows.iter().for_each(|arrow| n_readers[arrow.from] += 1);
    let length = |arrow: &Arrow| Length {
        is_of_many: n_readers[arrow.from] > MAX_READERS,
        span: levels[arrow.to] - levels[arrow.from],
    };
    diagram.arrows.iter().map(length).collect()
}

/// The level of each box: below all that it reads; that of one which reads nothing is just above the first that reads it.
fn levels(diagram: &Diagram) -> Vec<usize> {
    let mut arrows: Vec<&Arrow> = diagram.arrows.iter().collect();
    arrows.sort_by_key(|arrow| arrow.from);
    let mut levels = vec![0; diagram.boxes.len()];
    for arrow in &arrows {
        levels[arrow.to] = levels[arrow.to].max(levels[arrow.from] + 1);
    }
    let below = levels.clone();
    for (index, level) in levels.iter_mut().enumerate().filter(|(_, level)| **level == 0) {
        let readers = arrows.iter().filter(|arrow| arrow.from == index).map(|arrow| below[arrow.to]);
        *level = readers.min().map_or(0, |first| first - 1);
    }
    levels
}

/// `%10 of step 0: k32`, or what there is of it.
fn what_is_read(arrow: &Arrow, title: &str) -> String {
    match (arrow.label.as_str(), title) {
        ("", title) => title.to_owned(),
        (label, "") => label.to_owned(),
        (label, title) => format!("{label} of {title}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::picture::TextBox;

    /// Boxes `0`, `1`, … with these arrows.
    fn diagram(n_boxes: usize, arrows: &[(usize, usize)]) -> Diagram {
        let mut diagram = Diagram::default();
        for index in 0..n_boxes {
            diagram.add(TextBox { title: index.to_string(), ..TextBox::default() });
        }
        arrows.iter().for_each(|&(from, to)| diagram.connect(from, to, "x"));
        diagram
    }

    fn arrows(diagram: &Diagram) -> Vec<(usize, usize)> {
        diagram.arrows.iter().map(|arrow| (arrow.from, arrow.to)).collect()
    }

    #[test]
    fn what_is_far_is_named_where_it_is_read() {
        let near = with_near_arrows(diagram(5, &[(0, 1), (1, 2), (2, 3), (0, 3), (4, 3)]));
        assert_eq!(arrows(&near), [(0, 1), (1, 2), (2, 3), (4, 3)]);
        assert_eq!(near.boxes[3].text(), ["reads x of 0"]);
    }

    #[test]
    fn what_many_read_is_named_where_something_else_is_read_too() {
        let near = with_near_arrows(diagram(8, &[(0, 2), (0, 3), (0, 4), (0, 5), (0, 6), (1, 2), (6, 7)]));
        assert_eq!(arrows(&near), [(0, 3), (0, 4), (0, 5), (0, 6), (1, 2), (6, 7)]);
        assert_eq!(near.boxes[2].text(), ["reads x of 0"]);
    }
}
