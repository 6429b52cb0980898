//! What is wrong with a configuration: every problem at once, each with its key and line.

use std::fmt;
use std::path::PathBuf;

/// Everything that is wrong with one configuration, in the order of its lines.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub struct ConfigErrors {
    /// The file, where it came from one.
    pub path: Option<PathBuf>,
    /// At least one.
    pub problems: Vec<Problem>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names say it")]
pub struct Problem {
    /// Dotted name of the key, `source.url`; empty where no key is to blame.
    pub key: String,
    /// Line in the file, from 1; none where the key is not there at all.
    pub line: Option<usize>,
    /// What is wrong with which value, and what is allowed. Never holds a secret.
    pub message: String,
}

impl ConfigErrors {
    /// Each problem as `FILE:LINE: key: sentence`, which editors understand.
    pub fn lines(&self) -> impl Iterator<Item = String> {
        let file = self.path.as_ref().map_or_else(|| "configuration".to_owned(), |p| p.display().to_string());
        self.problems.iter().map(move |problem| {
            let line = problem.line.map(|n| format!(":{n}")).unwrap_or_default();
            format!("{file}{line}: {problem}")
        })
    }
}

impl fmt::Display for ConfigErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.lines().collect::<Vec<_>>().join("\n"))
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.key.as_str() {
            "" => f.write_str(&self.message),
            key => write!(f, "{key}: {}", self.message),
        }
    }
}
