//! One unit: in what state it is, how it is stopped, and how its name becomes free again.

use super::{ANSWER, SystemdError, systemctl};
use crate::process::Environment;

/// What systemd says of a unit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct UnitState {
    /// The name is taken: no transient unit can be started under it.
    pub(crate) loaded: bool,
    /// Something of it runs, or is about to.
    pub(crate) active: bool,
    /// It failed, and that was not forgotten.
    pub(crate) failed: bool,
    /// What it executes, in systemd's own words; they hold the path of the program.
    pub(crate) command: String,
}

/// Asks for the state of one unit. One that nobody knows is not loaded.
///
/// # Errors
/// As [`systemctl`], within a minute.
pub(crate) async fn unit_state(environment: &Environment, unit: &str) -> Result<UnitState, SystemdError> {
    let show = ["show", "--property=LoadState,ActiveState,ExecStart", "--", unit];
    let text = systemctl(environment, ANSWER, &show).await?;
    Ok(parse(&String::from_utf8_lossy(&text)))
}

/// Stops a unit and waits until nobody is left in its control group. Where there is none, does nothing.
///
/// # Errors
/// As [`systemctl`], within a minute.
pub(crate) async fn stop(environment: &Environment, unit: &str) -> Result<(), SystemdError> {
    if !unit_state(environment, unit).await?.loaded {
        return Ok(());
    }
    match systemctl(environment, ANSWER, &["--no-ask-password", "stop", "--", unit]).await {
        Ok(_) => Ok(()),
        // It ended by itself in the meantime and was collected.
        Err(_) if !unit_state(environment, unit).await?.loaded => Ok(()),
        Err(error) => Err(error),
    }
}

/// Forgets the failure of a unit, so that its name is free again.
///
/// # Errors
/// As [`systemctl`], within a minute.
pub(crate) async fn reset_failed(environment: &Environment, unit: &str) -> Result<(), SystemdError> {
    if !unit_state(environment, unit).await?.failed {
        return Ok(());
    }
    systemctl(environment, ANSWER, &["--no-ask-password", "reset-failed", "--", unit]).await.map(drop)
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
