//! Steps as transient units: systemd-run(1), systemctl(1). A unit of ours stands beside the agent's own in the tree of
//! control groups, so stopping the agent does not reach it.

use std::path::Path;
use std::time::Duration;

use super::{RunnerError, Starter};
use crate::process::{Environment, call};
use crate::rebuild::spec::Kind;

/// systemd answers within milliseconds; on a host that is short of memory it may take long.
const ANSWER: Duration = Duration::from_secs(60);

/// How long a build unit has to end after SIGTERM. The step process gives its commands ten seconds of it.
const STOP: &str = "TimeoutStopSec=20s";

/// Starts a step and returns once systemd has executed it.
pub(super) async fn start(starter: &Starter<'_>, kind: Kind, spec: &Path) -> Result<(), RunnerError> {
    let mut argv = vec![
        "systemd-run".to_owned(),
        format!("--unit={}", kind.unit()),
        format!("--description=pull-agent: {}", kind.name()),
        "--collect".to_owned(),
        "--quiet".to_owned(),
        "--no-ask-password".to_owned(),
        // Waits until the step process is executed, so that a program that is missing is told here.
        "--service-type=exec".to_owned(),
        // The step process tells that the kernel killed its command; systemd would end the unit for it.
        "--property=OOMPolicy=continue".to_owned(),
    ];
    if kind.stoppable() {
        argv.extend(["--property=KillMode=control-group".to_owned(), format!("--property={STOP}")]);
        argv.extend(starter.properties.iter().map(|property| format!("--property={property}")));
    } else {
        // At a shutdown only the step process hears of it, and it lets the activation end.
        argv.push("--property=KillMode=mixed".to_owned());
    }
    argv.extend(["--".to_owned(), starter.executable.display().to_string()]);
    argv.extend(["step".to_owned(), spec.display().to_string()]);
    run("systemd-run", &argv, starter.environment).await.map(|_| ())
}

/// Stops the unit and waits until nobody is left in its control group.
pub(super) async fn stop(environment: &Environment, kind: Kind) -> Result<(), RunnerError> {
    let state = unit_state(environment, &kind.unit()).await?;
    if !state.loaded {
        return Ok(());
    }
    let argv = ["systemctl", "--no-ask-password", "stop", "--", &kind.unit()].map(str::to_owned);
    match run("systemctl", &argv, environment).await {
        Ok(_) => Ok(()),
        // It ended by itself in the meantime and was collected.
        Err(_) if !unit_state(environment, &kind.unit()).await?.loaded => Ok(()),
        Err(error) => Err(error),
    }
}

/// Forgets the failure of a unit, so that its name is free again.
pub(in crate::rebuild) async fn reset_failed(
    environment: &Environment,
    unit: &str,
) -> Result<(), RunnerError> {
    if !unit_state(environment, unit).await?.failed {
        return Ok(());
    }
    let argv = ["systemctl", "--no-ask-password", "reset-failed", "--", unit].map(str::to_owned);
    run("systemctl", &argv, environment).await.map(|_| ())
}

/// What systemd says of a unit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::rebuild) struct UnitState {
    /// The name is taken: no transient unit can be started under it.
    pub(in crate::rebuild) loaded: bool,
    /// Something of it runs, or is about to.
    pub(in crate::rebuild) active: bool,
    /// It failed, and that was not forgotten.
    pub(in crate::rebuild) failed: bool,
    /// What it executes, in systemd's own words; they hold the path of the program.
    pub(in crate::rebuild) command: String,
}

/// Asks systemd for the state of one unit.
pub(in crate::rebuild) async fn unit_state(
    environment: &Environment,
    unit: &str,
) -> Result<UnitState, RunnerError> {
    let argv = ["systemctl", "show", "--property=LoadState,ActiveState,ExecStart", "--", unit];
    let text = run("systemctl", &argv.map(str::to_owned), environment).await?;
    Ok(parse(&text))
}

/// Reads `NAME=value` lines. A unit that nobody knows is `not-found` and `inactive`.
fn parse(text: &str) -> UnitState {
    let value = |name: &str| {
        text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix('=')).unwrap_or_default()
    };
    let (load, state) = (value("LoadState"), value("ActiveState"));
    let failed = state == "failed";
    let active = !matches!(state, "inactive" | "failed" | "");
    let command = value("ExecStart").to_owned();
    UnitState { loaded: active || failed || load == "loaded", active, failed, command }
}

async fn run(
    program: &'static str,
    argv: &[String],
    environment: &Environment,
) -> Result<String, RunnerError> {
    let done = call(argv, environment, ANSWER).await.map_err(RunnerError::Call)?;
    if done.status.success() {
        Ok(String::from_utf8_lossy(&done.stdout).into_owned())
    } else {
        Err(RunnerError::Failed { program, how: done.sentence() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(load: &str, state: &str, loaded: bool, active: bool, failed: bool) {
        let text = format!("LoadState={load}\nActiveState={state}\nExecStart={{ path=/a ; }}\n");
        let command = "{ path=/a ; }".to_owned();
        assert_eq!(parse(&text), UnitState { loaded, active, failed, command }, "{text}");
    }

    #[test]
    fn states_of_a_unit() {
        check("not-found", "inactive", false, false, false);
        check("loaded", "inactive", true, false, false);
        check("loaded", "active", true, true, false);
        check("loaded", "activating", true, true, false);
        check("loaded", "deactivating", true, true, false);
        check("loaded", "failed", true, false, true);
        check("not-found", "failed", true, false, true);
    }
}
