//! What a pass changed: the text of two modules, line by line.
//!
//! Numbers of nodes shift with each node that comes or goes. So lines are first paired without them; then what was there before is
//! written with the numbers that its nodes have after, and the two texts are compared.

use std::collections::HashMap;

use similar::{Algorithm, ChangeTag, TextDiff, capture_diff_slices};

/// How many lines are shown around a change.
const CONTEXT: usize = 3;

/// The end of a line behind which the body of a loop stands, whose nodes have numbers of their own.
const BODY: &str = "body={";

/// A node: the body that it is of, and its number there.
type Node = (usize, usize);

/// What differs between two texts, with a little around it; removed lines begin with `-` and added ones with `+`, in colour if
/// `styled`. Empty if nothing does. Nodes have their numbers in `after`; `%7'` is one that is in `before` only.
pub fn changes(before: &str, after: &str, styled: bool) -> String {
    let before = renumbered(&lines(before), &lines(after));
    let before: Vec<&str> = before.iter().map(String::as_str).collect();
    let after: Vec<&str> = after.lines().collect();
    let diff = TextDiff::from_slices(&before, &after);
    let groups = diff.grouped_ops(CONTEXT);
    let shown = groups.iter().map(|group| {
        let changes = group.iter().flat_map(|op| diff.iter_changes(op));
        changes.map(|change| line(change.tag(), change.value(), styled)).collect::<String>()
    });
    shown.collect::<Vec<_>>().join("  ⋮\n")
}

fn line(tag: ChangeTag, text: &str, styled: bool) -> String {
    let (sign, colour) = match tag {
        ChangeTag::Equal => return format!("  {text}\n"),
        ChangeTag::Delete => ("-", 31),
        ChangeTag::Insert => ("+", 32),
    };
    if styled { format!("\x1b[{colour}m{sign} {text}\x1b[0m\n") } else { format!("{sign} {text}\n") }
}

/// A line of a module's text.
struct Line<'t> {
    text: &'t str,
    /// The body that it is in: 0 is none, and functions are alike.
    body: usize,
}

fn lines(text: &str) -> Vec<Line<'_>> {
    let (mut open, mut n_bodies) = (vec![0], 0);
    let line = |text: &'_ str| {
        if text.trim_start().starts_with('}') && open.len() > 1 {
            open.pop();
        }
        let body = *open.last().expect("the function itself is never closed");
        if text.ends_with(BODY) {
            n_bodies += 1;
            open.push(n_bodies);
        }
        body
    };
    let mut body = line;
    text.lines().map(|text| Line { body: body(text), text }).collect()
}

/// The lines of `before` with the numbers that their nodes have in `after`.
fn renumbered(before: &[Line<'_>], after: &[Line<'_>]) -> Vec<String> {
    let without_numbers = |lines: &[Line<'_>]| {
        lines.iter().map(|line| rename(line.text, |_| "%".to_owned())).collect::<Vec<_>>()
    };
    let (old, new) = (without_numbers(before), without_numbers(after));
    let mut names: HashMap<Node, usize> = HashMap::new();
    for op in capture_diff_slices(Algorithm::Patience, &old, &new) {
        if let similar::DiffOp::Equal { old_index, new_index, len } = op {
            let pairs = before[old_index..][..len].iter().zip(&after[new_index..][..len]);
            names.extend(
                pairs.filter_map(|(old, new)| Some(((old.body, defined(old.text)?), defined(new.text)?))),
            );
        }
    }
    let rename_line = |line: &Line<'_>| {
        rename(line.text, |number| match names.get(&(line.body, number)) {
            Some(new) => format!("%{new}"),
            None => format!("%{number}'"),
        })
    };
    before.iter().map(rename_line).collect()
}

/// The number of the node that a line defines.
fn defined(line: &str) -> Option<usize> {
    let (name, _) = line.trim_start().strip_prefix('%')?.split_once(" = ")?;
    name.parse().ok()
}

/// A line with other names for its nodes.
fn rename(line: &str, name: impl Fn(usize) -> String) -> String {
    let mut parts = line.split('%');
    let mut renamed = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let digits = part.bytes().take_while(u8::is_ascii_digit).count();
        match part[..digits].parse() {
            Ok(number) => renamed += &name(number),
            Err(_) => renamed += &format!("%{}", &part[..digits]),
        }
        renamed += &part[digits..];
    }
    renamed
}

#[cfg(test)]
mod tests {
    use super::*;

    const BEFORE: &str = "f {\n  %0 = a\n  %1 = b\n  %2 = c %1\n  %3 = d %0, %2\n}\n";

    #[test]
    fn shifted_numbers_are_no_change() {
        let after = "f {\n  %0 = b\n  %1 = c %0\n  %2 = d %0, %1\n}\n";
        let expected =
            "  f {\n-   %0' = a\n    %0 = b\n    %1 = c %0\n-   %2 = d %0', %1\n+   %2 = d %0, %1\n  }\n";
        assert_eq!(changes(BEFORE, after, false), expected);
        assert_eq!(changes(BEFORE, BEFORE, false), "");
    }

    #[test]
    fn bodies_have_numbers_of_their_own() {
        let text = |node: &str| {
            format!(
                "f {{\n  %0 = a\n{node}  %1 = scan %0 {{body={{\n    %0 = x\n    %1 = y %0\n  }}}}\n  %2 = d %1\n}}\n"
            )
        };
        let shown = changes(&text(""), &text("  %9 = new\n"), false);
        assert_eq!(shown.lines().filter(|line| !line.starts_with(' ')).collect::<Vec<_>>(), ["+   %9 = new"]);
    }

    #[test]
    fn distant_changes_stand_apart() {
        let same = "same\n".repeat(10);
        let shown = changes(&format!("a\n{same}b\n"), &format!("c\n{same}d\n"), true);
        assert_eq!(shown.matches('⋮').count(), 1, "{shown}");
        assert!(shown.contains("\x1b[31m- a\x1b[0m\n\x1b[32m+ c\x1b[0m\n"), "{shown}");
        assert_eq!(shown.matches("same").count(), 2 * CONTEXT);
    }
}
