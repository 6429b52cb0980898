//! Which derivation failed first, and the last thing that its builder said: what a person looks for in the output.

use super::{Line, Source};
use crate::text;

/// A builder's last line is told so far, in characters; the log has all of it.
const LONGEST: usize = 200;

/// Returns "name: why: last line" of the first derivation that failed by itself; none where nix names none.
pub(super) fn first_failed(lines: &[Line]) -> Option<String> {
    let mut failures = lines.iter().enumerate().filter_map(|(at, line)| Failure::new(lines, at, line));
    let failure = failures.find(|failure| !failure.why.contains("dependenc"))?;
    let Failure { name, why, said } = failure;
    Some(match said {
        Some(said) => format!("{name}: {why}: {}", text::clean_to(said, LONGEST)),
        None => format!("{name}: {why}"),
    })
}

struct Failure<'a> {
    name: &'a str,
    why: String,
    said: Option<&'a str>,
}

impl<'a> Failure<'a> {
    /// Reads the error that begins at this line, if it is one about a derivation:
    /// `error: builder for 'PATH' failed with …` up to nix 2.28, then `error: Cannot build 'PATH'.` and `Reason: …`.
    fn new(lines: &'a [Line], at: usize, line: &'a Line) -> Option<Self> {
        if line.source != Source::Error {
            return None;
        }
        let below = &lines[at + 1..];
        let end = below.iter().position(|line| line.source == Source::Error).unwrap_or(below.len());
        let below = &below[..end];
        let (before, rest) = line.text.split_once('\'')?;
        let (path, after) = rest.split_once('\'')?;
        let why = match before.to_lowercase().as_str() {
            "error: builder for " => format!("builder{after}"),
            "error: cannot build " => {
                below.iter().find_map(|line| line.text.strip_prefix("Reason: "))?.to_owned()
            }
            _ => return None,
        };
        let name = name(path)?;
        let quoted = below.iter().rev().find_map(|line| line.text.strip_prefix('>'));
        let streamed =
            || lines[..at].iter().rev().find_map(|line| line.text.strip_prefix(name)?.strip_prefix('>'));
        let said = quoted.or_else(streamed).map(str::trim).filter(|said| !said.is_empty());
        Some(Self { name, why: why.trim_end_matches([';', '.', ':']).to_owned(), said })
    }
}

/// The name in a path of the store: without the folder, the hash and the ending.
fn name(path: &str) -> Option<&str> {
    let file = path.rsplit('/').next()?.strip_suffix(".drv")?;
    Some(file.split_once('-').map_or(file, |(_hash, name)| name))
}
