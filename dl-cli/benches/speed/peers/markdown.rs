//! What was found, as tables of a document.

use std::fmt::Write;

use super::cases::CASES;
use super::report::{CaseReport, Measured, Report};

/// The document `peers.md`.
pub fn markdown(report: &Report) -> String {
    let Report { cpu, threads, rounds, seconds, cases, .. } = report;
    format!(
        "# Steps beside other frameworks\n\nWritten by `cargo bench -p dl-cli --bench speed -- peers`; [performance.md](../performance.md) says what is \
         measured.\n\n{cpu}, {threads} threads, {rounds} rounds of {seconds} s.\n\n{}\n{}",
        steps(cases),
        shares(cases)
    )
}

/// The medians of all programs' steps.
fn steps(cases: &[CaseReport]) -> String {
    let mut programs: Vec<String> = Vec::new();
    for measured in cases.iter().flat_map(|case| &case.programs) {
        let name = title(measured);
        if !programs.contains(&name) {
            programs.push(name);
        }
    }
    let rows = cases.iter().map(|case| {
        let of = |program: &String| {
            let found = case.programs.iter().find(|measured| title(measured) == *program);
            found.map_or("–".to_owned(), |measured| in_thousands(measured.median.step_us))
        };
        (name(case), programs.iter().map(of).collect())
    });
    table("a step, µs", &programs, rows.collect())
}

/// How far dl is from the fastest other program, and from what arithmetic takes at least.
fn shares(cases: &[CaseReport]) -> String {
    let columns = ["dl ÷ the fastest other", "arithmetic at the peak ÷ dl", "dl, one prediction, µs"];
    let rows = cases.iter().map(|case| {
        let others = case.programs[1..].iter().map(|measured| measured.step_ratio);
        let nearest = others.reduce(f64::min);
        let shares = vec![
            nearest.map_or("–".to_owned(), |ratio| format!("{:.2}", 1.0 / ratio)),
            format!("{:.2}", 1.0 / case.times_floor),
            format!("{:.1}", case.programs[0].median.predict1_us),
        ];
        (name(case), shares)
    });
    table("", &columns.map(str::to_owned), rows.collect())
}

fn table(corner: &str, columns: &[String], rows: Vec<(&str, Vec<String>)>) -> String {
    let rule = " ---: |".repeat(columns.len());
    let mut text = format!("| {corner} | {} |\n| --- |{rule}\n", columns.join(" | "));
    for (name, cells) in rows {
        writeln!(text, "| {name} | {} |", cells.join(" | ")).expect("writing to a string");
    }
    text
}

/// A program with the version that it told first.
fn title(measured: &Measured) -> String {
    let version = &measured.median.version;
    let numbers = version.split('+').next().unwrap_or_default();
    format!("{} {numbers}", measured.program).trim_end().to_owned()
}

fn name(case: &CaseReport) -> &'static str {
    CASES.iter().find(|known| known.name == case.name).map_or(case.name, |known| known.title)
}

/// A whole number with commas.
fn in_thousands(number: f64) -> String {
    let digits = format!("{number:.0}");
    let groups: Vec<&str> = digits
        .as_bytes()
        .rchunks(3)
        .rev()
        .map(|group| std::str::from_utf8(group).unwrap_or_default())
        .collect();
    groups.join(",")
}
