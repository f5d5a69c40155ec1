//! Pictures in SVG, for light and dark pages.

use std::fmt::{Display, Write};

/// A picture that is being drawn. Coordinates are pixels from the top left; classes are those of `STYLE`.
pub struct Svg {
    width: f64,
    height: f64,
    body: String,
}

/// Colours that stand out from both white and near-black; the background is the page's.
const STYLE: &str = "text{font:12px system-ui,-apple-system,'Segoe UI','DejaVu Sans',sans-serif;fill:#24292f}\
    .title{font-weight:600}.dim{fill:#59636e}.end{text-anchor:end}.middle{text-anchor:middle}.flag{fill:#cf222e}\
    .slower{fill:#6e9bd1}.faster{fill:#d98c4a}.floor{fill:#8b949e;opacity:.45}.point{fill:#2f7fd1}\
    .grid{stroke:#8b949e;stroke-opacity:.25}.unit{stroke:#2f7fd1;stroke-width:2}\
    .curve{stroke:#2f7fd1;stroke-width:2;fill:none}.work{stroke:#8b949e;stroke-dasharray:4 3;fill:none}\
    @media(prefers-color-scheme:dark){text{fill:#e6edf3}.dim{fill:#9198a1}.flag{fill:#ff7b72}}";

impl Svg {
    /// An empty picture.
    pub fn new(width: f64, height: f64) -> Self {
        Svg { width, height, body: String::new() }
    }

    /// A line of text from x, on the baseline y.
    pub fn text(&mut self, [x, y]: [f64; 2], class: &str, text: &str) {
        let text = text.replace('&', "&amp;").replace('<', "&lt;");
        self.element(format_args!("<text x=\"{x:.1}\" y=\"{y:.1}\" class=\"{class}\">{text}</text>"));
    }

    /// A filled rectangle.
    pub fn rect(&mut self, [x, y]: [f64; 2], [width, height]: [f64; 2], class: &str) {
        self.element(format_args!(
            "<rect x=\"{x:.1}\" y=\"{y:.1}\" width=\"{width:.1}\" height=\"{height:.1}\" class=\"{class}\"/>"
        ));
    }

    /// A line through points.
    pub fn line(&mut self, points: &[[f64; 2]], class: &str) {
        let points: Vec<String> = points.iter().map(|[x, y]| format!("{x:.1},{y:.1}")).collect();
        self.element(format_args!("<polyline points=\"{}\" class=\"{class}\"/>", points.join(" ")));
    }

    /// The file.
    pub fn finish(self) -> String {
        let Svg { width, height, body } = self;
        format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{height}\" \
             viewBox=\"0 0 {width} {height}\">\n<style>{STYLE}</style>\n{body}</svg>\n"
        )
    }

    fn element(&mut self, element: impl Display) {
        writeln!(self.body, "{element}").expect("strings take all text");
    }
}
