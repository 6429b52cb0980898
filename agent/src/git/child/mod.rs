//! The agent's side of the child that runs gitoxide, of which [`super::serve`] is the other side: `<program> fetch`, one
//! request on its standard input, one answer on its standard output. It is killed with everything it started when its
//! time is over or nobody waits for it any more, and ends by itself when this process dies: its standard input is the
//! life-line.

mod message;

use std::io;
use std::os::unix::process::ExitStatusExt as _;
use std::path::{Path, PathBuf};
use std::process::ExitStatus;
use std::time::Duration;

use nix::sys::signal::Signal;

pub use message::{Below, Failure};
pub(super) use message::{Completed, FetchAnswer, FetchRequest, ProveRequest, Reply, Request, Standing};

use crate::process::{CallError, Environment, call_with, environment};
use crate::text;

/// Name of the hidden subcommand.
const SUBCOMMAND: &str = "fetch";

/// Time of the processor that the child may take, in seconds (getrlimit(2), RLIMIT_CPU): the first fetch of a very large repository
/// takes a tenth of it, on a slow machine half.
pub(in crate::git) const CPU: u64 = 600;

/// Lines of standard error that are shown, and the length of each.
const SHOWN_LINES: usize = 4;
const SHOWN_LINE: usize = 200;

/// Why a child brought no result.
#[derive(Debug, thiserror::Error)]
pub enum ChildError {
    /// It could not be started, written to or read.
    #[error("the child {} could not be run", program.display())]
    Run {
        /// Program.
        program: PathBuf,
        /// Why not.
        #[source]
        source: std::io::Error,
    },
    /// It was killed at its deadline.
    #[error("it took longer than {} s and was ended{said}", after.as_secs_f32())]
    TimedOut {
        /// The limit.
        after: Duration,
        /// End of its standard error, with a separator.
        said: String,
    },
    /// It was ended since it took too much of the processor.
    #[error(
        "it took more than {CPU} s of the processor and was ended: the remote sends what is too dear to unpack{said}"
    )]
    TooDear {
        /// End of its standard error, with a separator.
        said: String,
    },
    /// It died without an answer.
    #[error("the git process ended without an answer ({status}){said}")]
    Died {
        /// How.
        status: ExitStatus,
        /// End of its standard error, with a separator.
        said: String,
    },
    /// It answered, with an error.
    #[error("{}{said}", failure.sentence)]
    Failed {
        /// Its words.
        failure: Failure,
        /// End of its standard error, with a separator.
        said: String,
    },
}

impl ChildError {
    /// Whether the remote answered, with whatever. A child that is killed or dies is no word of the remote's.
    pub(super) const fn is_an_answer(&self) -> bool {
        match self {
            Self::Failed { failure, .. } => failure.answered,
            Self::Run { .. } | Self::TimedOut { .. } | Self::TooDear { .. } | Self::Died { .. } => false,
        }
    }
}

/// Runs one request in a child of its own process group. Dropping the future kills the group.
pub(super) async fn run(program: &Path, request: &Request, limit: Duration) -> Result<Completed, ChildError> {
    let failed = |source| ChildError::Run { program: program.to_owned(), source };
    let name = program.to_str().ok_or_else(|| failed(io::Error::other("its path is not UTF-8")))?;
    let mut line = serde_json::to_vec(request).map_err(|error| failed(error.into()))?;
    line.push(b'\n');
    match call_with(&[name, SUBCOMMAND], &own_environment(), limit, Some(&line)).await {
        Ok(done) => reply(&done.stdout, done.status, said_last(&done.stderr)),
        Err(CallError::TooLong { limit, stderr, .. }) => {
            Err(ChildError::TimedOut { after: limit, said: said_last(&stderr) })
        }
        Err(CallError::Start { reason, .. } | CallError::Wait { reason, .. }) => Err(failed(reason)),
        Err(error @ CallError::Empty) => Err(failed(io::Error::other(error))),
    }
}

/// What ssh of the child is told: nothing of git's own variables, and to speak English.
fn own_environment() -> Environment {
    let mut variables = environment();
    variables.retain(|name, _| !name.starts_with("GIT_"));
    variables.insert("LC_ALL".to_owned(), "C".to_owned());
    variables
}

/// Reads the one answer.
fn reply(answer: &[u8], status: ExitStatus, said: String) -> Result<Completed, ChildError> {
    match serde_json::from_slice(answer) {
        Ok(Reply::Done(answer)) => Ok(answer),
        Ok(Reply::Failed(failure)) => Err(ChildError::Failed { failure, said }),
        Err(_) if status.signal() == Some(Signal::SIGXCPU as i32) => Err(ChildError::TooDear { said }),
        Err(_) => Err(ChildError::Died { status, said }),
    }
}

/// Returns the last lines of a standard error, with a separator, or nothing.
fn said_last(bytes: &[u8]) -> String {
    let lines = bytes
        .split(|byte| *byte == b'\n')
        .map(|line| text::clean_to(&String::from_utf8_lossy(line), SHOWN_LINE));
    let lines: Vec<String> = lines.filter(|line| !line.is_empty()).collect();
    let last = &lines[lines.len().saturating_sub(SHOWN_LINES)..];
    if last.is_empty() { String::new() } else { format!(" ({})", last.join("; ")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_child_that_took_too_much_of_the_processor_says_so() {
        let status = ExitStatus::from_raw(Signal::SIGXCPU as i32);
        let error = reply(b"", status, " (fatal: x)".to_owned()).expect_err("no answer");
        assert_eq!(
            error.to_string(),
            "it took more than 600 s of the processor and was ended: the remote sends what is too dear to unpack (fatal: x)"
        );
        assert!(!error.is_an_answer());
        let died = reply(b"{", ExitStatus::from_raw(9), String::new()).expect_err("no answer");
        assert!(died.to_string().contains("signal: 9"), "{died}");
    }
}
