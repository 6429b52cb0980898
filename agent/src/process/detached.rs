//! A program that is to outlive this process.

use std::io;
use std::path::Path;
use std::process::Stdio;

use tokio::process::Command;
use tokio::sync::oneshot;

/// Starts a program with an empty environment, no input and no output, in `/`. It makes a session of its own by itself. What is
/// returned tells that it ended; it is waited for even when nobody is interested any more, so that no zombie stays.
///
/// # Errors
/// Those of the system, above all that there is no such program.
pub(crate) fn start_detached(program: &Path, arguments: &[&Path]) -> io::Result<oneshot::Receiver<()>> {
    let mut child = Command::new(program)
        .args(arguments)
        .env_clear()
        .current_dir("/")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()?;
    let (ended, end) = oneshot::channel();
    tokio::spawn(async move {
        if let Err(error) = child.wait().await {
            tracing::error!(%error, "a process that was started cannot be waited for");
        }
        ended.send(()).ok();
    });
    Ok(end)
}
