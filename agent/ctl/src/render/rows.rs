//! Rows of a label and a text that is broken to the width of the screen.

use crate::screen::{Paint, Screen, harmless, wrap};

/// Columns of the labels, with the blanks around them.
const INDENT: usize = 11;

/// Rows in the order in which they are added.
#[derive(Debug)]
pub(super) struct Rows {
    screen: Screen,
    text: String,
}

impl Rows {
    pub(super) fn new(screen: Screen) -> Self {
        Self { screen, text: String::new() }
    }

    /// A line over the whole width.
    pub(super) fn heading(&mut self, paint: Paint, text: &str) {
        for line in wrap(&harmless(text), self.screen.width) {
            self.push(&self.screen.paint(paint, &line));
        }
    }

    /// A labelled text.
    pub(super) fn row(&mut self, label: &str, paint: Option<Paint>, text: &str) {
        let mut label = format!("  {label:<width$}", width = INDENT - 2);
        for line in wrap(&harmless(text), self.screen.width.saturating_sub(INDENT)) {
            let line = paint.map_or_else(|| line.clone(), |paint| self.screen.paint(paint, &line));
            self.push(&format!("{label}{line}"));
            label = " ".repeat(INDENT);
        }
    }

    /// More of the row above, a line each.
    pub(super) fn more(&mut self, paint: Option<Paint>, text: &str) {
        self.row("", paint, text);
    }

    pub(super) fn finish(self) -> String {
        self.text
    }

    fn push(&mut self, line: &str) {
        self.text.push_str(line.trim_end());
        self.text.push('\n');
    }
}
