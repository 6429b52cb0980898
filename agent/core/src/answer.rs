//! What the caller of a change is told, and in which words.

use alloc::string::String;
use core::fmt;

use crate::id::Revision;

/// What became of a change that somebody asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// It is decided, and on disk.
    Done,
    /// It was not done, and nothing of it follows later.
    Refused(Refusal),
    /// It is decided, but the state could not be written: it takes effect with the next good save.
    NotSaved(NotSaved),
}

/// Why a change is refused. Nothing has changed then.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// There is nothing of this revision that could be tried again.
    NotHeld {
        /// The one that was named.
        revision: Revision,
    },
    /// It is refused for its signature, which the operator's leave is no help against.
    Untrusted {
        /// The one that was named.
        revision: Revision,
        /// Why.
        reason: String,
    },
}

impl Refusal {
    /// Returns the command that shows what can be asked for instead.
    #[must_use]
    pub const fn hint(&self) -> &'static str {
        match self {
            Self::NotHeld { .. } | Self::Untrusted { .. } => "agentctl status",
        }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotHeld { revision } => write!(
                f,
                "{revision} is not held here, nor is it wanted or waiting to be tried again; nothing was changed"
            ),
            Self::Untrusted { revision, reason } => write!(
                f,
                "{revision} is refused for its signature, which nobody can allow; nothing was changed: {reason}"
            ),
        }
    }
}

/// Why a change is not on disk yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NotSaved {
    /// The sentence of what went wrong, with the file's name.
    pub error: String,
}

impl fmt::Display for NotSaved {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}; it is tried again and takes effect then", self.error)
    }
}
