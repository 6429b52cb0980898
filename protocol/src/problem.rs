//! Errors on the wire: problem details of RFC 9457.

use alloc::string::String;

use serde::{Deserialize, Serialize};

/// Media type of [`Problem`].
pub const PROBLEM_CONTENT_TYPE: &str = "application/problem+json";

/// An error answer. Its `type` is always absent, which RFC 9457 reads as "about:blank".
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Problem {
    /// Short name of the kind of error.
    pub title: String,
    /// HTTP status code.
    pub status: u16,
    /// What happened here, one sentence.
    pub detail: String,
    /// A command that helps; absent where none does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
}
