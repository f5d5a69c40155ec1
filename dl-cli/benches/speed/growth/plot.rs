//! Series as curves, both axes logarithmic.

use super::series::{Row, Series};
use crate::svg::Svg;

const WIDTH: f64 = 840.0;
const COLUMNS: usize = 3;
const COLUMN: f64 = WIDTH / COLUMNS as f64;
const HEIGHT: f64 = 220.0;
/// Room around the curve: for numbers on the left, the title above, values below.
const LEFT: f64 = 56.0;
const RIGHT: f64 = 14.0;
const TOP: f64 = 28.0;
const BOTTOM: f64 = 30.0;

/// Draws all series, with what each would be if it grew as its work does.
pub fn plot(all: &[Series]) -> String {
    let lines = all.len().div_ceil(COLUMNS);
    let mut svg = Svg::new(WIDTH, lines as f64 * HEIGHT + 16.0);
    for (index, series) in all.iter().enumerate() {
        let corner = [(index % COLUMNS) as f64 * COLUMN, (index / COLUMNS) as f64 * HEIGHT];
        draw(&mut svg, series, corner);
    }
    let legend = "dashed: in proportion to the work, from the last point back; red: a doubling that costs more than 2.3×";
    svg.text([0.0, lines as f64 * HEIGHT + 8.0], "dim", legend);
    svg.finish()
}

/// Where a value lies between two others, by logarithms, from 0 to 1.
fn part(value: f64, [least, most]: [f64; 2]) -> f64 {
    (value / least).ln() / (most / least).ln().max(f64::MIN_POSITIVE)
}

fn draw(svg: &mut Svg, series: &Series, [left, top]: [f64; 2]) {
    let (Some(first), Some(last)) = (series.rows.first(), series.rows.last()) else { return };
    svg.text([left + LEFT, top + 16.0], "title", &series.title);
    let times = || series.rows.iter().map(|row| row.us);
    // Whole powers of ten around all times.
    let least = 10f64.powf(times().fold(f64::INFINITY, f64::min).log10().floor());
    let most = 10f64.powf(times().fold(0.0, f64::max).log10().ceil()).max(10.0 * least);
    let (width, height) = (COLUMN - LEFT - RIGHT, HEIGHT - TOP - BOTTOM);
    let x = |row: &Row| left + LEFT + width * part(row.value as f64, [first.value as f64, last.value as f64]);
    let y = |us: f64| top + TOP + height * (1.0 - part(us, [least, most]));
    let mut power = least;
    while power <= 1.01 * most {
        svg.line(&[[left + LEFT, y(power)], [left + COLUMN - RIGHT, y(power)]], "grid");
        svg.text([left + LEFT - 6.0, y(power) + 4.0], "dim end", &time(power));
        power *= 10.0;
    }
    let ideal = |row: &Row| last.us * row.work / last.work;
    let ideal: Vec<[f64; 2]> =
        series.rows.iter().filter(|row| ideal(row) >= least).map(|row| [x(row), y(ideal(row))]).collect();
    svg.line(&ideal, "work");
    svg.line(&series.rows.iter().map(|row| [x(row), y(row.us)]).collect::<Vec<_>>(), "curve");
    for row in &series.rows {
        let class = if row.is_flagged { "flag" } else { "point" };
        svg.rect([x(row) - 2.5, y(row.us) - 2.5], [5.0, 5.0], class);
    }
    for row in [first, last] {
        svg.text([x(row), top + HEIGHT - BOTTOM + 16.0], "dim middle", &row.value.to_string());
    }
}

/// A power of ten of microseconds.
fn time(us: f64) -> String {
    match us {
        us if us < 999.0 => format!("{us} µs"),
        us if us < 999e3 => format!("{:.0} ms", us / 1e3),
        us => format!("{:.0} s", us / 1e6),
    }
}
