//! Other programs: short ones that answer (with a deadline and a limit in bytes, ended with all of their group), the
//! environment that they get, and what the kernel says of running ones. Never gives a program a terminal or a secret.

mod detached;
mod group;
mod table;

use std::collections::BTreeMap;
use std::io;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWriteExt as _};
use tokio::process::Command;

use group::Leader;

use crate::text;

pub(crate) use detached::start_detached;
pub(crate) use group::kill_tree;
pub(crate) use table::{boot_id, descendants, is_running, start_ticks};

/// What a program finds in its environment.
pub type Environment = BTreeMap<String, String>;

/// So much of each output is kept, in bytes: of standard output the beginning, of standard error the end.
const KEPT: usize = 1 << 20;

/// After the end of a program its output is read for so long; longer only by children that it left behind.
const AFTER_END: Duration = Duration::from_secs(1);

/// Variables that speak to the agent's own process and mean something wrong in another one: sd_notify(3),
/// sd_listen_fds(3), and what systemd.exec(5) sets for a unit.
const OWN_VARIABLES: &[&str] = &[
    "CACHE_DIRECTORY",
    "CONFIGURATION_DIRECTORY",
    "CREDENTIALS_DIRECTORY",
    "FDSTORE",
    "INVOCATION_ID",
    "JOURNAL_STREAM",
    "LISTEN_FDNAMES",
    "LISTEN_FDS",
    "LISTEN_PID",
    "LOGS_DIRECTORY",
    "MAINPID",
    "MANAGERPID",
    "MEMORY_PRESSURE_WATCH",
    "MEMORY_PRESSURE_WRITE",
    "NOTIFY_SOCKET",
    "RUNTIME_DIRECTORY",
    "RUST_LOG",
    "STATE_DIRECTORY",
    "SYSTEMD_EXEC_PID",
    "WATCHDOG_PID",
    "WATCHDOG_USEC",
];

/// Returns the environment for programs of the host: the agent's own without what is meant for the agent alone. Proxies,
/// trust anchors and nix's variables pass. A variable that is not UTF-8 does not pass.
#[must_use]
pub fn environment() -> Environment {
    std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
        .filter(|(name, _)| !OWN_VARIABLES.contains(&name.as_str()))
        .collect()
}

/// Folders of the host's own programs: those of NixOS with privileges, and those of the system that runs.
#[must_use]
pub(crate) fn host_folders(system: &Path) -> [PathBuf; 2] {
    [PathBuf::from("/run/wrappers/bin"), system.join("sw/bin")]
}

/// Puts folders before all others of PATH: those that are there now.
#[must_use]
pub(crate) fn with_folders(mut environment: Environment, folders: &[PathBuf]) -> Environment {
    let path = environment.get("PATH").map_or("", String::as_str);
    let own = path.split(':').filter(|folder| !folder.is_empty()).map(str::to_owned);
    let there = folders.iter().filter(|folder| folder.is_dir()).map(|folder| folder.display().to_string());
    let path = there.chain(own).collect::<Vec<_>>().join(":");
    environment.insert("PATH".to_owned(), path);
    environment
}

/// Returns where a program is: the file that its name with a slash says, else the first of that name on PATH.
#[must_use]
pub(crate) fn find(program: &str, environment: &Environment) -> Option<PathBuf> {
    let is_program = |file: &PathBuf| {
        file.metadata().is_ok_and(|metadata| metadata.is_file() && metadata.permissions().mode() & 0o111 != 0)
    };
    if program.contains('/') {
        // Programs are started in the root folder.
        return Some(Path::new("/").join(program)).filter(is_program);
    }
    let folders = environment.get("PATH").map_or("", String::as_str).split(':');
    folders.map(|folder| Path::new("/").join(folder).join(program)).find(is_program)
}

/// How a program ended and what it said.
#[derive(Debug)]
pub struct Finished {
    /// Exit code or signal.
    pub status: ExitStatus,
    /// The beginning of standard output, at most 1 MiB.
    pub stdout: Vec<u8>,
    /// The end of standard error, at most 1 MiB.
    pub stderr: Vec<u8>,
}

impl Finished {
    /// Returns the last line that is not empty, of standard error or else of standard output, cleaned for a sentence.
    #[must_use]
    pub fn last_line(&self) -> Option<String> {
        [&self.stderr, &self.stdout].into_iter().find_map(|output| {
            String::from_utf8_lossy(output).lines().rev().map(text::clean).find(|line| !line.is_empty())
        })
    }

    /// Returns how it ended, for a sentence: "exit code 1 (last line)".
    #[must_use]
    pub fn sentence(&self) -> String {
        let end = ending(self.status);
        self.last_line().map_or(end.clone(), |line| format!("{end} ({line})"))
    }
}

