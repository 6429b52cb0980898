//! Running the real program with an empty environment.

use std::process::{Command, Output, Stdio};

use super::agent::Agent;

/// The program, with nothing of the tester's environment.
#[must_use]
pub(super) fn agentctl() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_agentctl"));
    command.env_clear().stdin(Stdio::null());
    command
}

/// Runs it against an agent and returns exit code and both outputs as one text.
#[must_use]
pub(super) fn run(agent: &Agent, arguments: &[&str]) -> String {
    let mut command = agentctl();
    command.arg("--socket").arg(agent.socket()).args(arguments);
    let told = tell(&command.output().expect("it runs"));
    told.replace(&agent.directory.path().display().to_string(), "<dir>")
}

/// Exit code and both outputs as one text.
#[must_use]
pub(super) fn tell(output: &Output) -> String {
    let part = |name: &str, bytes: &[u8]| match String::from_utf8_lossy(bytes) {
        text if text.is_empty() => String::new(),
        text => format!("--- {name}\n{text}"),
    };
    let code = output.status.code().expect("an exit code");
    format!("exit code {code}\n{}{}", part("stdout", &output.stdout), part("stderr", &output.stderr))
}
