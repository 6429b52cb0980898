//! The child that runs gitoxide: `<program> fetch`, one request on its standard input, one answer on its standard
//! output. It is killed with everything it started when its time is over or nobody waits for it any more, and ends by
//! itself when this process dies: its standard input is the life-line.

mod message;
mod serve;

use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWriteExt as _};
use tokio::process::{Child, Command};

pub use message::Failure;
pub(super) use message::{Answer, FetchAnswer, FetchRequest, Reply, Request, Standing};
pub use serve::child_main;

use super::pkt::harmless;

/// Name of the hidden subcommand.
const SUBCOMMAND: &str = "fetch";

/// Longest answer; a subject and an author are cut to 200 characters.
const MAX_ANSWER: u64 = 64 * 1024;

/// Longest text on standard error that is read; the end of it is shown.
const MAX_STDERR: u64 = 64 * 1024;

/// Lines of standard error that are shown, and the length of each.
const SHOWN_LINES: usize = 4;
const SHOWN_LINE: usize = 200;

/// After the child is gone its output is at an end, unless something that it started holds it open.
const DRAIN: Duration = Duration::from_secs(2);

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

/// Runs one request in a child of its own process group. Dropping the future kills the group.
pub(super) async fn run(program: &Path, request: &Request, limit: Duration) -> Result<Answer, ChildError> {
    let failed = |source| ChildError::Run { program: program.to_owned(), source };
    let mut group = Group::start(program).map_err(failed)?;
    let child = &mut group.0;
    let (Some(mut stdin), Some(stdout), Some(stderr)) =
        (child.stdin.take(), child.stdout.take(), child.stderr.take())
    else {
        return Err(failed(std::io::Error::other("no pipes")));
    };
    let mut said = Vec::new();
    let work = async {
        let mut line = serde_json::to_vec(request).map_err(std::io::Error::other)?;
        line.push(b'\n');
        // A child that died at once is better described by its exit status than by a broken pipe.
        drop(stdin.write_all(&line).await);
        let mut answer = Vec::new();
        let read = {
            let mut stdout = stdout.take(MAX_ANSWER);
            let reading = stdout.read_to_end(&mut answer);
            let draining = drain(stderr, &mut said);
            tokio::pin!(reading, draining);
            tokio::select! {
                read = &mut reading => {
                    // What is not said by then stays unsaid; the answer is there.
                    drop(tokio::time::timeout(DRAIN, draining).await);
                    read
                }
                () = &mut draining => reading.await,
            }
        };
        read?;
        std::io::Result::Ok((answer, child.wait().await?))
    };
    let ended = tokio::time::timeout(limit, work).await;
    drop(stdin);
    let said = said_last(&said);
    match ended {
        Ok(Ok((answer, status))) => reply(&answer, status, said),
        Ok(Err(source)) => Err(failed(source)),
        Err(_) => {
            group.kill().await;
            Err(ChildError::TimedOut { after: limit, said })
        }
    }
}

/// Reads the one answer.
fn reply(answer: &[u8], status: ExitStatus, said: String) -> Result<Answer, ChildError> {
    match serde_json::from_slice(answer) {
        Ok(Reply::Done(answer)) => Ok(answer),
        Ok(Reply::Failed(failure)) => Err(ChildError::Failed { failure, said }),
        Err(_) => Err(ChildError::Died { status, said }),
    }
}

/// Reads a stream to its end and keeps its first bytes: a child must not block on a full pipe.
async fn drain(stream: impl AsyncRead + Unpin, kept: &mut Vec<u8>) {
    let mut stream = stream.take(MAX_STDERR);
    if stream.read_to_end(kept).await.is_ok() {
        drop(tokio::io::copy(&mut stream.into_inner(), &mut tokio::io::sink()).await);
    }
}

/// Returns the last lines of a standard error, with a separator, or nothing.
fn said_last(bytes: &[u8]) -> String {
    let lines = bytes.split(|byte| *byte == b'\n').map(|line| harmless(line, SHOWN_LINE));
    let lines: Vec<String> = lines.filter(|line| !line.is_empty()).collect();
    let last = &lines[lines.len().saturating_sub(SHOWN_LINES)..];
    if last.is_empty() { String::new() } else { format!(" ({})", last.join("; ")) }
}

/// A child that leads a process group, which dies with this value.
struct Group(Child);

impl Group {
    fn start(program: &Path) -> std::io::Result<Self> {
        let mut command = Command::new(program);
        command
            .arg(SUBCOMMAND)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .env("LC_ALL", "C")
            .process_group(0)
            .kill_on_drop(true);
        for (name, _) in std::env::vars_os() {
            if name.as_encoded_bytes().starts_with(b"GIT_") {
                command.env_remove(name);
            }
        }
        command.spawn().map(Self)
    }

    /// Kills the group and waits until the leader is gone.
    async fn kill(&mut self) {
        self.signal();
        if let Err(error) = self.0.wait().await {
            tracing::warn!(%error, "the killed child could not be waited for");
        }
    }

    /// Nothing is sent once the leader was waited for: its number may be somebody else's by then.
    fn signal(&self) {
        let leader = self.0.id().and_then(|id| i32::try_from(id).ok());
        if let Some(leader) = leader
            && let Err(error) = killpg(Pid::from_raw(leader), Signal::SIGKILL)
        {
            tracing::debug!(%error, leader, "no process group to kill");
        }
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        self.signal();
    }
}
