//! Running the real program with an empty environment.

use std::io::Write as _;
use std::process::{Command, Output, Stdio};

use super::agent::Agent;

/// The program, with nothing of the tester's environment.
#[must_use]
pub(super) fn agentctl() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_agentctl"));
    command.env_clear().stdin(Stdio::null());
    command
}

/// Whether root runs this test; where not, it is left out, and that is said past the capture of the test harness.
pub(super) fn is_root() -> bool {
    let is_root = nix::unistd::geteuid().is_root();
    if !is_root {
        std::io::stderr()
            .write_all(b"left out: a test that only root can run\n")
            .expect("stderr takes a line");
        assert!(std::env::var("CI").as_deref() != Ok("true"), "CI=true, and yet not root");
    }
    is_root
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
