//! Building the host's system of one revision: with a limit for silence and for time, and a way to end it.

use std::path::PathBuf;
use std::time::Duration;

use pull_agent_core::{BuildEnd, Cause, DeploymentId, ReasonCode, Revision, StepNumber, SystemPath};
use pull_agent_protocol::Progress;
use tokio::sync::watch;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::progress::Reader;
use super::spec::{Kind, Spec, StepEnd, StepResult};
use super::watch::{Begun, Ended, StartError, Step, StepState};
use super::{Rebuild, classify, log, space};
use crate::clock::wall;
use crate::host::resolve;
use crate::lock;

/// Between two looks at the log and at nix's records.
const LOOK: Duration = Duration::from_millis(250);

impl Rebuild {
    /// Builds the host's system of a revision, or waits for the build of this number that runs already, and returns its
    /// path, rooted by `<state>/build/result`. `progress` is none where nix tells nothing. When `cancel` is cancelled, the
    /// build is ended with everything that it started, or never starts; when the future is dropped, it goes on.
    pub async fn build(
        &self,
        number: StepNumber,
        deployment: DeploymentId,
        revision: &Revision,
        cancel: CancellationToken,
        progress: &watch::Sender<Option<Progress>>,
    ) -> BuildEnd {
        let built = self.try_build(number, deployment, revision, cancel, progress).await;
        built.map_or_else(|end| end, BuildEnd::Built)
    }

    async fn try_build(
        &self,
        number: StepNumber,
        deployment: DeploymentId,
        revision: &Revision,
        cancel: CancellationToken,
        progress: &watch::Sender<Option<Progress>>,
    ) -> Result<SystemPath, BuildEnd> {
        let step = self.step(Kind::Build, deployment, number);
        self.make_folders().map_err(transient)?;
        let records = self.has_progress().await.then(|| step.files.progress.clone());
        if let Ok(StepState::Fresh) = step.look() {
            self.clear_the_way(&step, deployment).await?;
        }
        let spec = || self.build_spec(&step, deployment, revision, records.as_deref());
        let begun = match step.start_unless(&cancel, &self.starter(), spec).await {
            Ok(begun) => begun,
            Err(StartError::Cancelled) => return Err(BuildEnd::Cancelled),
            Err(error) => return Err(transient(error.to_string())),
        };
        let mut watcher = Watcher::new(self, deployment, &begun.seen, records.clone());
        let (ended, why) = self.watch_build(&step, begun, &mut watcher, cancel, progress).await;
        progress.send_replace(None);
        if let Some(records) = records {
            crate::durable::remove(&records).ok();
        }
        let system = self.judge(deployment, ended?, why)?;
        self.put_on_disk(&system).await?;
        Ok(system)
    }

    /// nix registers a path before its files are on the disk: after a power cut it may be valid, and its files empty. So the
    /// whole file system of the store is written back before the build counts as done.
    async fn put_on_disk(&self, system: &SystemPath) -> Result<(), BuildEnd> {
        let (sync, path) = (self.inner.sync_file_system, PathBuf::from(system.as_str()));
        let synced = tokio::task::spawn_blocking(move || sync(&path)).await;
        let synced = synced.unwrap_or_else(|panic| Err(std::io::Error::other(panic)));
        synced.map_err(|error| transient(format!("cannot write {system} to the disk: {error}")))
    }

    /// Before a build is started: room on the disk, and no other build of ours in the same folder.
    async fn clear_the_way(&self, step: &Step, deployment: DeploymentId) -> Result<(), BuildEnd> {
        space::of_store(self.inner.rebuild.min_free).map_err(transient)?;
        for folder in [&self.inner.state.log_directory, &self.inner.state.directory] {
            space::of_own(folder).map_err(transient)?;
        }
        // An earlier agent may have started this very step a moment ago. Its process needs this lock: where it has it
        // already, there is nothing to clear, and where it comes later it is not taken for another build.
        let own = lock::attempt(&step.files.lock)
            .map_err(|error| transient(format!("cannot lock {}: {error}", step.files.lock.display())))?;
        if own.is_some() && lock::is_held(&step.files.exclusive).unwrap_or(false) {
            tracing::warn!("a build that nobody waits for is ended");
            self.cancel_builds(|other| other != deployment).await;
        }
        Ok(())
    }

