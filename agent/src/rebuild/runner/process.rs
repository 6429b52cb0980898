//! Steps as processes in a session of their own, where no systemd runs. They outlive the agent, but not a service manager
//! that kills the agent's whole control group.

use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tokio::process::Command;
use tokio::sync::oneshot;

use super::RunnerError;
use crate::process::{boot_id, descendants};
use crate::rebuild::spec::{Started, StepFiles};
use crate::{durable, lock};

/// A step process ends everything that it started within ten seconds of SIGTERM; one that does not is stuck.
const PATIENCE: Duration = Duration::from_secs(30);

/// Between two looks at the lock.
const LOOK: Duration = Duration::from_millis(50);

/// Starts a step process; it makes its own session. The receiver tells that it ended.
pub(super) fn start(executable: &Path, spec: &Path) -> Result<oneshot::Receiver<()>, RunnerError> {
    let mut child = Command::new(executable)
        .arg("step")
        .arg(spec)
        .env_clear()
        .current_dir("/")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .map_err(|reason| RunnerError::Start { program: executable.display().to_string(), reason })?;
    let (ended, end) = oneshot::channel();
    // Waited for even when nobody is interested any more, so that no zombie stays.
    tokio::spawn(async move {
        if let Err(error) = child.wait().await {
            tracing::error!(%error, "cannot wait for a step process");
        }
        ended.send(()).ok();
    });
    Ok(end)
}

/// Ends the step process that holds the lock, with everything below it.
pub(super) async fn stop(files: &StepFiles) {
    let Some(started) = durable::read::<Started>(&files.started) else { return };
    let held = || lock::is_held(&files.lock).unwrap_or(false);
    // The lock is held by the process that wrote this, in this boot: so the id is its own.
    if started.boot != boot_id() || !held() {
        return;
    }
    let step = Pid::from_raw(started.process);
    kill(step, Signal::SIGTERM).ok();
    let mut waited = Duration::ZERO;
    while held() {
        tokio::time::sleep(LOOK).await;
        waited += LOOK;
        if waited >= PATIENCE {
            tracing::error!(process = started.process, "a step process does not end, it is killed");
            let below = descendants(started.process);
            for process in below.into_iter().map(Pid::from_raw).chain([step]) {
                kill(process, Signal::SIGKILL).ok();
            }
            return;
        }
    }
}
