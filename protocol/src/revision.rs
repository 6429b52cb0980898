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
    /// 202: not decided yet; 504 when the caller waited for that in vain.
    Undecided,
    /// 404: not seen.
    Unknown,
}

impl RevisionState {
    /// The HTTP status code that says the same to a caller who did not wait.
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

    /// The HTTP status code that says the same when the caller's wait is over: what is undecided then must not look like a
    /// success to a script.
    #[must_use]
    pub const fn status_code_after_wait(self) -> u16 {
        match self {
            Self::Undecided => 504,
            Self::Running | Self::Failed | Self::Refused | Self::Unknown => self.status_code(),
        }
    }

    /// Whether this HTTP status code says the same.
    #[must_use]
    pub const fn is_said_by(self, code: u16) -> bool {
        code == self.status_code() || code == self.status_code_after_wait()
    }
}
