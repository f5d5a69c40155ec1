//! Pictures of digits, as PNG files.

use std::error::Error;
use std::fs::{self, File};
use std::io::BufWriter;
use std::path::Path;

/// Pixels on each side of a digit.
const SIDE: usize = 28;
/// Between digits, and around them.
const GAP: usize = 4;
/// A pixel of a digit is a square of so many of the picture.
const SCALE: usize = 2;

/// Writes digits side by side, so many to a row, from pixels in 0…1. `name` is a file below `target/`; returns its path in the repository.
pub fn write<'d>(
    name: &str,
    digits: impl IntoIterator<Item = &'d f32>,
    columns: usize,
) -> Result<String, Box<dyn Error>> {
    let digits: Vec<f32> = digits.into_iter().copied().collect();
    let rows = digits.len() / (SIDE * SIDE) / columns;
    let extent = |digits: usize| GAP + digits * (SCALE * SIDE + GAP);
    let (width, height) = (extent(columns), extent(rows));
    let mut picture = vec![128; width * height];
    for (index, digit) in digits.chunks_exact(SIDE * SIDE).enumerate() {
        let (top, left) = (extent(index / columns), extent(index % columns));
        for (y, x) in (0..SCALE * SIDE).flat_map(|y| (0..SCALE * SIDE).map(move |x| (y, x))) {
            let value = digit[y / SCALE * SIDE + x / SCALE];
            picture[(top + y) * width + left + x] = (255.0 * value).round() as u8;
        }
    }

    let path = format!("target/{name}");
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join(&path);
    fs::create_dir_all(file.parent().ok_or("a file has a folder")?)?;
    let mut encoder = png::Encoder::new(BufWriter::new(File::create(file)?), width as u32, height as u32);
    encoder.set_color(png::ColorType::Grayscale);
    encoder.write_header()?.write_image_data(&picture)?;
    Ok(path)
}
