//! The hidden process `pull-agent step FILE`: takes the step's lock, says durably that it started, runs the commands with
//! their output in the log, says durably how they ended, lets go of the lock. It outlives the agent, and whoever wants to know
//! how the step ended waits for the lock and reads the result. Never decides anything, never runs the step of one number twice
//! (but for a build after a loss of power: what it says is not durable, as it is begun again in any case).

mod command;
mod stop;

use std::fs::{File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use serde::Serialize;

use super::spec::{Spec, Started, StepEnd, StepResult};
use crate::clock::wall;
use crate::{durable, lock};
use stop::Stop;

/// How long another step may take to let go of the host, after it was told to end.
const PATIENCE: Duration = Duration::from_secs(30);

/// Between two tries to write the result, and how many there are: ten minutes for somebody to make room on the disk.
const RESULT_AGAIN: Duration = Duration::from_secs(1);
const RESULT_TRIES: u32 = 600;

/// Why a step process did nothing, or could not say how it ended.
#[derive(Debug, thiserror::Error)]
enum StepError {
    #[error("{} is no description of a step", .0.display())]
    Spec(PathBuf),
    #[error("cannot lock {}", .0.display())]
    Lock(PathBuf, #[source] io::Error),
    #[error("cannot write {}", .0.display())]
    Write(PathBuf, #[source] io::Error),
    #[error("cannot handle signals")]
    Signals(#[source] io::Error),
}

/// Runs the step that this file describes. The exit code only says whether the result is in its file.
#[must_use]
pub fn step_main(spec_file: &Path) -> ExitCode {
    match run(spec_file) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // Standard error may be closed; there is nobody else to tell.
            writeln!(io::stderr(), "pull-agent step: {}", crate::error::chain(&error)).ok();
            ExitCode::FAILURE
        }
    }
}

fn run(spec_file: &Path) -> Result<(), StepError> {
    let spec: Spec = durable::read(spec_file).ok_or_else(|| StepError::Spec(spec_file.to_owned()))?;
    // Fails where a service manager made this process the leader of a session already.
    nix::unistd::setsid().ok();
    // Children whose parent died become ours, so that none is lost when the step is stopped.
    nix::sys::prctl::set_child_subreaper(true).map_err(|error| StepError::Signals(error.into()))?;
    let stop = Stop::listen(spec.stoppable).map_err(StepError::Signals)?;
    let _own = lock::wait(&spec.lock).map_err(|error| StepError::Lock(spec.lock.clone(), error))?;
    if was_started(&spec) {
        return Ok(());
    }
    let result = attempt(&spec, &stop, PATIENCE)?;
    finish(&spec, &result)
}

/// Runs the commands, unless another step still has the host after this time.
fn attempt(spec: &Spec, stop: &Stop, patience: Duration) -> Result<StepResult, StepError> {
    let begun = wall().0;
    let mut result = StepResult {
        number: spec.number,
        outcome: StepEnd::Busy,
        program: String::new(),
        stopped: false,
        started_at: begun,
        finished_at: begun,
        log_from: 0,
    };
    let exclusive = lock::within(&spec.exclusive, patience)
        .map_err(|error| StepError::Lock(spec.exclusive.clone(), error))?;
    if exclusive.is_some() {
        match prepare(spec) {
            Ok(log) => {
                result.log_from = log.metadata().map_or(0, |data| data.len());
                start(spec, &mut result, &log, stop);
            }
            Err(sentence) => result.outcome = StepEnd::NotStarted(sentence),
        }
    }
    result.finished_at = wall().0;
    Ok(result)
}

/// Whether this number was started, or given up by the agent because it did not start in time.
fn was_started(spec: &Spec) -> bool {
    durable::read::<Started>(&spec.started).is_some_and(|started| started.number == spec.number)
        || durable::read::<StepResult>(&spec.result).is_some_and(|result| result.number == spec.number)
}

/// Opens the log and clears what an earlier step left.
fn prepare(spec: &Spec) -> Result<File, String> {
    for file in &spec.clear {
        durable::remove(file).map_err(|error| format!("cannot remove {}: {error}", file.display()))?;
    }
    // Not blocking: opening a named pipe for writing would wait for its reader.
    let log = OpenOptions::new()
        .append(true)
        .create(true)
        .mode(0o640)
        .custom_flags(nix::libc::O_NONBLOCK)
        .open(&spec.log)
        .map_err(|error| format!("cannot open {}: {error}", spec.log.display()))?;
    match log.metadata() {
        Ok(data) if data.is_file() => Ok(log),
        Ok(_) => Err(format!("{} is no regular file", spec.log.display())),
        Err(error) => Err(format!("cannot look at {}: {error}", spec.log.display())),
    }
}

/// Says that the step starts, and runs its commands.
fn start(spec: &Spec, result: &mut StepResult, log: &File, stop: &Stop) {
    let started = Started {
        number: spec.number,
        at: result.started_at,
        process: nix::unistd::getpid().as_raw(),
        boot: crate::process::boot_id(),
        log_from: result.log_from,
    };
    // Room for the result first: what cannot be told is not begun.
    let said = durable::reserve(&spec.result).and_then(|()| say(spec, &spec.started, &started));
    if let Err(error) = said {
        result.outcome = StepEnd::NotStarted(format!("cannot write {}: {error}", spec.started.display()));
        return;
    }
    for argv in &spec.commands {
        result.program = argv.first().cloned().unwrap_or_default();
        result.outcome = command::run(spec, argv, log, stop);
        if result.outcome != StepEnd::Exited(0) {
            break;
        }
    }
    result.stopped = stop.finish();
    // Why it failed is read from the log: a result that outlives the power must not stand without it.
    if spec.outlives_power
        && let Err(error) = log.sync_all()
    {
        writeln!(io::stderr(), "pull-agent step: cannot sync {}: {error}", spec.log.display()).ok();
    }
}

/// Writes a document of the step, to outlive what it must.
fn say(spec: &Spec, file: &Path, document: &impl Serialize) -> io::Result<()> {
    if spec.outlives_power { durable::write(file, document) } else { durable::note(file, document) }
}

/// Writes the result, again and again when the disk is full: the lock is kept meanwhile, so the agent waits. Where nothing
/// was started one try is enough, for the agent tells that by itself.
fn finish(spec: &Spec, result: &StepResult) -> Result<(), StepError> {
    let ran = matches!(result.outcome, StepEnd::Exited(_) | StepEnd::Signalled(_));
    let limit = if ran { RESULT_TRIES } else { 1 };
    let mut tries = 0;
    loop {
        tries += 1;
        match say(spec, &spec.result, result) {
            Ok(()) => return Ok(()),
            Err(error) if tries == limit => return Err(StepError::Write(spec.result.clone(), error)),
            Err(error) => {
                if tries == 1 {
                    let file = spec.result.display();
                    writeln!(io::stderr(), "pull-agent step: cannot write {file}: {error}; trying again")
                        .ok();
                }
                std::thread::sleep(RESULT_AGAIN);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use pull_agent_core::DeploymentId;

    use super::*;
    use crate::rebuild::spec::{Kind, StepFiles};

    #[test]
    fn a_step_beside_another_one_is_busy_and_runs_nothing() {
        let folder = tempfile::tempdir().expect("a folder");
        let files = StepFiles::new(folder.path(), DeploymentId(1), Kind::Switch);
        let spec = Spec {
            number: 1,
            commands: vec![vec!["true".to_owned()]],
            environment: crate::process::environment(),
            directory: folder.path().to_owned(),
            clear: Vec::new(),
            log: folder.path().join("1.log"),
            started: files.started,
            command: files.command,
            result: files.result,
            lock: files.lock,
            exclusive: files.exclusive,
            stoppable: false,
            outlives_power: true,
        };
        let other = lock::attempt(&spec.exclusive).expect("a lock").expect("nobody else has it");
        let result = attempt(&spec, &Stop::deaf(), Duration::ZERO).expect("looked");
        assert_eq!(result.outcome, StepEnd::Busy);
        assert!(!spec.started.exists(), "it says that it started");
        drop(other);
    }
}
