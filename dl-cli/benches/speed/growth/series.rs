//! Times as one thing grows, and which doublings cost too much.

use std::fmt::Write;

/// What was measured at one value.
pub struct Point {
    pub value: usize,
    pub step_us: f64,
    pub compile_us: f64,
    /// Of a training step.
    pub flops: u64,
}

/// A time as one thing grows.
pub struct Series {
    pub title: String,
    pub rows: Vec<Row>,
}

/// One line of its table.
pub struct Row {
    pub value: usize,
    pub us: f64,
    /// What the work is at this value, relative to the first.
    pub work: f64,
    /// How much longer it takes than the row before.
    pub growth: Option<f64>,
    /// Whether that is more than the work's growth allows.
    pub is_flagged: bool,
}

/// A doubling of the work may cost this much.
const DOUBLING: f64 = 2.3;

impl Series {
    /// The series of a set of points: the step's time against its arithmetic; with depth also the compiler's time, against depth.
    /// More threads have the same work.
    pub fn of(name: &str, points: &[Point]) -> Vec<Series> {
        let mut all = vec![Series::new(
            format!("step by {name}"),
            points,
            |point| point.step_us,
            |point| point.flops as f64,
        )];
        if name == "depth" {
            let compile = Series::new(
                "compilation by depth".to_owned(),
                points,
                |point| point.compile_us,
                |point| point.value as f64,
            );
            all.push(compile);
        }
        all
    }

    fn new(title: String, points: &[Point], time: fn(&Point) -> f64, work: fn(&Point) -> f64) -> Series {
        let before = std::iter::once(None).chain(points.iter().map(Some));
        let row = |(point, before): (&Point, Option<&Point>)| {
            let growth = before.map(|before| time(point) / time(before));
            let of_work = before.map(|before| work(point) / work(before));
            let is_flagged = growth.zip(of_work).is_some_and(|(growth, work)| growth > work * DOUBLING / 2.0);
            Row {
                value: point.value,
                us: time(point),
                work: work(point) / work(&points[0]),
                growth,
                is_flagged,
            }
        };
        Series { title, rows: points.iter().zip(before).map(row).collect() }
    }
}

/// All tables, in Markdown.
pub fn document(all: &[Series]) -> String {
    let mut text = "# How time grows\n\nWritten by `cargo bench -p dl-cli --bench speed -- growth`; \
                    [performance.md](../performance.md) says what is measured. ⚠ marks what grows more than its work.\n"
        .to_owned();
    let mut line = |line: String| writeln!(text, "{line}").expect("strings take all text");
    for series in all {
        line(format!(
            "\n| {} | µs | work | times the one before |\n| ---: | ---: | ---: | ---: |",
            series.title
        ));
        for Row { value, us, work, growth, is_flagged } in &series.rows {
            let flag = if *is_flagged { " ⚠" } else { "" };
            let growth = growth.map_or_else(String::new, |growth| format!("{growth:.2}{flag}"));
            line(format!("| {value} | {us:.1} | {work:.0} | {growth} |"));
        }
    }
    text
}
