//! Steps as transient units. A unit of ours stands beside the agent's own in the tree of control groups, so stopping the agent
//! does not reach it.

use std::path::Path;

use super::Starter;
use crate::rebuild::spec::Kind;
use crate::systemd::{SystemdError, run_unit};

/// How long a build unit has to end after SIGTERM. The step process gives its commands ten seconds of it.
const STOP: &str = "TimeoutStopSec=20s";

/// Starts a step and returns once systemd has executed it.
pub(super) async fn start(starter: &Starter<'_>, kind: Kind, spec: &Path) -> Result<(), SystemdError> {
    let mut arguments = vec![
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
        arguments.extend(["--property=KillMode=control-group".to_owned(), format!("--property={STOP}")]);
        arguments.extend(starter.properties.iter().map(|property| format!("--property={property}")));
    } else {
        // At a shutdown only the step process hears of it, and it lets the activation end.
        arguments.push("--property=KillMode=mixed".to_owned());
    }
    arguments.extend(["--".to_owned(), starter.executable.display().to_string()]);
    arguments.extend(["step".to_owned(), spec.display().to_string()]);
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    run_unit(starter.environment, &arguments).await
}
