//! The child's side: bounded in memory, tied to its parent's life, one request, one answer. Only here does gitoxide speak to
//! the remote or write to the clone.

mod below;
mod beside;
mod bring;
mod exchange;
mod fault;
mod prove;
mod transport;
mod trusted;

use std::io::{BufRead as _, Read as _, Write as _};
use std::process::ExitCode;

use nix::sys::resource::{Resource, setrlimit};
use nix::sys::signal::{Signal, kill, killpg};
use nix::unistd::{getpgrp, getpid};

use fault::Fault;

use super::child::{CPU, Completed, Failure, Reply, Request};
use super::credentials;
use crate::error::chain;
use crate::secret::Token;

/// Private memory of the child (getrlimit(2), RLIMIT_DATA): the whole history of a large repository took a sixth of it.
const MEMORY: u64 = 512 * 1024 * 1024;

/// How much others come first (nice(2)): nothing waits for a fetch that a person would notice.
const NICE: i32 = 10;

/// Longest request: a few paths and names, and a thousand held revisions.
const MAX_REQUEST: u64 = 128 * 1024;

/// Runs `<program> fetch`: reads one request from standard input, writes one answer to standard output. The exit code
/// says only whether an answer was written.
#[must_use]
pub fn child_main() -> ExitCode {
    match serve() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // The parent shows the end of standard error; there is nobody else to tell when that is gone too.
            drop(writeln!(std::io::stderr(), "{error}"));
            ExitCode::FAILURE
        }
    }
}

fn serve() -> std::io::Result<()> {
    setrlimit(Resource::RLIMIT_DATA, MEMORY, MEMORY)?;
    // SIGXCPU at the first, which tells the parent why; SIGKILL a little later.
    setrlimit(Resource::RLIMIT_CPU, CPU, CPU + 10)?;
    // A core file would hold the token.
    setrlimit(Resource::RLIMIT_CORE, 0, 0)?;
    rustix::process::nice(NICE)?;
    let mut line = Vec::new();
    std::io::stdin().lock().take(MAX_REQUEST).read_until(b'\n', &mut line)?;
    let request = serde_json::from_slice(&line)?;
    std::thread::Builder::new().name("life-line".to_owned()).spawn(end_with_parent)?;
    crate::tls::install();
    let reply = serde_json::to_vec(&answer(request))?;
    let mut stdout = std::io::stdout().lock();
    stdout.write_all(&reply)?;
    stdout.flush()
}

fn answer(request: Request) -> Reply {
    let remote = match &request {
        Request::Poll { remote } => remote,
        Request::Fetch(request) | Request::Below(request) => &request.remote,
        Request::Prove(request) => &request.remote,
    };
    // A file that cannot be read is an error of the request itself, which reads it where it needs it.
    let token = || credentials::token(remote).ok().flatten();
    let before = token();
    let result = match &request {
        Request::Poll { remote } => transport::tip(remote).map(Completed::Tip),
        Request::Fetch(request) => bring::bring_in(request).map(Completed::Fetched),
        Request::Below(request) => below::below(request).map(Completed::Below),
        Request::Prove(request) => prove::prove_tree(request).map(Completed::Proof),
    };
    match result {
        Ok(answer) => Reply::Done(answer),
        Err(fault) => {
            // A server may echo what it was told; the token may have been rotated meanwhile.
            let tokens = [before, token()];
            let hide = |text: String, token: &Token| token.redact(&text);
            let sentence = tokens.iter().flatten().fold(chain(&fault), hide);
            Reply::Failed(Failure { sentence, answered: remote.is_elsewhere() && fault.is_an_answer() })
        }
    }
}

/// Standard input ends when the parent does, whatever way it ends: then nobody waits for the answer, and what this
/// process and its ssh hold open must go. Nothing is lost; the next fetch sweeps.
fn end_with_parent() {
    let mut rest = [0_u8; 64];
    while matches!(std::io::stdin().lock().read(&mut rest), Ok(1..)) {}
    let ended = if getpgrp() == getpid() {
        killpg(getpgrp(), Signal::SIGKILL)
    } else {
        kill(getpid(), Signal::SIGKILL)
    };
    if let Err(error) = ended {
        drop(writeln!(std::io::stderr(), "the process group could not be ended: {error}"));
    }
}
