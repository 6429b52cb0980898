//! systemd, asked and told by its own programs: systemctl(1) and systemd-run(1). Here too are the names of the units that the
//! agent makes or looks at. Never reads what is written for people.

mod unit;

use std::path::Path;
use std::time::Duration;

use crate::process::{CallError, Environment, call};

pub(crate) use unit::{reset_failed, stop, unit_state};

/// The transient unit of a build of ours.
pub(crate) const BUILD_UNIT: &str = "pull-agent-build.service";
/// The transient unit of a switch of ours.
pub(crate) const SWITCH_UNIT: &str = "pull-agent-switch.service";
/// The transient unit of a way back of ours.
pub(crate) const ROLLBACK_UNIT: &str = "pull-agent-rollback.service";
/// nixos-rebuild's own unit: whoever has this name activates.
pub(crate) const NIXOS_SWITCH_UNIT: &str = "nixos-rebuild-switch-to-configuration.service";

/// systemd answers within milliseconds; on a host that is short of memory it may take long.
const ANSWER: Duration = Duration::from_secs(60);

/// Why systemd did not do or say what it was asked for.
#[derive(Debug, thiserror::Error)]
pub enum SystemdError {
    /// Its program gave no answer.
    #[error(transparent)]
    Call(CallError),
    /// Its program failed.
    #[error("{program} failed: {how}")]
    Failed {
        /// `systemctl` or `systemd-run`.
        program: &'static str,
        /// Exit code and last line.
        how: String,
    },
}

/// Whether systemd runs this machine: sd_booted(3).
pub(crate) fn is_booted() -> bool {
    Path::new("/run/systemd/system").is_dir()
}

/// Runs systemctl and returns what it printed, at most 1 MiB of it.
///
/// # Errors
/// When it cannot be started, takes longer than `limit`, or ends with another exit code than 0.
pub(crate) async fn systemctl(
    environment: &Environment,
    limit: Duration,
    arguments: &[&str],
) -> Result<Vec<u8>, SystemdError> {
    run("systemctl", environment, limit, arguments).await
}

/// Starts a transient unit with these arguments of systemd-run.
///
/// # Errors
/// As [`systemctl`], within a minute; with `--service-type=exec` also when its program cannot be executed.
pub(crate) async fn run_unit(environment: &Environment, arguments: &[&str]) -> Result<(), SystemdError> {
    run("systemd-run", environment, ANSWER, arguments).await.map(drop)
}

async fn run(
    program: &'static str,
    environment: &Environment,
    limit: Duration,
    arguments: &[&str],
) -> Result<Vec<u8>, SystemdError> {
    let argv: Vec<&str> = [program].into_iter().chain(arguments.iter().copied()).collect();
    let done = call(&argv, environment, limit).await.map_err(SystemdError::Call)?;
    if done.status.success() {
        Ok(done.stdout)
    } else {
        Err(SystemdError::Failed { program, how: done.sentence() })
    }
}
