//! The chart for README.md: how many times as long as dl each program takes.

use super::report::{CaseReport, Measured, Report};
use crate::svg::Svg;

/// A group of bars with a heading.
struct Panel {
    title: String,
    /// What dl takes.
    own_us: f64,
    bars: Vec<Bar>,
}

struct Bar {
    label: String,
    ratio: f64,
    class: &'static str,
}

const WIDTH: f64 = 840.0;
const COLUMNS: usize = 2;
const COLUMN: f64 = WIDTH / COLUMNS as f64;
/// From the left of a column: bars, and how much room is right of them for their numbers.
const LABELS: f64 = 104.0;
const NUMBERS: f64 = 52.0;
const HEADING: f64 = 24.0;
const ROW: f64 = 17.0;
/// Above the panels, below each, and below all.
const TOP: f64 = 46.0;
const GAP: f64 = 18.0;
const BOTTOM: f64 = 22.0;

/// Draws it.
pub fn chart(report: &Report) -> String {
    let panels = panels(report);
    let ratios = || panels.iter().flat_map(|panel| panel.bars.iter().map(|bar| bar.ratio));
    // Decimal logarithms, with some room to the left of 1.
    let (least, most) = (ratios().fold(0.5, f64::min).log10(), ratios().fold(2.0, f64::max).log10());
    let scale = (COLUMN - LABELS - NUMBERS) / (most - least);
    let at = |ratio: f64| LABELS + (ratio.log10() - least) * scale;

    let rows: Vec<f64> = panels.chunks(COLUMNS).map(height).collect();
    let mut svg = Svg::new(WIDTH, TOP + rows.iter().sum::<f64>() + BOTTOM);
    svg.text(
        [0.0, 14.0],
        "title",
        "Time relative to dl: a bar to the right is slower, to the left faster (log scale)",
    );
    svg.text(
        [0.0, 32.0],
        "dim",
        &format!(
            "{}, {} threads, medians of {} interleaved rounds",
            report.cpu, report.threads, report.rounds
        ),
    );
    let mut top = TOP;
    for (panels, height) in panels.chunks(COLUMNS).zip(&rows) {
        for (column, panel) in panels.iter().enumerate() {
            draw(&mut svg, panel, [column as f64 * COLUMN, top], at);
        }
        top += height;
    }
    let floor = "floor: the arithmetic of a step at the measured peak of all threads";
    svg.text([0.0, top + 6.0], "dim", floor);
    svg.finish()
}

fn height(panels: &[Panel]) -> f64 {
    let bars = panels.iter().map(|panel| panel.bars.len()).max().unwrap_or(0);
    HEADING + bars as f64 * ROW + GAP
}

/// One for the step of each case, and one for predictions.
fn panels(report: &Report) -> Vec<Panel> {
    let mut panels: Vec<Panel> = report
        .cases
        .iter()
        .map(|case| {
            let floor = Bar { label: "floor".to_owned(), ratio: 1.0 / case.times_floor, class: "floor" };
            panel(case, case.name.to_owned(), case.programs[0].median.step_us, vec![floor], |measured| {
                measured.step_ratio
            })
        })
        .collect();
    if let Some(case) = report.cases.iter().find(|case| case.name.starts_with("mlp")) {
        let network = case.name.split('_').next().unwrap_or_default();
        let title = format!("{network}, predict one example");
        panels.push(panel(case, title, case.programs[0].median.predict1_us, vec![], |measured| {
            measured.predict1_ratio
        }));
    }
    panels
}

fn panel(
    case: &CaseReport,
    title: String,
    own_us: f64,
    mut bars: Vec<Bar>,
    ratio: fn(&Measured) -> f64,
) -> Panel {
    bars.extend(case.programs[1..].iter().map(|measured| {
        let ratio = ratio(measured);
        let class = if ratio < 1.0 { "faster" } else { "slower" };
        Bar { label: measured.program.to_owned(), ratio, class }
    }));
    Panel { title, own_us, bars }
}

fn draw(svg: &mut Svg, panel: &Panel, [left, top]: [f64; 2], at: impl Fn(f64) -> f64) {
    svg.text([left, top + 14.0], "title", &panel.title);
    let bottom = top + HEADING + panel.bars.len() as f64 * ROW;
    let unit = left + at(1.0);
    svg.text([left + COLUMN - NUMBERS, top + 14.0], "dim end", &format!("dl {}", time(panel.own_us)));
    for (row, bar) in panel.bars.iter().enumerate() {
        let y = top + HEADING + row as f64 * ROW;
        let end = left + at(bar.ratio);
        svg.text([left + LABELS - 8.0, y + 12.0], "end", &bar.label);
        svg.rect([unit.min(end), y + 2.0], [(unit - end).abs(), ROW - 4.0], bar.class);
        svg.text([unit.max(end) + 5.0, y + 12.0], "dim", &times(bar.ratio));
    }
    svg.line(&[[unit, top + HEADING - 2.0], [unit, bottom + 2.0]], "unit");
}

/// A ratio in three digits.
fn times(ratio: f64) -> String {
    match ratio {
        ratio if ratio < 10.0 => format!("{ratio:.2}×"),
        ratio if ratio < 100.0 => format!("{ratio:.1}×"),
        ratio => format!("{ratio:.0}×"),
    }
}

/// A time in three digits.
fn time(us: f64) -> String {
    match us {
        us if us < 10.0 => format!("{us:.2} µs"),
        us if us < 100.0 => format!("{us:.1} µs"),
        us if us < 1000.0 => format!("{us:.0} µs"),
        us => format!("{:.2} ms", us / 1e3),
    }
}
