//! Why a forge could not be asked, each with the sentence for the operator. No sentence holds a token.

use std::time::Duration;

use reqwest::StatusCode;

use super::refusal::Refusal;
use crate::error::{chain, innermost};
use crate::secret::SecretError;
use crate::tls::TlsError;

/// Why a question has no answer.
#[derive(Debug, thiserror::Error)]
pub(crate) enum HttpError {
    #[error(transparent)]
    Secret(#[from] SecretError),
    #[error(
        "the forge was not asked: its token file cannot be read in time, or an earlier question has no end"
    )]
    NotBegun,
    #[error("the forge cannot be asked")]
    Tls(#[source] TlsError),
    #[error("the client for the forge cannot be made")]
    Client(#[source] reqwest::Error),
    #[error("the forge at {host} cannot be reached")]
    Unreachable {
        host: String,
        #[source]
        source: reqwest::Error,
    },
    #[error("the forge at {host} did not answer within {} s", limit.as_secs_f32())]
    Silent { host: String, limit: Duration },
    #[error("the forge answered {status}, but the answer did not end within {} s", limit.as_secs_f32())]
    Slow { status: StatusCode, limit: Duration },
    #[error("the forge answered {status}, but the answer broke off")]
    BrokeOff {
        status: StatusCode,
        #[source]
        source: reqwest::Error,
    },
    #[error("the forge answered {status} with more than {limit} bytes")]
    TooLarge { status: StatusCode, limit: usize },
    #[error("the forge answered {status}, but not with a list of {what}")]
    NotAList {
        status: StatusCode,
        what: &'static str,
        #[source]
        source: serde_json::Error,
    },
    #[error("the forge answered 304 Not Modified to a question that it had not answered before")]
    UnaskedNotModified,
    #[error("the forge has more than {limit} pages of {what} for this commit")]
    TooManyPages { what: &'static str, limit: usize },
    #[error("the forge names {found} for its next page, which is not the host of gate.api_url")]
    ForeignPage { found: String },
    #[error(
        "the forge answered {status} and redirects to {found}, where the token is not sent: \
         set gate.api_url to where it is now"
    )]
    ForeignRedirect { status: StatusCode, found: String },
    #[error("the forge answered {status} without a place to go to")]
    RedirectNowhere { status: StatusCode },
    #[error("the forge answered {status} again and again: it redirects in a circle")]
    TooManyRedirects { status: StatusCode },
    #[error(transparent)]
    Refused(#[from] Box<Refusal>),
}

impl HttpError {
    /// A body of 200 that holds something else.
    pub(super) const fn not_a_list(what: &'static str, source: serde_json::Error) -> Self {
        Self::NotAList { status: StatusCode::OK, what, source }
    }

    /// What went wrong and why. Of the layers of an HTTP client only the lowest says why.
    pub(crate) fn sentence(&self) -> String {
        match self {
            Self::Unreachable { source, .. } | Self::BrokeOff { source, .. } | Self::Client(source) => {
                format!("{self}: {}", innermost(source))
            }
            Self::Secret(_)
            | Self::NotBegun
            | Self::Tls(_)
            | Self::Silent { .. }
            | Self::Slow { .. }
            | Self::TooLarge { .. }
            | Self::NotAList { .. }
            | Self::UnaskedNotModified
            | Self::TooManyPages { .. }
            | Self::ForeignPage { .. }
            | Self::ForeignRedirect { .. }
            | Self::RedirectNowhere { .. }
            | Self::TooManyRedirects { .. }
            | Self::Refused(_) => chain(self),
        }
    }
}
