//! What became of one revision on this host.

use alloc::string::String;

use serde::{Deserialize, Serialize};

/// Body of `GET /v1/revisions/{sha}`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RevisionAnswer {
    /// [`crate::VERSION`].
    pub version: u32,
    /// Full commit id that was asked about.
    pub revision: String,
    /// The word for the status code.
    pub state: RevisionState,
    /// Why, one sentence.
    pub reason: String,
    /// Number of its newest deployment on this host.
    pub deployment: Option<u64>,
}

/// The word for the status code, in the order of precedence.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum RevisionState {
    /// 200: the host runs it or a descendant of it.
    Running,
    /// 500: it failed or was rolled back.
    Failed,
    /// 409: it will not be deployed as things stand.
    Refused,
    /// 202: not decided yet.
    Undecided,
    /// 404: not seen.
    Unknown,
}

impl RevisionState {
    /// The HTTP status code that says the same.
    #[must_use]
    pub const fn status_code(self) -> u16 {
        match self {
            Self::Running => 200,
            Self::Failed => 500,
            Self::Refused => 409,
            Self::Undecided => 202,
            Self::Unknown => 404,
        }
    }
}
