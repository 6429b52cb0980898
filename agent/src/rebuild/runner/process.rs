//! Steps as processes in a session of their own, where no systemd runs. They outlive the agent, but not a service manager
//! that kills the agent's whole control group.

use std::path::Path;
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tokio::sync::oneshot;

use super::RunnerError;
use crate::process::{boot_id, kill_tree, start_detached};
use crate::rebuild::spec::{Started, StepFiles};
use crate::{durable, lock};

/// A step process ends everything that it started within ten seconds of SIGTERM; one that does not is stuck.
const PATIENCE: Duration = Duration::from_secs(30);

/// Between two looks at the lock.
const LOOK: Duration = Duration::from_millis(50);

/// Starts a step process; it makes its own session. The receiver tells that it ended.
pub(super) fn start(executable: &Path, spec: &Path) -> Result<oneshot::Receiver<()>, RunnerError> {
    start_detached(executable, &[Path::new("step"), spec])
        .map_err(|reason| RunnerError::Start { program: executable.display().to_string(), reason })
}

/// Ends the step process that holds the lock, with everything below it.
pub(super) async fn stop(files: &StepFiles) {
    let Some(started) = durable::read::<Started>(&files.started) else { return };
    let held = || lock::is_held(&files.lock).unwrap_or(false);
    // The lock is held by the process that wrote this, in this boot: so the id is its own.
    if started.boot != boot_id() || !held() {
        return;
    }
    kill(Pid::from_raw(started.process), Signal::SIGTERM).ok();
    let mut waited = Duration::ZERO;
    while held() {
        tokio::time::sleep(LOOK).await;
        waited += LOOK;
        if waited >= PATIENCE {
            tracing::error!(process = started.process, "a step process does not end, it is killed");
            kill_tree(started.process);
            return;
        }
    }
}
