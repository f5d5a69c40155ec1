//! Elements of SVG, and the style that all pictures have.

use std::fmt::Write;

/// The size of text, in pixels.
pub const FONT_SIZE: f64 = 12.0;

/// The width of a character; monospaced fonts are at most this wide.
pub const CHARACTER: f64 = 7.3;

/// The height of a line of text.
pub const LINE: f64 = 16.0;

/// Colours for light and dark surroundings.
const STYLE: &str = "\
svg{background:#fff;color-scheme:light dark}
text{font:12px ui-monospace,'DejaVu Sans Mono',Menlo,Consolas,monospace;fill:#1b1f24}
.title{font-weight:bold}
.faint{fill:#57606a}
.box{stroke:#57606a;fill:#f3f5f7}
.backward{fill:#fdeee3;stroke:#b35900}
.update{fill:#e4f3e6;stroke:#2c7a3d}
.frame{fill:#4b6bfb;fill-opacity:.06;stroke:#4b6bfb;stroke-opacity:.6;stroke-dasharray:5 3}
.thin{stroke-width:.5}
.grid{stroke:#8b949e;stroke-width:.4}
.arrow{fill:none;stroke:#57606a}
.tip{fill:#57606a}
.halo{paint-order:stroke;stroke:#fff;stroke-width:4px;stroke-linejoin:round}
.peak{fill:none;stroke:#cf222e;stroke-width:1.5;stroke-dasharray:4 3}
@media(prefers-color-scheme:dark){
svg{background:#0d1117}
text{fill:#e6edf3}
.faint{fill:#9aa4af}
.box{stroke:#8b949e;fill:#1c2128}
.backward{fill:#33230f;stroke:#e0883a}
.update{fill:#12301a;stroke:#56b36a}
.frame{fill:#7d93ff;stroke:#7d93ff}
.arrow{stroke:#8b949e}
.tip{fill:#8b949e}
.halo{stroke:#0d1117}
.peak{fill:none;stroke:#ff7b72}
}
";

/// A picture in the making.
pub struct Canvas {
    body: String,
    width: f64,
    height: f64,
}

impl Canvas {
    /// An empty picture of this size, in pixels.
    pub fn new(width: f64, height: f64) -> Self {
        Canvas { body: String::new(), width, height }
    }

    /// A rectangle with a class; `about` is shown where the pointer rests, unless it is empty.
    pub fn rectangle(&mut self, class: &str, [x, y, width, height]: [f64; 4], about: &str) {
        let about =
            if about.is_empty() { String::new() } else { format!("<title>{}</title>", escaped(about)) };
        self.write(format_args!(
            "<rect class=\"{class}\" x=\"{x:.1}\" y=\"{y:.1}\" width=\"{width:.1}\" height=\"{height:.1}\" rx=\"4\">{about}</rect>"
        ));
    }

    /// Text that begins at a point of its base line.
    pub fn text(&mut self, class: &str, (x, y): (f64, f64), text: &str) {
        let text = escaped(text);
        self.write(format_args!(
            "<text class=\"{class}\" x=\"{x:.1}\" y=\"{y:.1}\" xml:space=\"preserve\">{text}</text>"
        ));
    }

    /// A path with a class.
    pub fn path(&mut self, class: &str, path: &str) {
        self.write(format_args!("<path class=\"{class}\" d=\"{path}\"/>"));
    }

    /// The picture as a file.
    pub fn finish(self) -> String {
        let Canvas { body, width, height } = self;
        format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width:.0}\" height=\"{height:.0}\" viewBox=\"0 0 {width:.0} {height:.0}\">\n\
             <style>{STYLE}</style>\n{body}</svg>\n"
        )
    }

    fn write(&mut self, element: std::fmt::Arguments<'_>) {
        writeln!(self.body, "{element}").expect("writing to a string");
    }
}

/// Text between tags.
fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

/// The width of text.
pub fn text_width(text: &str) -> f64 {
    CHARACTER * text.chars().count() as f64
}

/// Text of at most this many characters.
pub fn shortened(text: &str, most: usize) -> String {
    if text.chars().count() <= most {
        return text.to_owned();
    }
    text.chars().take(most - 1).chain(['…']).collect()
}
