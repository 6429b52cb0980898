//! Names for things that could be mistaken for each other.

use alloc::borrow::ToOwned;
use alloc::string::String;
use core::fmt;

use serde::{Deserialize, Serialize};

/// The id of a commit: 40 lower-case hexadecimal digits (SHA-1), never all zero.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Revision(String);

impl Revision {
    /// Reads a full commit id; upper-case digits are accepted and lowered.
    ///
    /// # Errors
    /// The text, when it is not 40 hexadecimal digits or is the null id (gitglossary(7): an object that does not exist).
    pub fn parse(text: &str) -> Result<Self, InvalidRevision> {
        let valid = text.len() == 40
            && text.bytes().all(|b| b.is_ascii_hexdigit())
            && text.bytes().any(|b| b != b'0');
        if valid { Ok(Self(text.to_ascii_lowercase())) } else { Err(InvalidRevision(text.to_owned())) }
    }

    /// Returns the 40 digits.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns the first seven digits, as git abbreviates.
    #[must_use]
    pub fn short(&self) -> &str {
        &self.0[..7]
    }
}

impl fmt::Display for Revision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl TryFrom<String> for Revision {
    type Error = InvalidRevision;
    fn try_from(text: String) -> Result<Self, InvalidRevision> {
        Self::parse(&text)
    }
}

impl From<Revision> for String {
    fn from(revision: Revision) -> Self {
        revision.0
    }
}

/// A text that is no full commit id.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InvalidRevision(pub String);

impl fmt::Display for InvalidRevision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} is not a full commit id (40 hexadecimal digits)", self.0)
    }
}

impl core::error::Error for InvalidRevision {}

/// The store path of a system closure (what `config.system.build.toplevel` builds), links resolved.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct SystemPath(String);

impl SystemPath {
    /// Takes an absolute path as it is.
    #[must_use]
    pub fn new(path: &str) -> Self {
        Self(path.to_owned())
    }

    /// Returns the path.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for SystemPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Number of a deployment on this host, from 1, never used twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct DeploymentId(pub u64);

impl fmt::Display for DeploymentId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Number of one try of a step that touches the host (build, activation). It comes from the saved state and is never used
/// twice on a host: whoever asks for the same one again gets the same answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StepNumber(pub u64);

impl fmt::Display for StepNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Number of one poll, fetch, question or round of probes. It comes from memory and means nothing to another process: an
/// answer that brings another number than the awaited one is late and changes nothing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LookNumber(pub u64);

impl LookNumber {
    /// The number after this one.
    #[must_use]
    pub(crate) const fn next(self) -> Self {
        Self(self.0.wrapping_add(1))
    }
}

impl fmt::Display for LookNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