    fn build_spec(
        &self,
        step: &Step,
        deployment: DeploymentId,
        revision: &Revision,
        records: Option<&std::path::Path>,
    ) -> Spec {
        let records = records.map(|file| file.display().to_string());
        let mut more = vec!["-L"];
        if let Some(records) = &records {
            more.extend(["--option", "json-log-path", records]);
        }
        let command = self.command("build", &more, &self.flake(revision));
        let mut spec = self.spec(step, deployment, vec![command]);
        // The link of an earlier build must not be taken for the result of this one.
        spec.clear = vec![self.result_link(), step.files.progress.clone()];
        spec
    }

    /// Waits for the end of the build and ends it where it must. The second value is why it was ended.
    async fn watch_build(
        &self,
        step: &Step,
        begun: Begun,
        watcher: &mut Watcher,
        cancel: CancellationToken,
        progress: &watch::Sender<Option<Progress>>,
    ) -> (Result<Ended, BuildEnd>, Option<BuildEnd>) {
        let end = step.end(begun);
        tokio::pin!(end);
        let mut look = tokio::time::interval(LOOK);
        look.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let why = loop {
            tokio::select! {
                biased;
                ended = &mut end => return (ended.map_err(unknown), None),
                () = cancel.cancelled() => break BuildEnd::Cancelled,
                _ = look.tick() => {
                    if let Some(now) = watcher.look().await {
                        progress.send_if_modified(|last| {
                            let changed = last.as_ref() != Some(&now);
                            *last = Some(now);
                            changed
                        });
                    }
                    if let Some(why) = watcher.overdue() {
                        break why;
                    }
                }
            }
        };
        tracing::info!(?why, "the build is ended");
        // Until it has worked: a build that goes on would be in the way of the next one.
        loop {
            if let Err(error) = self.starter().stop_build(&step.files).await {
                tracing::error!(%error, "the build cannot be ended");
            }
            match tokio::time::timeout(STOP_AGAIN, &mut end).await {
                Ok(ended) => return (ended.map_err(unknown), Some(why)),
                Err(_) => tracing::error!("the build does not end"),
            }
        }
    }

    /// What the end of a build means.
    fn judge(
        &self,
        deployment: DeploymentId,
        ended: Ended,
        why: Option<BuildEnd>,
    ) -> Result<SystemPath, BuildEnd> {
        let succeeded = matches!(&ended, Ended::Result(StepResult { outcome: StepEnd::Exited(0), .. }));
        match why {
            // It may have succeeded in the moment in which it was too late.
            Some(why) if !succeeded || why == BuildEnd::Cancelled => return Err(why),
            Some(_) | None => {}
        }
        let result = match ended {
            Ended::Result(result) => result,
            Ended::Gone { watched: true, .. } => {
                return Err(failure(
                    ReasonCode::OutOfMemory,
                    "the build was killed, probably because memory ran out",
                ));
            }
            Ended::Gone { watched: false, .. } => return Err(BuildEnd::Killed),
        };
        match result.outcome {
            StepEnd::Exited(0) => resolve(&self.result_link()).ok_or_else(|| {
                let link = self.result_link();
                failure(
                    ReasonCode::Unclassified,
                    format!("the build succeeded and left no {}", link.display()),
                )
            }),
            StepEnd::Exited(_) | StepEnd::Signalled(_) | StepEnd::GivenUp(_) if result.stopped => {
                Err(BuildEnd::Killed)
            }
            StepEnd::Exited(code) => {
                let text = log::tail(&self.inner.state.log(deployment.0), result.log_from);
                Err(BuildEnd::Failed(classify::exit(code, &text).into()))
            }
            StepEnd::Signalled(signal) => Err(failure(
                ReasonCode::OutOfMemory,
                format!("signal {signal} ended {}{}", result.program, classify::hint(signal)),
            )),
            StepEnd::Busy => Err(transient("another build of the agent still runs".to_owned())),
            StepEnd::GivenUp(sentence) => Err(transient(sentence)),
            StepEnd::NotStarted(sentence) => Err(BuildEnd::Failed(classify::not_started(sentence).into())),
        }
    }

