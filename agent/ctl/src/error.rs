//! What can go wrong with a command, and the exit code that scripts see.

use std::io;
use std::process::ExitCode;

/// The exit codes other than 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Failure {
    /// 1: what was asked for failed.
    Failed,
    /// 2: the command line is wrong.
    Usage,
    /// 3: no agent answers.
    Unreachable,
    /// 4: the agent does not allow it, or the kernel.
    Denied,
    /// 5: nothing was decided within the timeout.
    Undecided,
}

impl From<Failure> for ExitCode {
    fn from(failure: Failure) -> Self {
        Self::from(match failure {
            Failure::Failed => 1,
            Failure::Usage => 2,
            Failure::Unreachable => 3,
            Failure::Denied => 4,
            Failure::Undecided => 5,
        })
    }
}

/// A sentence for the operator, and where there is one the command that helps.
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
pub(super) struct Error {
    failure: Failure,
    message: String,
    hint: Option<String>,
    #[source]
    source: Option<io::Error>,
}

impl Error {
    pub(super) fn new(failure: Failure, message: impl Into<String>) -> Self {
        Self { failure, message: message.into(), hint: None, source: None }
    }

    pub(super) fn failed(message: impl Into<String>) -> Self {
        Self::new(Failure::Failed, message)
    }

    pub(super) fn with_hint(self, hint: impl Into<String>) -> Self {
        Self { hint: Some(hint.into()), ..self }
    }

    pub(super) fn hint(&self) -> Option<&str> {
        self.hint.as_deref()
    }

    pub(super) fn failure(&self) -> Failure {
        self.failure
    }

    /// Whether the reader of our output went away, as `head` does: nothing that anybody wants to hear of.
    pub(super) fn is_closed_pipe(&self) -> bool {
        self.source.as_ref().is_some_and(|error| error.kind() == io::ErrorKind::BrokenPipe)
    }
}

/// Everything but the network: the terminal, the runtime.
impl From<io::Error> for Error {
    fn from(error: io::Error) -> Self {
        Self {
            failure: Failure::Failed,
            message: format!("the output could not be written: {error}"),
            hint: None,
            source: Some(error),
        }
    }
}
