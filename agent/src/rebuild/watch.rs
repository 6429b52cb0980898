//! Starting a step, or finding it started, and waiting for its end: by its lock and its files alone, so it does not matter
//! which agent started it. Never ends a step by itself.

use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio::sync::oneshot;
use tokio_util::sync::CancellationToken;

use super::runner::{RunnerError, Starter};
use super::spec::{Kind, RunningCommand, Spec, Started, StepEnd, StepFiles, StepResult};
use crate::clock::wall;
use crate::process::{boot_id, is_running, kill_tree};
use crate::{durable, lock};

/// So long may pass between the start of a step process and its word that it started; longer than it waits for another one.
const START: Duration = Duration::from_secs(60);

/// Between two looks for that word: at first, and after a while.
const LOOK_FIRST: Duration = Duration::from_millis(2);
const LOOK_LATER: Duration = Duration::from_millis(50);

/// Between two looks at a command whose step process was killed.
const LOOK_ORPHAN: Duration = Duration::from_millis(200);

/// One step of one deployment, under one number: what is tried again gets a new one.
#[derive(Clone, Debug)]
pub(super) struct Step {
    pub(super) kind: Kind,
    pub(super) files: StepFiles,
    pub(super) number: u64,
}

/// What the files of a step say.
#[derive(Debug)]
pub(super) enum StepState {
    Ended(StepResult),
    Running(Started),
    /// Somebody has its lock and has not said that this number started.
    Locked,
    /// It was started, and was killed before it could say how it ended.
    Dead(Started),
    /// Nothing of it is there.
    Fresh,
}

/// A step that was begun.
#[derive(Debug)]
pub(super) struct Begun {
    pub(super) seen: StepState,
    /// Whether this agent started it: it was there all the time then, also where the step died before it was first looked at.
    pub(super) own: bool,
}

#[derive(Debug)]
pub(super) enum Ended {
    /// As it says itself.
    Result(StepResult),
    /// It was killed.
    Gone {
        /// Whether this agent was there.
        watched: bool,
        /// Length of the log before it.
        log_from: u64,
    },
}

/// Why a step did not start.
#[derive(Debug, thiserror::Error)]
pub(super) enum StartError {
    #[error("cannot write {}: {reason}", file.display())]
    Spec { file: PathBuf, reason: io::Error },
    #[error("cannot look at {}: {reason}", file.display())]
    Look { file: PathBuf, reason: io::Error },
    #[error(transparent)]
    Runner(RunnerError),
    #[error("the step process did not start within {} s", START.as_secs())]
    TooLate,
    #[error("the step process ended before it started the step")]
    EndedEarly,
    #[error("it was told to end before it started")]
    Cancelled,
}

impl Step {
    /// Reads the files and tries the lock, once.
    pub(super) fn look(&self) -> io::Result<StepState> {
        self.look_by(lock::is_held)
    }

    fn look_by(&self, is_held: impl FnOnce(&Path) -> io::Result<bool>) -> io::Result<StepState> {
        let result = || durable::read::<StepResult>(&self.files.result).filter(|it| it.number == self.number);
        if let Some(result) = result() {
            return Ok(StepState::Ended(result));
        }
        // In this order. A step says that it started while it has the lock: what is read before cannot be the word of one that
        // takes the lock only now. And who let go of the lock has written before what there was to write.
        let started = durable::read::<Started>(&self.files.started).filter(|it| it.number == self.number);
        let held = is_held(&self.files.lock)?;
        Ok(match (result(), started, held) {
            (Some(result), _, _) => StepState::Ended(result),
            (None, Some(started), true) => StepState::Running(started),
            (None, Some(started), false) => StepState::Dead(started),
            (None, None, true) => StepState::Locked,
            (None, None, false) => StepState::Fresh,
        })
    }

    fn see(&self) -> Result<StepState, StartError> {
        self.look().map_err(|reason| StartError::Look { file: self.files.lock.clone(), reason })
    }

    /// As [`Self::start`]. When it is cancelled before the step runs, this number never runs any more: a step process that
    /// is on its way finds that and leaves. One that was faster is returned as running, and is to be ended by the caller.
    pub(super) async fn start_unless(
        &self,
        cancel: &CancellationToken,
        starter: &Starter<'_>,
        spec: impl FnOnce() -> Spec + Send,
    ) -> Result<Begun, StartError> {
        tokio::select! {
            biased;
            () = cancel.cancelled() => self.give_up(StartError::Cancelled).await,
            begun = self.start(starter, spec) => begun,
        }
    }

    /// Starts the step unless this number was started before, and returns once it runs or has ended.
    pub(super) async fn start(
        &self,
        starter: &Starter<'_>,
        spec: impl FnOnce() -> Spec + Send,
    ) -> Result<Begun, StartError> {
        loop {
            match self.see()? {
                seen @ (StepState::Ended(_) | StepState::Running(_) | StepState::Dead(_)) => {
                    return Ok(Begun { seen, own: false });
                }
                StepState::Fresh => break,
                // An earlier number of the same step, or this one about to start.
                StepState::Locked => tokio::time::sleep(LOOK_LATER).await,
            }
        }
        self.write_spec(spec()).await?;
        let (mut end, failure) = match starter.start(self.kind, &self.files.spec).await {
            Ok(end) => (end, None),
            Err(error) => (None, Some(StartError::Runner(error))),
        };
        if let Some(failure) = failure {
            // An earlier agent may have started it a moment ago: then its unit has the name.
            return self.give_up(failure).await;
        }
        let mut waited = Duration::ZERO;
        while waited < START {
            let pause = if waited < LOOK_LATER { LOOK_FIRST } else { LOOK_LATER };
            waited += pause;
            let ended = match &mut end {
                Some(end) => tokio::time::timeout(pause, end).await.is_ok(),
                None => {
                    tokio::time::sleep(pause).await;
                    false
                }
            };
            match self.see()? {
                seen @ (StepState::Ended(_) | StepState::Running(_) | StepState::Dead(_)) => {
                    return Ok(Begun { seen, own: true });
                }
                StepState::Fresh | StepState::Locked if ended => {
                    return self.give_up(StartError::EndedEarly).await;
                }
                StepState::Fresh | StepState::Locked => {}
            }
        }
        self.give_up(StartError::TooLate).await
    }