    pub(super) fn result_link(&self) -> PathBuf {
        self.build_directory().join("result")
    }

    pub(super) fn flake(&self, revision: &Revision) -> String {
        let inner = &self.inner;
        super::flake::reference(
            &inner.state.repository(),
            &inner.branch,
            revision,
            &inner.directory,
            &inner.host,
        )
    }
}

/// A build that writes more than this has gone wild, and would fill the disk, in bytes.
const LOG_MOST: u64 = 256 << 20;

/// A build that was told to end is told again after so long.
const STOP_AGAIN: Duration = Duration::from_secs(60);

/// What is looked at while a build runs.
struct Watcher {
    log: PathBuf,
    log_length: u64,
    /// Its length before this build.
    log_from: u64,
    /// When something last changed.
    alive: Instant,
    /// When the build began, as far as this agent's clock goes.
    begun: Instant,
    /// How long it ran before, under an earlier agent.
    before: Duration,
    stall_timeout: Option<Duration>,
    build_timeout: Option<Duration>,
    reader: Option<Reader>,
    last: Option<Progress>,
}

impl Watcher {
    fn new(rebuild: &Rebuild, deployment: DeploymentId, seen: &StepState, records: Option<PathBuf>) -> Self {
        let log = rebuild.inner.state.log(deployment.0);
        let (before, log_from) = match seen {
            StepState::Running(started) => {
                (Duration::from_millis(wall().0.saturating_sub(started.at)), started.log_from)
            }
            StepState::Ended(_) | StepState::Dead(_) | StepState::Locked | StepState::Fresh => {
                (Duration::ZERO, log::length(&log))
            }
        };
        Self {
            log_length: log::length(&log),
            log_from,
            log,
            alive: Instant::now(),
            begun: Instant::now(),
            before,
            stall_timeout: rebuild.inner.rebuild.stall_timeout,
            build_timeout: rebuild.inner.rebuild.build_timeout,
            reader: records.map(Reader::new),
            last: None,
        }
    }

    /// Looks at the log and at nix's records, and returns the progress where there is one.
    async fn look(&mut self) -> Option<Progress> {
        let length = log::length(&self.log);
        if length != self.log_length {
            self.log_length = length;
            self.alive = Instant::now();
        }
        // Read on a thread: after a restart there may be megabytes of it.
        let mut reader = self.reader.take()?;
        let read = tokio::task::spawn_blocking(move || {
            reader.read();
            reader
        });
        match read.await {
            Ok(reader) => {
                let now = reader.progress();
                self.reader = Some(reader);
                if now != self.last {
                    // A long download says nothing in the log, but it moves.
                    self.alive = Instant::now();
                    self.last.clone_from(&now);
                }
                now
            }
            Err(error) => {
                tracing::error!(%error, "the progress of the build is lost");
                None
            }
        }
    }

    /// Why the build has to be ended now, if it has.
    fn overdue(&self) -> Option<BuildEnd> {
        if self.log_length.saturating_sub(self.log_from) > LOG_MOST {
            let reason = format!("the build wrote more than {} MiB of output", LOG_MOST >> 20);
            return Some(failure(ReasonCode::Unclassified, reason));
        }
        if let Some(limit) = self.stall_timeout.filter(|limit| self.alive.elapsed() >= *limit) {
            let reason = format!("the build said nothing for {} (rebuild.stall_timeout)", seconds(limit));
            return Some(failure(ReasonCode::BuildStalled, reason));
        }
        let limit = self.build_timeout.filter(|limit| self.begun.elapsed() + self.before >= *limit)?;
        let reason = format!("the build took longer than {} (rebuild.build_timeout)", seconds(limit));
        Some(failure(ReasonCode::BuildTimeout, reason))
    }
}

fn seconds(length: Duration) -> String {
    format!("{} s", length.as_secs_f64())
}

