//! Leaves out of a text what depends on the machine.
//!
//! That is numbers with a unit of time (or the size of the process) behind them or in a key before them, and columns of tables whose
//! headings say that they were measured.

/// What stands behind a number, or at the end of a JSON key before it, that depends on the machine.
const UNITS: &[&str] = &["s", "ms", "us", "µs", "mb", "seconds"];

/// Headings of columns, set to the right, whose numbers depend on the machine.
const MEASURED: &[&str] = &["us", "share", "GFLOP/s", "of peak", "GB/s", "of reads", "GB/s read"];

/// What stands for what is left out.
const MASK: &str = "#";

/// A line in tokens; lines are equal if these are.
pub type Masked = Vec<String>;

/// The lines of a text.
pub fn masked(lines: &[String]) -> Vec<Masked> {
    let mut measured = Vec::new();
    let line = |line: &String| {
        let headings = headings(line);
        if !headings.is_empty() {
            measured = headings;
        } else if line.is_empty() {
            measured.clear();
        } else {
            return tokens(&without_cells(line, &measured));
        }
        tokens(line)
    };
    lines.iter().map(line).collect()
}

/// Where the measured columns end of a table that has this line for its headings, in characters.
fn headings(line: &str) -> Vec<usize> {
    let mut end = 0;
    let mut ends = Vec::new();
    for piece in line.split("  ") {
        let name = piece.trim();
        end += piece.trim_end().chars().count();
        if MEASURED.contains(&name) {
            ends.push(end);
        }
        end += piece.chars().count() - piece.trim_end().chars().count() + 2;
    }
    ends
}

/// A line with a mask in place of the cells that end there.
fn without_cells(line: &str, ends: &[usize]) -> String {
    let mut cells: Vec<char> = line.chars().collect();
    for &end in ends.iter().rev().filter(|&&end| end <= line.chars().count()) {
        let is_gap = |at: &usize| *at == 0 || cells[at - 1] == ' ' && (*at == 1 || cells[at - 2] == ' ');
        let start = (0..=end).rev().find(is_gap).unwrap_or(0);
        if start < end {
            cells.splice(start..end, MASK.chars());
        }
    }
    cells.into_iter().collect()
}

fn tokens(line: &str) -> Masked {
    let mut tokens: Vec<String> = Vec::new();
    for c in line.trim_end().chars() {
        let kind = |c: char| {
            if c.is_alphabetic() || c == '_' {
                1
            } else if c.is_ascii_digit() || c == '.' {
                2
            } else {
                0
            }
        };
        match tokens.last_mut() {
            Some(last) if kind(c) != 0 && last.chars().last().map(kind) == Some(kind(c)) => last.push(c),
            _ => tokens.push(c.to_string()),
        }
    }
    // Columns are as wide as what is in them.
    tokens.retain(|token| token.trim() != "");
    let is_number = |token: &str| token.starts_with(|c: char| c.is_ascii_digit());
    let has_unit =
        |token: &str| UNITS.iter().any(|unit| token == *unit || token.ends_with(&format!("_{unit}")));
    let varies = |i: usize| {
        let before = tokens[..i].iter().rev().find(|token| !matches!(token.as_str(), "\"" | ":"));
        is_number(&tokens[i])
            && (tokens.get(i + 1).is_some_and(|t| has_unit(t))
                || before.is_some_and(|t| t.contains('_') && has_unit(t)))
    };
    (0..tokens.len()).map(|i| if varies(i) { MASK.to_owned() } else { tokens[i].clone() }).collect()
}

fn lines(text: &str) -> Vec<Masked> {
    masked(&text.lines().map(str::to_owned).collect::<Vec<_>>())
}

#[test]
fn numbers_that_depend_on_the_machine_are_masked() {
    assert_eq!(lines("step 12.5 us, loss 0.25"), lines("step 9 us, loss 0.25"));
    assert_eq!(lines("{\"step_us\":12.5,\"flops\":7}"), lines("{\"step_us\":3,\"flops\":7}"));
    assert_ne!(lines("{\"step_us\":12.5,\"flops\":7}"), lines("{\"step_us\":12.5,\"flops\":8}"));
    assert_ne!(lines("loss 0.25"), lines("loss 0.26"));
}

#[test]
fn measured_columns_are_masked() {
    let shown = "phase     us  share  of peak  launch\n    0  54.74   35 %    102 %  k1 rows 3\n    1    0.1";
    let printed = "phase    us  share  of peak  launch\n    0   9.1    5 %      2 %  k1 rows 3\n    1   100";
    assert_eq!(lines(shown), lines(printed));
    assert_ne!(lines(shown), lines(&printed.replace("rows 3", "rows 4")));
    assert_ne!(lines(shown), lines(&printed.replace("    0 ", "    2 ")));
    // Other columns are not, and a table ends with an empty line.
    assert_ne!(lines("us  n\n 1  2"), lines("us  n\n 1  3"));
    assert_ne!(lines("us\n 1\n\n 2"), lines("us\n 1\n\n 3"));
}
