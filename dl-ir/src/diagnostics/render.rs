//! Mistakes shown under the text, the way rustc shows its own.

use std::ops::Range;

use annotate_snippets::{AnnotationKind, Level, Renderer, Snippet};

use super::{Diagnostic, Diagnostics};

impl Diagnostics<Range<usize>> {
    /// The mistakes under the lines of `text`, which came from `source`: a file's name, or `<network>`.
    pub fn render(&self, source: &str, text: &str) -> String {
        self.render_with(&Renderer::plain(), source, text)
    }

    /// As [`render`](Self::render), with colours for a terminal.
    pub fn render_styled(&self, source: &str, text: &str) -> String {
        self.render_with(&Renderer::styled(), source, text)
    }

    fn render_with(&self, renderer: &Renderer, source: &str, text: &str) -> String {
        let shown = self.iter().map(|diagnostic| render_one(diagnostic, renderer, source, text));
        let mut shown: Vec<String> = shown.collect();
        if self.n_hidden > 0 {
            shown.push(format!("and {} more mistakes", self.n_hidden));
        }
        shown.join("\n\n")
    }
}

fn render_one(
    diagnostic: &Diagnostic<Range<usize>>,
    renderer: &Renderer,
    source: &str,
    text: &str,
) -> String {
    let (message, label, help) = (diagnostic.message(), diagnostic.label(), diagnostic.help());
    let primary = AnnotationKind::Primary.span(clip(&diagnostic.place, text)).label(&label);
    let mut snippet = Snippet::source(text).path(source).annotation(primary);
    if let Some((place, cause)) = &diagnostic.cause {
        snippet = snippet.annotation(AnnotationKind::Context.span(clip(place, text)).label(cause));
    }
    let mut group = Level::ERROR.primary_title(&message).element(snippet);
    if let Some(help) = &help {
        group = group.element(Level::HELP.message(help));
    }
    renderer.render(&[group])
}

/// The place inside `text`, which may be another text than the one it is from.
fn clip(place: &Range<usize>, text: &str) -> Range<usize> {
    let start = text.floor_char_boundary(place.start);
    start..text.floor_char_boundary(place.end).max(start)
}