fn failure(code: ReasonCode, sentence: impl Into<String>) -> BuildEnd {
    BuildEnd::Failed(Cause::told(code, sentence))
}

/// Nothing is wrong with the revision.
fn transient(sentence: String) -> BuildEnd {
    BuildEnd::Failed(classify::of_host(sentence).into())
}

#[expect(clippy::needless_pass_by_value, reason = "the shape that map_err takes")]
fn unknown(error: std::io::Error) -> BuildEnd {
    failure(ReasonCode::HostFault, format!("cannot wait for the build: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rebuild::spec::Started;
    use crate::rebuild::sync_file_system;
    use crate::settings::{Facts, Settings, parse};

    fn settings() -> (tempfile::TempDir, Settings) {
        let folder = tempfile::tempdir().expect("a folder");
        let config = format!(
            "[source]\nurl = \"https://github.com/poby/infra\"\n[state]\ndirectory = \"{0}\"\nlog_directory = \"{0}/log\"\n\
             [rebuild]\nrunner = \"process\"\nmin_free = \"1MiB\"\n",
            folder.path().display()
        );
        let facts = Facts { hostname: Some("yggdrasil".to_owned()), ..Facts::default() };
        (folder, parse(&config, &facts).expect("good settings"))
    }

    #[tokio::test]
    async fn what_does_not_come_on_the_disk_is_not_built_and_the_revision_is_not_to_blame() {
        let (folder, settings) = settings();
        let mut rebuild = Rebuild::new(&settings, std::path::Path::new("/nowhere"));
        let inner = std::sync::Arc::get_mut(&mut rebuild.inner).expect("nobody else has it");
        inner.sync_file_system = |_| Err(std::io::Error::other("input/output error"));
        // It ended well under an agent that is gone.
        rebuild.make_folders().expect("new folders");
        let step = rebuild.step(Kind::Build, DeploymentId(1), StepNumber(7));
        let result = StepResult {
            number: 7,
            outcome: StepEnd::Exited(0),
            program: "nixos-rebuild".to_owned(),
            stopped: false,
            started_at: 0,
            finished_at: 0,
            log_from: 0,
        };
        crate::durable::note(&step.files.result, &result).expect("written");
        std::os::unix::fs::symlink(folder.path(), rebuild.result_link()).expect("a link");

        let (progress, _) = watch::channel(None);
        let revision = Revision::parse(&"a".repeat(40)).expect("an id");
        let cancel = CancellationToken::new();
        let end = rebuild.build(StepNumber(7), DeploymentId(1), &revision, cancel, &progress).await;
        let BuildEnd::Failed(cause) = end else { panic!("{end:?}") };
        assert!(cause.sentence().contains("to the disk: input/output error"), "{cause:?}");
        assert_eq!(cause.consequence(), pull_agent_core::Consequence::TryAgain);
        sync_file_system(folder.path()).expect("that of this test is in order");
    }

    #[tokio::test]
    async fn a_build_that_starts_while_it_is_looked_for_is_not_taken_for_a_leftover() {
        let (_folder, settings) = settings();
        let rebuild = Rebuild::new(&settings, std::path::Path::new("/nowhere"));
        rebuild.make_folders().expect("new folders");
        let step = rebuild.step(Kind::Build, DeploymentId(1), StepNumber(7));
        // An agent that is gone started it: it takes its locks and says so after the first look of this agent.
        let mut process = tokio::process::Command::new("sleep").arg("60").spawn().expect("a process");
        let id = process.id().and_then(|id| i32::try_from(id).ok()).expect("it runs");
        let word = Started { number: 7, at: 0, process: id, boot: crate::process::boot_id(), log_from: 0 };
        crate::durable::note(&step.files.started, &word).expect("written");
        let locks = [&step.files.lock, &step.files.exclusive]
            .map(|file| lock::attempt(file).expect("a lock").expect("nobody else has it"));

        rebuild.clear_the_way(&step, DeploymentId(1)).await.expect("nothing is in the way");
        assert_eq!(process.try_wait().expect("a child of ours"), None, "it goes on");
        drop(locks);
        process.kill().await.expect("it runs");
    }
}
