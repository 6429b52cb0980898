//! What the daemon and `agentctl` share of text. This crate never does input or output.
//!
//! It is the one room that cleans text from outside: what a forge, a git server, a commit, a caller or a program brings.
//! Whoever takes such a text in cleans it at the door, so that neither a terminal, the journal, systemd's notification socket nor
//! CI's log ever has it raw.
//!
//! Taken out are escape sequences of terminals, control characters, what turns the direction of writing, and what is
//! there without being seen. What ends a line, and a tab, becomes one blank.

pub mod duration;

/// Longest text from outside, in characters, its mark included.
pub const LONGEST: usize = 500;

/// Longest sentence of our own that repeats such texts, in characters, its mark included.
const LONGEST_SENTENCE: usize = 4 * LONGEST;

/// Stands where the rest was cut off.
const MARK: char = '…';

/// Cleans one text from outside: a name, a subject, an address, a message. At most [`LONGEST`] characters on one line.
#[must_use]
pub fn clean(text: &str) -> String {
    clean_to(text, LONGEST)
}

/// Cleans one text from outside, of which only so many characters are wanted.
#[must_use]
pub fn clean_to(text: &str, most: usize) -> String {
    cut(line(text).trim_start(), most)
}

/// Cleans the first line of bytes from outside that is not blank.
#[must_use]
pub fn first_line(bytes: &[u8]) -> String {
    clean(String::from_utf8_lossy(bytes).trim_start().lines().next().unwrap_or_default())
}

/// Cleans a sentence of our own in which there are texts from outside; longer than one of them, but not without end.
#[must_use]
pub fn sentence(text: &str) -> String {
    cut(line(text).trim_start(), LONGEST_SENTENCE)
}

/// Cleans one line of any length, such as one of a log; blanks at its beginning stay.
#[must_use]
pub fn line(text: &str) -> String {
    let mut line = String::with_capacity(text.len());
    for c in console::strip_ansi_codes(text).chars() {
        if is_break(c) {
            if !line.ends_with(' ') {
                line.push(' ');
            }
        } else if !is_hidden(c) {
            line.push(c);
        }
    }
    line.truncate(line.trim_end().len());
    line
}

fn cut(text: &str, most: usize) -> String {
    if text.chars().nth(most).is_none() {
        return text.to_owned();
    }
    text.chars().take(most.saturating_sub(1)).chain([MARK]).collect()
}

/// What ends a line somewhere (Unicode UAX #14, classes BK, CR, LF and NL), and the tab.
const fn is_break(c: char) -> bool {
    matches!(c, '\t'..='\r' | '\u{85}' | '\u{2028}' | '\u{2029}')
}

/// Control characters, the controls of direction (Unicode UAX #9), and characters without a shape that could hide
/// something. The joiners U+200C and U+200D are not among them: names are written with them.
fn is_hidden(c: char) -> bool {
    c.is_control()
        || matches!(
            c,
            '\u{ad}'
                | '\u{61c}'
                | '\u{180e}'
                | '\u{200b}'
                | '\u{200e}'
                | '\u{200f}'
                | '\u{202a}'..='\u{202e}'
                | '\u{2060}'..='\u{206f}'
                | '\u{feff}'
                | '\u{fff9}'..='\u{fffb}'
                | '\u{e0000}'..='\u{e007f}'
        )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_character_ends_the_line_or_moves_anything() {
        for (raw, expected) in [
            ("failure\nMAINPID=1", "failure MAINPID=1"),
            ("a\r\nb\tc\u{b}d\u{c}e", "a b c d e"),
            ("next\u{85}line\u{2028}line\u{2029}paragraph", "next line line paragraph"),
            ("a\u{1b}[31;1mred\u{1b}[0m b", "ared b"),
            ("\u{1b}]0;title\u{7}x", "x"),
            ("bell\u{7} nul\0 del\u{7f}", "bell nul del"),
            ("turn\u{202e}ed \u{2066}is\u{2069}ol\u{61c}ated\u{200f}", "turned isolated"),
            ("un\u{200b}se\u{feff}en\u{e0041}\u{ad}", "unseen"),
            ("\n two  blanks \n", "two  blanks"),
            ("ﺍﻟعربية, 日本語, न\u{200d}म", "ﺍﻟعربية, 日本語, न\u{200d}म"),
            ("", ""),
        ] {
            assert_eq!(clean(raw), expected, "{raw:?}");
        }
        assert_eq!(line("  \tindented \u{1b}[0m\r\n"), "  indented");
        assert_eq!(first_line(b"\n one\ntwo \xff"), "one");
    }

    #[test]
    fn a_long_text_is_cut_with_a_mark() {
        let exact = "ä".repeat(LONGEST);
        assert_eq!(clean(&exact), exact);
        let cut = clean(&format!("{exact}!"));
        assert_eq!((cut.chars().count(), cut.chars().last()), (LONGEST, Some(MARK)));
        assert_eq!(clean_to("abcdef", 4), "abc…");
        assert_eq!(sentence(&"a".repeat(5000)).chars().count(), LONGEST_SENTENCE);
        assert_eq!(line(&exact.repeat(9)).chars().count(), 9 * LONGEST);
    }

    proptest::proptest! {
        #[test]
        fn whatever_comes_is_one_clean_line(raw in proptest::collection::vec(proptest::char::any(), 0..700)) {
            let raw: String = raw.into_iter().collect();
            let cleaned = clean(&raw);
            assert!(cleaned.chars().count() <= LONGEST);
            assert!(!cleaned.chars().any(|c| is_hidden(c) || is_break(c)), "{cleaned:?}");
            assert_eq!(clean(&cleaned), cleaned);
        }
    }
}
