//! Why a poll failed. Each sentence names the value it is about and what helps; none ever holds a secret. The cause is in
//! the source, not in the sentence.

use std::time::Duration;

use pull_agent_core::InvalidRevision;

use crate::git::child::ChildError;
use crate::git::credentials::CredentialError;
use crate::secret::Token;
use crate::tls::TlsError;

/// Why the tip of the branch is not known.
#[derive(Debug, thiserror::Error)]
pub enum PollError {
    /// A secret cannot be used.
    #[error("the credentials for the remote cannot be used")]
    Credentials(#[source] CredentialError),
    /// The HTTP client cannot be built.
    #[error("the trust anchors of source.ca_file cannot be used")]
    Tls(#[source] TlsError),
    /// The HTTP client cannot be built.
    #[error("the HTTP client for {url} cannot be built")]
    Client {
        /// Remote.
        url: String,
        /// Why not.
        #[source]
        source: reqwest::Error,
    },
    /// No answer.
    #[error("{url} did not answer")]
    Network {
        /// Remote.
        url: String,
        /// Refused, reset, bad certificate …
        #[source]
        source: reqwest::Error,
    },
    /// The answer began and broke off.
    #[error("the answer of {url} broke off")]
    BrokeOff {
        /// Remote.
        url: String,
        /// What the connection said.
        #[source]
        source: reqwest::Error,
    },
    /// The whole poll took too long.
    #[error("{url} did not answer within {} s", after.as_secs_f32())]
    TimedOut {
        /// Remote.
        url: String,
        /// The limit.
        after: Duration,
        /// Whether the answer had begun.
        begun: bool,
    },
    /// Another status than 200.
    #[error("{url} answered HTTP {status}{}", status_hint(*status))]
    Status {
        /// Remote.
        url: String,
        /// HTTP status.
        status: u16,
    },
    /// Redirects of the same origin that lead on and on.
    #[error("{url} redirects on and on, at last to {last}: set source.url to the final address")]
    RedirectsEndless {
        /// Remote.
        url: String,
        /// The last address.
        last: String,
    },
    /// A redirect. One to another origin is never followed: the token would go along.
    #[error("{url} answered HTTP {status} and redirects to {location}: set source.url to the final address")]
    Redirect {
        /// Remote.
        url: String,
        /// HTTP status.
        status: u16,
        /// Where to.
        location: String,
        /// The address of the repository there, if it may be followed.
        to: Option<String>,
    },
    /// Not a git server, or one that only serves files.
    #[error(
        "{url} answered HTTP 200 with content type {found:?}: it is no git server that speaks the smart protocol"
    )]
    ContentType {
        /// Remote.
        url: String,
        /// What it said.
        found: String,
    },
    /// More than the cap.
    #[error("{url} answered more than {limit} bytes to a question for one ref")]
    TooLong {
        /// Remote.
        url: String,
        /// The limit.
        limit: usize,
    },
    /// The answer ends in its midst.
    #[error("the answer of the git server ends too early")]
    Cut,
    /// There is an answer, and nothing in it.
    #[error(
        "the git server answered with nothing to a question of protocol version 2: something between may drop the header \
         Git-Protocol"
    )]
    Nothing,
    /// The repository's ids are not those that are read here.
    #[error("the repository has SHA-256 ids, which this agent cannot follow: it needs one with SHA-1 ids")]
    ObjectFormat,
    /// The answer is not of this protocol.
    #[error("the answer of the git server cannot be read: {text:?}")]
    Garbled {
        /// Its beginning.
        text: String,
    },
    /// An `ERR` line.
    #[error("the git server says: {text}")]
    Server {
        /// Its words.
        text: String,
    },
    /// git before 2.18, or version 2 switched off.
    #[error(
        "the git server does not speak protocol version 2, which polling over http needs (git 2.18 or newer)"
    )]
    ProtocolVersion,
    /// The remote has no such branch.
    #[error("the remote has no branch {reference}: check source.branch, or whether it was deleted")]
    MissingBranch {
        /// Full name.
        reference: String,
    },
    /// The ref has an impossible value.
    #[error("the remote says that {reference} is at no commit")]
    NoCommit {
        /// Full name.
        reference: String,
        /// What it said.
        #[source]
        source: InvalidRevision,
    },
    /// The child that asked over ssh, git:// or a path failed.
    #[error("the remote {url} could not be asked")]
    Child {
        /// Remote.
        url: String,
        /// Why not.
        #[source]
        source: ChildError,
    },
}

impl PollError {
    /// Whether somebody answered, with whatever: then the network is well, and the failure is somebody else's. Not so when
    /// there was no name, no connection, no trust in who is there (TLS), no answer in time; nor when nothing was asked, for
    /// lack of a secret or a trust anchor.
    #[must_use]
    pub fn is_an_answer(&self) -> bool {
        match self {
            Self::Network { source, .. } => is_no_http(source),
            Self::TimedOut { begun, .. } => *begun,
            Self::Child { source, .. } => source.is_an_answer(),
            Self::Credentials(_) | Self::Tls(_) | Self::Client { .. } => false,
            Self::BrokeOff { .. }
            | Self::Status { .. }
            | Self::Redirect { .. }
            | Self::RedirectsEndless { .. }
            | Self::ContentType { .. }
            | Self::TooLong { .. }
            | Self::Cut
            | Self::Nothing
            | Self::ObjectFormat
            | Self::Garbled { .. }
            | Self::Server { .. }
            | Self::ProtocolVersion
            | Self::MissingBranch { .. }
            | Self::NoCommit { .. } => true,
        }
    }

    /// Takes the token out of everything that the server chose.
    pub(in crate::git) fn redacted(mut self, token: &Token) -> Self {
        // An address that echoes the token is not followed: it would be told as the new one.
        if let Self::Redirect { to, .. } = &mut self {
            to.take_if(|to| token.is_in(to));
        }
        let said = match &mut self {
            Self::Redirect { location: said, .. }
            | Self::ContentType { found: said, .. }
            | Self::RedirectsEndless { last: said, .. }
            | Self::Garbled { text: said }
            | Self::Server { text: said } => said,
            Self::Tls(_)
            | Self::Credentials(_)
            | Self::Client { .. }
            | Self::Network { .. }
            | Self::BrokeOff { .. }
            | Self::TimedOut { .. }
            | Self::Status { .. }
            | Self::TooLong { .. }
            | Self::Cut
            | Self::Nothing
            | Self::ObjectFormat
            | Self::ProtocolVersion
            | Self::MissingBranch { .. }
            | Self::NoCommit { .. }
            | Self::Child { .. } => return self,
        };
        *said = token.redact(said);
        self
    }
}

/// Whether bytes came that are no HTTP.
fn is_no_http(error: &reqwest::Error) -> bool {
    let mut next = std::error::Error::source(error);
    while let Some(cause) = next {
        if cause.downcast_ref::<hyper::Error>().is_some_and(hyper::Error::is_parse) {
            return true;
        }
        next = cause.source();
    }
    false
}

/// What an operator may want to look at for an HTTP status.
const fn status_hint(status: u16) -> &'static str {
    match status {
        401 | 403 => ": check source.token_file and what its token may read",
        404 => {
            ": check source.url; forges also say so of private repositories without a good source.token_file"
        }
        429 => ": the server wants to be asked more rarely",
        _ => "",
    }
}
