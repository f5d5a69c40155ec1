//! What is in memory when, as a map: steps to the right, addresses downwards.

use dl::inspect::units::bytes;
use dl::inspect::{LiveBuffer, MemoryMap};

use super::canvas::{CHARACTER, Canvas, FONT_SIZE, LINE, shortened, text_width};

/// The height of the map itself.
const HEIGHT: f64 = 560.0;

/// The least and the most width of the map itself.
const WIDTHS: (f64, f64) = (960.0, 1920.0);

/// The width of a step, where that gives a width in between.
const STEP: f64 = 72.0;

/// The space around the map: for addresses at the left, for titles above, for steps below.
const MARGIN: f64 = 104.0;

/// How many lines there are for addresses.
const TICKS: usize = 8;

/// A rectangle for each buffer, as wide as it is alive and as high as it is large; the step in which most is alive is framed.
pub fn memory(map: &MemoryMap) -> String {
    let n_steps = map.alive_bytes.len().max(1) as f64;
    let width = (STEP * n_steps).clamp(WIDTHS.0, WIDTHS.1);
    let scale = Scale { step: width / n_steps, byte: HEIGHT / map.scratch_bytes.max(1) as f64 };
    let mut canvas = Canvas::new(width + 1.5 * MARGIN, HEIGHT + 2.0 * MARGIN);
    titles(&mut canvas, map);
    axes(&mut canvas, map, &scale, width);
    map.buffers.iter().for_each(|buffer| draw_buffer(&mut canvas, buffer, map.alive_bytes.len(), &scale));
    let x = MARGIN + scale.step * map.peak as f64;
    canvas.rectangle("peak", [x, MARGIN, scale.step, HEIGHT], "");
    canvas.text("title halo", (x, MARGIN - 6.0), "peak");
    canvas.finish()
}

/// How large things are drawn.
struct Scale {
    step: f64,
    byte: f64,
}

fn titles(canvas: &mut Canvas, map: &MemoryMap) {
    let peak = map.alive_bytes.get(map.peak).copied().unwrap_or(0);
    let title = format!("{} at batches of {}", map.function, map.batch);
    let about = format!(
        "{} of state, {} in between; most is alive in step {}: {}",
        bytes(map.state_bytes),
        bytes(map.scratch_bytes),
        map.peak,
        bytes(peak)
    );
    canvas.text("title", (MARGIN, 24.0), &title);
    canvas.text("faint", (MARGIN, 24.0 + LINE), &about);
}

fn axes(canvas: &mut Canvas, map: &MemoryMap, scale: &Scale, width: f64) {
    for tick in 0..=TICKS {
        let y = MARGIN + HEIGHT * tick as f64 / TICKS as f64;
        let label = bytes(map.scratch_bytes * tick / TICKS);
        canvas.path("grid", &format!("M{:.1} {y:.1}h{width:.1}", MARGIN));
        canvas.text("faint", (MARGIN - 6.0 - text_width(&label), y + FONT_SIZE / 3.0), &label);
    }
    // As many numbers as there is room for.
    let every = (4.0 * CHARACTER / scale.step).ceil().max(1.0) as usize;
    for step in (0..map.alive_bytes.len()).step_by(every) {
        let x = MARGIN + scale.step * (step as f64 + 0.5) - text_width(&step.to_string()) / 2.0;
        canvas.text("faint", (x, MARGIN + HEIGHT + LINE), &step.to_string());
    }
    canvas.text("faint", (MARGIN, MARGIN + HEIGHT + 2.0 * LINE + 4.0), "steps");
}

fn draw_buffer(canvas: &mut Canvas, buffer: &LiveBuffer, n_steps: usize, scale: &Scale) {
    let LiveBuffer { name, part, origin, bytes: size, offset, first, last } = buffer;
    let (x, y) = (MARGIN + scale.step * *first as f64, MARGIN + scale.byte * *offset as f64);
    // Results are alive when all steps are done.
    let n_alive = (last + 1).min(n_steps).saturating_sub(*first);
    let (width, height) = (scale.step * n_alive as f64, scale.byte * *size as f64);
    let class = if part.ends_with("backward") { "box thin backward" } else { "box thin plain" };
    let part = origin.as_ref().unwrap_or(part);
    let about = format!("{name} {part}: {}, steps {first} to {last}", bytes(*size));
    canvas.rectangle(class, [x, y, width, height.max(0.5)], &about);
    let room = ((width - 8.0) / CHARACTER).max(0.0) as usize;
    if room < 3 {
        return;
    }
    // In a narrow one each has a line of its own; what does not fit is shown where the pointer rests.
    let n_lines = (height / LINE) as usize;
    let whole = format!("{name} {part}");
    let is_narrow = whole.chars().count() > room && n_lines > 1;
    let lines = if is_narrow { vec![name, part] } else { vec![&whole] };
    let size = bytes(*size);
    let lines = lines.into_iter().map(|line| ("line", line)).chain([("faint", &size)]);
    for (index, (class, line)) in lines.take(n_lines).enumerate() {
        canvas.text(class, (x + 4.0, y + FONT_SIZE + LINE * index as f64), &shortened(line, room));
    }
}
