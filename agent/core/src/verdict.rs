//! The forge's word on one revision.

use alloc::string::String;
use alloc::vec::Vec;

use crate::time::{Millis, Mono};

/// What the forge said of one revision.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names say it")]
pub struct Verdict {
    pub kind: VerdictKind,
    /// What a green verdict rests on.
    pub evidence: Option<Evidence>,
    /// The sentence for the operator, with the HTTP status where the forge answered one.
    pub detail: String,
    /// The named checks as they were found.
    pub checks: Vec<Check>,
    /// How long the forge wants to be left alone (`Retry-After`, rate limit), counted from this answer.
    pub not_before: Option<Millis>,
}

/// A verdict and when it was given: it belongs to the revision that was asked about, and grows old.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names say it")]
pub struct Judged {
    pub verdict: Verdict,
    /// When its answer came.
    pub at: Mono,
}

/// The one word of a verdict. Only `Green` and `Off` let a revision pass.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum VerdictKind {
    /// Every named check is there and ended in success.
    Green,
    /// A named check is missing or not done.
    Pending,
    /// A named check ended in anything but success.
    Red,
    /// Checks are green elsewhere, but not provably of this very tree.
    Unproven,
    /// The forge could not be asked.
    Unavailable,
    /// The configuration asks for no checks.
    Off,
}

impl VerdictKind {
    /// Whether a revision with this verdict may be deployed.
    #[must_use]
    pub const fn passes(self) -> bool {
        matches!(self, Self::Green | Self::Off)
    }
}

/// What a green verdict rests on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Evidence {
    /// Checks of the commit itself.
    Commit,
    /// Checks of the pull request that became the commit, whose tree it has.
    PullRequest,
    /// The same without the proof that it has that tree.
    Merged,
}

/// One named check as the forge reports it; status and conclusion are the forge's own words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Check {
    /// Name of the check run.
    pub name: String,
    /// "queued", "in_progress", "completed" …; "missing" when the forge has no such check run.
    pub status: String,
    /// "success", "failure" …; none while it is not completed.
    pub conclusion: Option<String>,
    /// Its page at the forge; none where the forge names none.
    pub url: Option<String>,
}
