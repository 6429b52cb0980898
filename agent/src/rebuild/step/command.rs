//! One command of a step: started in its own process group with its output in the log, and waited for.

use std::fs::File;
use std::process::{Command, Stdio};

use nix::errno::Errno;
use nix::sys::wait::{WaitStatus, waitpid};
use nix::unistd::Pid;

use super::super::spec::{RunningCommand, Spec, StepEnd};
use super::stop::Stop;
use crate::durable;
use crate::process::start_ticks;
use std::os::unix::process::CommandExt as _;

/// Runs a command to its end.
pub(super) fn run(spec: &Spec, argv: &[String], log: &File, stop: &Stop) -> StepEnd {
    let [program, arguments @ ..] = argv else {
        return StepEnd::NotStarted("no command is named".to_owned());
    };
    let output = || log.try_clone().map(Stdio::from);
    let (stdout, stderr) = match (output(), output()) {
        (Ok(stdout), Ok(stderr)) => (stdout, stderr),
        (Err(error), _) | (_, Err(error)) => {
            return StepEnd::NotStarted(format!("cannot start {program}: {error}"));
        }
    };
    let mut command = Command::new(program);
    command
        .args(arguments)
        .env_clear()
        .envs(&spec.environment)
        .current_dir(&spec.directory)
        .stdin(Stdio::null())
        .stdout(stdout)
        .stderr(stderr)
        .process_group(0);
    let child = match stop.unless_asked(|| command.spawn()) {
        None => return StepEnd::Signalled(nix::libc::SIGTERM),
        Some(Err(error)) => return StepEnd::NotStarted(format!("cannot start {program}: {error}")),
        Some(Ok(child)) => child,
    };
    let Ok(process) = i32::try_from(child.id()) else {
        return StepEnd::NotStarted(format!("{program} has no usable process id"));
    };
    if let Some(start) = start_ticks(process) {
        // Of use only if this process is killed: worth no failure.
        durable::note(&spec.command, &RunningCommand { number: spec.number, process, start }).ok();
    }
    wait(Pid::from_raw(process))
}

/// Waits for the command, and for every orphan that became ours on the way.
fn wait(command: Pid) -> StepEnd {
    loop {
        match waitpid(None, None) {
            Ok(WaitStatus::Exited(process, code)) if process == command => return StepEnd::Exited(code),
            Ok(WaitStatus::Signaled(process, signal, _)) if process == command => {
                return StepEnd::Signalled(signal as i32);
            }
            Ok(_) | Err(Errno::EINTR) => {}
            // The command is a child that nobody else waits for.
            Err(error) => return StepEnd::NotStarted(format!("cannot wait for the command: {error}")),
        }
    }
}
