//! Bodies of the requests that are not reads.

use alloc::string::String;

use serde::{Deserialize, Serialize};

/// Body of `POST /v1/nudge`; the body may also be empty.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NudgeRequest {
    /// Full commit id that should be on the branch by now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revision: Option<String>,
}

/// Answer of `POST /v1/nudge`, with status 202.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NudgeAnswer {
    /// Always true: a nudge is never refused, only kept for later.
    pub accepted: bool,
    /// The one that the caller named; `null` for whatever is new.
    pub revision: Option<String>,
}

/// Body of `POST /v1/pause`; the body may also be empty.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PauseRequest {
    /// How long, in seconds; without it the pause has no end.
    #[serde(default, rename = "for", skip_serializing_if = "Option::is_none")]
    pub for_seconds: Option<u64>,
    /// Why, in the operator's words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// Body of `POST /v1/retry`; the body may also be empty.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RetryRequest {
    /// Full commit id of the hold to forget; without it all of them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revision: Option<String>,
}

/// Body of `POST /v1/accept`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AcceptRequest {
    /// Full commit id that is allowed although it is no descendant.
    pub revision: String,
}
