//! Runs a program of this machine to its end, with its output kept and a deadline.

use std::io::{self, Read, Write};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

/// What a program printed and how it ended.
#[derive(Debug, Clone)]
#[must_use]
pub struct Output {
    /// The command, for messages.
    pub command: String,
    /// Its exit code; 128 and the signal where a signal ended it.
    pub code: i32,
    /// All of its standard output, bytes that are no UTF-8 replaced.
    pub stdout: String,
    /// All of its standard error.
    pub stderr: String,
}

/// A program could not be run, did not end in time, or ended badly.
#[derive(Debug, thiserror::Error)]
pub enum CommandError {
    /// The program could not be started or its output not be read.
    #[error("cannot run {command}")]
    Run {
        /// The command.
        command: String,
        /// The error of the file system or of the start.
        #[source]
        source: io::Error,
    },
    /// The program was killed at its deadline.
    #[error("{command} did not end within {} s", .after.as_secs())]
    Deadline {
        /// The command.
        command: String,
        /// The time it had.
        after: Duration,
    },
    /// The program ended with an exit code that is not 0.
    #[error("{} ended with {}: {}", .0.command, .0.code, .0.stderr.trim_end())]
    Failed(Output),
}

impl Output {
    /// Its standard output without the last newline.
    ///
    /// # Errors
    /// Where it ended with anything but 0.
    pub fn ok(self) -> Result<String, CommandError> {
        if self.code == 0 {
            Ok(self.stdout.trim_end_matches('\n').to_owned())
        } else {
            Err(CommandError::Failed(self))
        }
    }
}

/// Runs `command`, feeds it `input`, and waits for its end, at most `deadline`: then it is killed.
pub(crate) fn run(mut command: Command, input: &[u8], deadline: Duration) -> Result<Output, CommandError> {
    let name = name_of(&command);
    let failed = |source| CommandError::Run { command: name.clone(), source };
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(failed)?;
    let writer = write_all(&mut child, input.to_vec());
    let stdout = read_all(child.stdout.take());
    let stderr = read_all(child.stderr.take());
    let Some(status) = wait(&mut child, deadline).map_err(failed)? else {
        child.kill().and_then(|()| child.wait()).map_err(failed)?;
        return Err(CommandError::Deadline { command: name, after: deadline });
    };
    joined(writer).map_err(failed)?;
    Ok(Output {
        code: code_of(status),
        stdout: String::from_utf8_lossy(&joined(stdout).map_err(failed)?).into_owned(),
        stderr: String::from_utf8_lossy(&joined(stderr).map_err(failed)?).into_owned(),
        command: name,
    })
}

fn name_of(command: &Command) -> String {
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    words.map(|word| word.to_string_lossy()).collect::<Vec<_>>().join(" ")
}

fn code_of(status: ExitStatus) -> i32 {
    use std::os::unix::process::ExitStatusExt;
    status.code().or_else(|| status.signal().map(|signal| 128 + signal)).unwrap_or(-1)
}

/// Waits for the child; `None` when the deadline came first.
fn wait(child: &mut Child, deadline: Duration) -> io::Result<Option<ExitStatus>> {
    let until = Instant::now() + deadline;
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok(Some(status));
        }
        if Instant::now() >= until {
            return Ok(None);
        }
        thread::sleep(Duration::from_millis(3));
    }
}

fn write_all(child: &mut Child, input: Vec<u8>) -> JoinHandle<io::Result<()>> {
    let stdin = child.stdin.take();
    thread::spawn(move || match stdin {
        // A program that does not read what it is given is no error of ours.
        Some(mut stdin) => match stdin.write_all(&input) {
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
            other => other,
        },
        None => Ok(()),
    })
}

fn read_all(stream: Option<impl Read + Send + 'static>) -> JoinHandle<io::Result<Vec<u8>>> {
    thread::spawn(move || {
        let mut bytes = Vec::new();
        if let Some(mut stream) = stream {
            stream.read_to_end(&mut bytes)?;
        }
        Ok(bytes)
    })
}

fn joined<T>(thread: JoinHandle<io::Result<T>>) -> io::Result<T> {
    thread.join().unwrap_or_else(|_| Err(io::Error::other("a reader thread panicked")))
}
