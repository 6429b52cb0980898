//! Where the words go: stdout, as a terminal or not. What commits, checks and builds bring is made harmless here.

use std::io::{self, IsTerminal as _, Write as _};

use pull_agent_text as text;

/// How wide text is that no terminal limits.
const UNLIMITED: usize = usize::MAX;

/// Standard output.
#[derive(Clone, Copy, Debug)]
pub(super) struct Screen {
    /// Columns; unlimited where it is no terminal.
    pub(super) width: usize,
    /// Whether it is a terminal.
    pub(super) terminal: bool,
    colour: bool,
}

/// A colour with a meaning.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Paint {
    Good,
    Bad,
    Waiting,
    Strong,
    Faint,
}

impl Screen {
    /// Looks at stdout and at `NO_COLOR` (no-color.org: set and not empty).
    pub(super) fn new() -> Self {
        let terminal = io::stdout().is_terminal();
        let plain = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        let dumb = std::env::var_os("TERM").is_some_and(|term| term == "dumb");
        let width = if terminal { usize::from(console::Term::stdout().size().1).max(40) } else { UNLIMITED };
        Self { width, terminal, colour: terminal && !plain && !dumb }
    }

    /// Text in a colour, where there are colours.
    pub(super) fn paint(self, paint: Paint, text: &str) -> String {
        let code = match paint {
            Paint::Good => "32",
            Paint::Bad => "31",
            Paint::Waiting => "33",
            Paint::Strong => "1",
            Paint::Faint => "2",
        };
        if self.colour { format!("\x1b[{code}m{text}\x1b[0m") } else { text.to_owned() }
    }

    /// Prints as it is.
    pub(super) fn print(self, text: &str) -> io::Result<()> {
        let mut stdout = io::stdout().lock();
        stdout.write_all(text.as_bytes())?;
        stdout.flush()
    }

    /// Prints bytes of a log: as they are into a file, harmless on a terminal.
    pub(super) fn print_log(self, bytes: &[u8]) -> io::Result<()> {
        if self.terminal {
            let text = String::from_utf8_lossy(bytes);
            let lines: String = text.split_inclusive('\n').map(harmless_line).collect();
            return self.print(&lines);
        }
        let mut stdout = io::stdout().lock();
        stdout.write_all(bytes)?;
        stdout.flush()
    }
}

/// Text without anything that moves a cursor, changes colours or turns the direction of writing; on one line.
pub(super) fn harmless(text: &str) -> String {
    text::line(text)
}

fn harmless_line(line: &str) -> String {
    let end = if line.ends_with('\n') { "\n" } else { "" };
    format!("{}{end}", harmless(line))
}

/// Breaks text into lines of at most `width` characters, at blanks where there are any.
pub(super) fn wrap(text: &str, width: usize) -> Vec<String> {
    let mut lines = Vec::new();
    let mut line = String::new();
    let mut length = 0;
    for word in text.split(' ') {
        let mut word: Vec<char> = word.chars().collect();
        if length > 0 && length + 1 + word.len() > width {
            lines.push(std::mem::take(&mut line));
            length = 0;
        }
        while word.len() > width {
            lines.push(word.drain(..width).collect());
        }
        if length > 0 {
            line.push(' ');
            length += 1;
        }
        length += word.len();
        line.extend(word);
    }
    lines.push(line);
    lines
}

/// Cuts text to `width` characters, with an ellipsis where something is missing.
pub(super) fn cut(text: &str, width: usize) -> String {
    if text.chars().count() <= width {
        return text.to_owned();
    }
    text.chars().take(width.saturating_sub(1)).chain(['…']).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn controls_are_taken_out() {
        assert_eq!(harmless("a\x1b[31mred\x1b[0m b"), "ared b");
        assert_eq!(harmless("bell\x07 tab\tnew\nline\r"), "bell tab new line");
        assert_eq!(harmless("turn\u{202e}ed \u{85}x\u{90}"), "turned x");
        assert!(!harmless("a\u{9b}2Jb").chars().any(char::is_control));
        assert_eq!(harmless_line("\x1b]0;title\x07x\n"), "x\n");
    }

    #[test]
    fn text_is_broken_at_blanks() {
        assert_eq!(wrap("one two three", 7), ["one two", "three"]);
        assert_eq!(wrap("one", UNLIMITED), ["one"]);
        assert_eq!(wrap("abcdefgh ij", 3), ["abc", "def", "gh", "ij"]);
        assert_eq!(wrap("", 3), [""]);
        assert_eq!(cut("abcdef", 4), "abc…");
        assert_eq!(cut("abcd", 4), "abcd");
    }
}
