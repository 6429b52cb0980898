//! Why there is nobody to ask, and why GitHub's answer gives no verdict.

use crate::forge::http::HttpError;

/// Why the settings give nobody to ask.
#[derive(Debug, thiserror::Error)]
pub enum NewError {
    /// An empty list would make every revision green.
    #[error("gate.checks names no check: at least one must prove a revision")]
    NoChecks,
    /// The address is none of http or https.
    #[error("gate.api_url = {url:?} is not an address of http or https")]
    ApiUrl {
        /// As written.
        url: String,
    },
    /// The repository is no `owner/name`.
    #[error("gate.repository = {repository:?} is not of the form owner/name")]
    Repository {
        /// As written.
        repository: String,
    },
}

/// Why there is no verdict but *unavailable*.
#[derive(Debug, thiserror::Error)]
pub(crate) enum AskError {
    #[error(transparent)]
    Http(#[from] HttpError),
    #[error("the forge answered with the check runs of another commit, {found}")]
    OtherCommit { found: String },
    #[error(
        "there is no token of installation {installation} (gate.app.installation_id) of the GitHub App {app}: {reason}"
    )]
    LogIn { app: u64, installation: u64, reason: String },
    #[error("the forge answered 201, but not with a token and its end")]
    NoToken,
    #[error("nothing can be signed, because the system has no random numbers")]
    NotSigned,
    #[error("the forge answered with a check run that names no commit")]
    NoCommit,
    #[error("the commit has {count} workflow runs, more than the {limit} that are looked into")]
    TooManyRuns { count: usize, limit: usize },
}

impl AskError {
    /// What went wrong and why.
    pub(crate) fn sentence(&self) -> String {
        match self {
            Self::Http(error) => error.sentence(),
            Self::OtherCommit { .. }
            | Self::LogIn { .. }
            | Self::NoToken
            | Self::NotSigned
            | Self::NoCommit
            | Self::TooManyRuns { .. } => self.to_string(),
        }
    }
}
