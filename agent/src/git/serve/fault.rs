//! Why the child could not do it. Ends as one sentence, as that is all that goes through the pipe.

use gix::protocol::transport::packetline;

use crate::git::clone::CloneError;
use crate::git::credentials::CredentialError;
use crate::git::gix_error;
use crate::text;
use crate::tls::TlsError;

/// An `ERR` line where gitoxide expects a section: it has no kind of error for it.
const ERR_LINE: &str = "Unknown or unsupported header: \"ERR ";

/// Why the child could not do it.
#[derive(Debug, thiserror::Error)]
pub(super) enum Fault {
    /// The clone on disk cannot be used.
    #[error(transparent)]
    Clone(#[from] CloneError),
    /// A secret cannot be used.
    #[error(transparent)]
    Credentials(#[from] CredentialError),
    /// The trust anchors cannot be used.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// ssh said "Permission denied".
    #[error("ssh: Permission denied: the server does not let source.ssh_key_file in")]
    SshKey,
    /// The transport, the protocol or the pack.
    #[error("{text}")]
    Remote {
        /// The error with all its causes.
        text: String,
        /// Whether it is something that came, not that nothing did.
        answered: bool,
    },
    /// The server said no, in an `ERR` line of the protocol.
    #[error("the git server says: {text}")]
    Refused {
        /// Its words.
        text: String,
        /// With protocol version 2 a server sends any commit that it has; older ones only tips.
        any_commit: bool,
    },
    /// More than was allowed.
    #[error("the git server sent more than {limit} bytes")]
    TooMuch {
        /// Bytes.
        limit: u64,
    },
}

impl Fault {
    /// Sorts an error of gitoxide.
    pub(super) fn remote(error: &gix::Error, any_commit: bool) -> Self {
        if let Some(said) = error.downcast_any_ref::<packetline::read::Error>() {
            return Self::Refused { text: text::first_line(&said.message), any_commit };
        }
        let text = gix_error::chain(error);
        if let Some((_, said)) = text.split_once(ERR_LINE) {
            return Self::Refused { text: said.trim_end_matches('"').to_owned(), any_commit };
        }
        let hint = hint(error);
        Self::Remote { text: text + hint, answered: !is_silence(error) }
    }

    /// The same of an exchange. Before protocol version 2 a server that does not send what is wanted may have hung up before all was
    /// said, and its word is lost.
    pub(super) fn exchange(error: &gix::Error, any_commit: bool) -> Self {
        let fault = Self::remote(error, any_commit);
        if let Self::Remote { text, .. } = &fault
            && !any_commit
            && hung_up(error)
        {
            return Self::Refused { text: text.clone(), any_commit };
        }
        fault
    }

    /// Whether the remote answered, with whatever: then there is a network.
    pub(super) const fn is_an_answer(&self) -> bool {
        match self {
            Self::SshKey | Self::Refused { .. } | Self::TooMuch { .. } => true,
            Self::Remote { answered, .. } => *answered,
            Self::Clone(_) | Self::Credentials(_) | Self::Tls(_) => false,
        }
    }
}

fn hung_up(error: &gix::Error) -> bool {
    let broken = |io: &std::io::Error| io.kind() == std::io::ErrorKind::BrokenPipe;
    error.iter_errors().any(|cause| cause.downcast_ref::<std::io::Error>().is_some_and(broken))
}

/// Whether nothing came: no name, no connection, no program or folder that could answer. Of what ssh says gitoxide makes an
/// error of the system with one of these kinds.
fn is_silence(error: &gix::Error) -> bool {
    use std::io::ErrorKind as Kind;
    let silent = |kind| {
        matches!(
            kind,
            Kind::NotFound
                | Kind::PermissionDenied
                | Kind::ConnectionRefused
                | Kind::ConnectionReset
                | Kind::ConnectionAborted
                | Kind::NotConnected
                | Kind::HostUnreachable
                | Kind::NetworkUnreachable
                | Kind::NetworkDown
                | Kind::AddrNotAvailable
                | Kind::TimedOut
                | Kind::WouldBlock
        )
    };
    error
        .iter_errors()
        .any(|cause| cause.downcast_ref::<std::io::Error>().is_some_and(|io| silent(io.kind())))
}

/// Whether the server redirects.
pub(super) fn is_redirect(error: &gix::Error) -> bool {
    let status = error.downcast_any_ref::<reqwest::Error>().and_then(reqwest::Error::status);
    status.is_some_and(|status| status.is_redirection()) || gix_error::chain(error).contains("redirect")
}

/// What to look at, for the causes that an operator can do something about.
fn hint(error: &gix::Error) -> &'static str {
    if is_redirect(error) {
        return "; redirects to elsewhere are not followed: set source.url to the final address";
    }
    if error.is_unauthenticated() || error.is_permission_denied() {
        return "; check source.token_file and what its token may read";
    }
    ""
}
