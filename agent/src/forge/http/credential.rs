//! What the forge is asked with, as sentences name it. Holds no secret, only where it is.

use std::fmt;
use std::path::PathBuf;

use crate::secret::shown;

/// What the forge is asked with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Credential {
    /// A token in a file.
    TokenFile(PathBuf),
    /// Tokens that the forge hands out to an app.
    App {
        /// Number of the app.
        id: u64,
        /// File of its private key.
        key: PathBuf,
    },
}

impl Credential {
    /// What helps when the forge does not know it.
    pub(super) fn unknown(&self) -> String {
        match self {
            Self::TokenFile(_) => format!("{self} is not valid, or not any more: put a new one there"),
            Self::App { key, .. } => format!(
                "{self} is not known by its key: look whether gate.app.id is right, and {} holds one of its keys",
                shown(key)
            ),
        }
    }
}

impl fmt::Display for Credential {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TokenFile(path) => write!(f, "the token in {}", shown(path)),
            Self::App { id, .. } => write!(f, "the GitHub App {id}"),
        }
    }
}