    /// Writes the spec, which means nothing after a power cut, under the lock of the step, so that two who ask at once do not write at once.
    async fn write_spec(&self, spec: Spec) -> Result<(), StartError> {
        let (file, lock_file) = (self.files.spec.clone(), self.files.lock.clone());
        let write = move || {
            let lock = lock::within(&lock_file, START)?;
            let _lock = lock.ok_or_else(|| io::Error::other("another process has the step's lock"))?;
            durable::note(&file, &spec)
        };
        tokio::task::spawn_blocking(write)
            .await
            .unwrap_or_else(|panic| Err(io::Error::other(panic)))
            .map_err(|reason| StartError::Spec { file: self.files.spec.clone(), reason })
    }

    /// Makes sure that this number never starts any more, unless it has started after all.
    async fn give_up(&self, why: StartError) -> Result<Begun, StartError> {
        let own = match why {
            StartError::TooLate | StartError::EndedEarly => true,
            // Who has the name of the unit, or was faster than the word to end, may be a step of an earlier agent.
            StartError::Runner(_)
            | StartError::Cancelled
            | StartError::Spec { .. }
            | StartError::Look { .. } => false,
        };
        let begun = |seen| Ok(Begun { seen, own });
        loop {
            let lock = lock::attempt(&self.files.lock)
                .map_err(|reason| StartError::Look { file: self.files.lock.clone(), reason })?;
            let Some(lock) = lock else {
                // A step process is there; it says soon that it started, or lets go of the lock.
                if let seen @ (StepState::Ended(_) | StepState::Running(_)) = self.see()? {
                    return begun(seen);
                }
                tokio::time::sleep(LOOK_LATER).await;
                continue;
            };
            let started = durable::read::<Started>(&self.files.started).filter(|it| it.number == self.number);
            let result =
                durable::read::<StepResult>(&self.files.result).filter(|it| it.number == self.number);
            if let Some(result) = result {
                return begun(StepState::Ended(result));
            }
            if let Some(started) = started {
                return begun(StepState::Dead(started));
            }
            let now = wall().0;
            let result = StepResult {
                number: self.number,
                outcome: StepEnd::GivenUp(why.to_string()),
                program: String::new(),
                stopped: matches!(why, StartError::Cancelled),
                started_at: now,
                finished_at: now,
                log_from: 0,
            };
            durable::write(&self.files.result, &result)
                .map_err(|reason| StartError::Spec { file: self.files.result.clone(), reason })?;
            drop(lock);
            return Err(why);
        }
    }

    /// Waits for the end of a step that was seen to run, to be dead or to have ended.
    pub(super) async fn end(&self, begun: Begun) -> io::Result<Ended> {
        let Begun { mut seen, own: mut watched } = begun;
        loop {
            match seen {
                StepState::Ended(result) => return Ok(Ended::Result(result)),
                StepState::Running(_) | StepState::Locked => watched = true,
                StepState::Dead(started) => {
                    self.end_of_orphan(&started).await;
                    return Ok(Ended::Gone { watched, log_from: started.log_from });
                }
                StepState::Fresh => return Ok(Ended::Gone { watched, log_from: 0 }),
            }
            until_free(&self.files.lock).await?;
            seen = self.look()?;
        }
    }

    /// A step process was killed. What it had started may live on: an activation goes on to its end, a build is ended.
    async fn end_of_orphan(&self, started: &Started) {
        if started.boot != boot_id() {
            return;
        }
        let command = durable::read::<RunningCommand>(&self.files.command);
        let Some(command) = command.filter(|it| it.number == self.number) else { return };
        while is_running(command.process, command.start) {
            if self.kind.stoppable() {
                kill_tree(command.process);
            }
            tokio::time::sleep(LOOK_ORPHAN).await;
        }
    }
}

/// Waits until nobody has the lock. On a thread of its own: flock(2) cannot be awaited, and a task that is dropped must not
/// keep the runtime from ending.
async fn until_free(file: &Path) -> io::Result<()> {
    let (free, is_free) = oneshot::channel();
    let file = file.to_owned();
    std::thread::Builder::new().name("step".to_owned()).stack_size(1 << 16).spawn(move || {
        free.send(lock::wait(&file).map(drop)).ok();
    })?;
    is_free.await.unwrap_or_else(|gone| Err(io::Error::other(gone)))
}

#[cfg(test)]
mod tests {
    use pull_agent_core::DeploymentId;

    use super::*;

    #[test]
    fn a_step_that_starts_while_it_is_looked_at_is_not_dead() {
        let folder = tempfile::tempdir().expect("a folder");
        let files = StepFiles::new(folder.path(), DeploymentId(1), Kind::Build);
        let step = Step { kind: Kind::Build, files, number: 7 };
        let started = Started { number: 7, at: 0, process: 1, boot: boot_id(), log_from: 0 };
        let seen = step.look_by(|_| {
            // Nobody has the lock yet; a moment later somebody does, and says so.
            durable::note(&step.files.started, &started).map(|()| false)
        });
        assert!(matches!(seen.expect("a look"), StepState::Fresh));
        assert!(
            matches!(step.look().expect("a look"), StepState::Dead(_)),
            "nobody has the lock, and it had started"
        );
    }
}