/// Returns "exit code N" or "signal N".
pub(crate) fn ending(status: ExitStatus) -> String {
    use std::os::unix::process::ExitStatusExt as _;
    match (status.code(), status.signal()) {
        (Some(code), _) => format!("exit code {code}"),
        (None, Some(signal)) => format!("signal {signal}"),
        (None, None) => status.to_string(),
    }
}

/// Why a program gave no answer.
#[derive(Debug, thiserror::Error)]
#[expect(missing_docs, reason = "the names say it")]
pub enum CallError {
    /// There was no program to call.
    #[error("no program is named")]
    Empty,
    /// It could not be started.
    #[error("cannot start {program}: {}", reason.kind())]
    Start {
        program: String,
        #[source]
        reason: io::Error,
    },
    /// It took too long and was killed with all of its group.
    #[error("{program} did not end within {} s", limit.as_secs_f32())]
    TooLong {
        program: String,
        limit: Duration,
        /// The end of its standard error, at most 1 MiB.
        stderr: Vec<u8>,
    },
    /// The system could not say how it ended.
    #[error("cannot wait for {program}")]
    Wait {
        program: String,
        #[source]
        reason: io::Error,
    },
}

/// Runs a program to its end and returns what it said. Standard input is empty. It is killed with all of its process group
/// when `deadline` passes or when the future is dropped, and what it leaves behind in its group is killed too.
///
/// # Errors
/// [`CallError`]; an exit code that is not 0 is no error.
pub async fn call(
    argv: &[impl AsRef<str>],
    environment: &Environment,
    deadline: Duration,
) -> Result<Finished, CallError> {
    call_with(argv, environment, deadline, None).await
}

/// Does the same with `input` on its standard input, which then stays open as long as this process lives: the program can see
/// there that its caller is gone.
///
/// # Errors
/// As [`call`].
pub(crate) async fn call_with(
    argv: &[impl AsRef<str>],
    environment: &Environment,
    deadline: Duration,
    input: Option<&[u8]>,
) -> Result<Finished, CallError> {
    let [program, arguments @ ..] = argv else { return Err(CallError::Empty) };
    let program = program.as_ref().to_owned();
    let mut command = Command::new(&program);
    command
        .args(arguments.iter().map(AsRef::as_ref))
        .env_clear()
        .envs(environment)
        .current_dir("/")
        .stdin(if input.is_some() { Stdio::piped() } else { Stdio::null() })
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut leader = Leader::start(&mut command)
        .map_err(|reason| CallError::Start { program: program.clone(), reason })?;
    let (mut stdout, mut stderr) = (Vec::new(), Vec::new());
    let mut stdin = leader.child().stdin.take();
    let work = async {
        let (out, err) = (leader.child().stdout.take(), leader.child().stderr.take());
        let talking = async {
            let writing = async {
                if let (Some(stdin), Some(input)) = (&mut stdin, input) {
                    // One that died at once is better described by its exit status than by a broken pipe.
                    stdin.write_all(input).await.ok();
                }
            };
            tokio::join!(writing, read(out, &mut stdout, Keep::Beginning), read(err, &mut stderr, Keep::End));
        };
        tokio::pin!(talking);
        // A full pipe would stop the program: its output is read while it runs.
        let status = tokio::select! {
            status = leader.wait() => {
                tokio::time::timeout(AFTER_END, talking).await.ok();
                status
            }
            () = &mut talking => leader.wait().await,
        };
        status.map_err(|reason| CallError::Wait { program: program.clone(), reason })
    };
    if let Ok(status) = tokio::time::timeout(deadline, work).await {
        return Ok(Finished { status: status?, stdout, stderr });
    }
    leader.kill();
    // Who tries again must not meet it; one that the kernel cannot end now is not waited for.
    tokio::time::timeout(AFTER_END, leader.wait()).await.ok();
    Err(CallError::TooLong { program, limit: deadline, stderr })
}

/// Which part of an output is kept.
#[derive(Clone, Copy)]
enum Keep {
    Beginning,
    End,
}

async fn read(pipe: Option<impl AsyncRead + Unpin>, kept: &mut Vec<u8>, keep: Keep) {
    let Some(mut pipe) = pipe else { return };
    let mut buffer = [0; 4096];
    loop {
        let part = match pipe.read(&mut buffer).await {
            // The end of a pipe and its loss mean the same here: nothing more comes.
            Ok(0) | Err(_) => return,
            Ok(length) => &buffer[..length],
        };
        match keep {
            Keep::Beginning => kept.extend_from_slice(&part[..part.len().min(KEPT - kept.len())]),
            Keep::End => {
                kept.extend_from_slice(part);
                if kept.len() > 2 * KEPT {
                    kept.drain(..kept.len() - KEPT);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests;
