//! The loop: one event, one decision, one save, then the commands. One task owns the state; nobody locks.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use pull_agent_core::{Command, Event, Policy, State, deadline, decide};
use tokio::sync::{mpsc, oneshot, watch};

use super::executor::Executor;
use super::journal;
use super::notify::Notify;
use crate::channels::{Input, Snapshot};
use crate::clock;
use crate::settings::{self, Settings};
use crate::signals::{Asked, Asks};
use crate::store::Store;
use crate::view::{self, About};

/// Between two tries to save a state that could not be saved.
const SAVE_AGAIN: Duration = Duration::from_secs(2);

type Reply = oneshot::Sender<Result<(), String>>;

pub(super) struct Loop {
    pub(super) config_file: PathBuf,
    pub(super) settings: Arc<Settings>,
    /// Whether systemd runs this machine.
    pub(super) systemd: bool,
    pub(super) about: About,
    pub(super) state: State,
    pub(super) store: Option<Store>,
    pub(super) executor: Executor,
    pub(super) notify: Notify,
    pub(super) answers: mpsc::Receiver<Event>,
    pub(super) inputs: mpsc::Receiver<Input>,
    pub(super) shown: watch::Sender<Arc<Snapshot>>,
    /// The state in memory is newer than the one on disk.
    pub(super) dirty: bool,
    /// Decided, but not to be started before the state is on disk.
    pub(super) waiting: Vec<Command>,
    /// Callers that are answered once the state is on disk.
    pub(super) replies: Vec<Reply>,
    pub(super) save_error: Option<String>,
    pub(super) reload_error: Option<String>,
    /// Warnings about programs of `health.commands`.
    pub(super) missing: Vec<String>,
}

impl Loop {
    /// Turns until a signal asks for the end. Returns what may have last words to say.
    pub(super) async fn turn(mut self, mut asks: Asks) -> Notify {
        loop {
            self.notify.alive();
            let wake = self.next_wake();
            tokio::select! {
                biased;
                asked = asks.next() => match asked {
                    Asked::Stop => break,
                    Asked::Reload => self.reload().await,
                    Asked::Poll => self.happened(Event::Nudged { revision: None }, None).await,
                },
                Some(event) = self.answers.recv() => self.happened(event, None).await,
                Some(input) = self.inputs.recv() => self.happened(input.event, input.reply).await,
                () = tokio::time::sleep(wake) => self.woke().await,
            }
        }
        self.notify.stopping();
        tracing::info!("stopping; a running build is cancelled, a running switch is left alone");
        self.executor.end_build().await;
        self.notify
    }

    fn policy(&self) -> Policy {
        settings::policy(&self.settings, self.systemd)
    }

    /// How long the loop may sleep: to the next deadline, the next try to save or the next sign of life.
    fn next_wake(&self) -> Duration {
        let period = self.notify.period();
        let most = if self.dirty { period.min(SAVE_AGAIN) } else { period };
        let policy = self.policy();
        let due = deadline(&policy, &self.state).map(|due| Duration::from_millis(due.since(clock::mono()).0));
        // A deadline that is due at once while the disk is full must not make the loop spin.
        let least = if self.dirty { SAVE_AGAIN / 4 } else { Duration::ZERO };
        due.map_or(most, |due| due.clamp(least, most.max(least)))
    }

    async fn woke(&mut self) {
        let policy = self.policy();
        if deadline(&policy, &self.state).is_some_and(|due| due <= clock::mono()) {
            self.happened(Event::DeadlinePassed, None).await;
        } else if self.dirty {
            self.settle().await;
        }
    }

    /// Programs come and go with the host's systems: they are looked for whenever the host is.
    fn look_for_programs(&mut self) {
        let missing = self.executor.missing_programs();
        for warning in missing.iter().filter(|warning| !self.missing.contains(warning)) {
            tracing::warn!("{warning}");
        }
        self.missing = missing;
    }

    /// One event: decide, save, start.
    pub(super) async fn happened(&mut self, event: Event, reply: Option<Reply>) {
        if brings_the_host(&event) {
            self.look_for_programs();
        }
        let policy = self.policy();
        journal::event(&event);
        let before = self.state.saved.clone();
        let step = decide(&policy, std::mem::take(&mut self.state), clock::now(), event);
        self.state = step.state;
        self.dirty |= self.state.saved != before;
        journal::progress(&before, &self.state.saved);
        for command in step.commands {
            // While nothing can be saved, looks are given up and wanted again: only the last of each kind is of use.
            if command.is_look() {
                let kind = std::mem::discriminant(&command);
                self.waiting.retain(|waiting| std::mem::discriminant(waiting) != kind);
            }
            self.waiting.push(command);
        }
        self.replies.extend(reply);
        self.settle().await;
    }

    /// Saves what is unsaved, then starts what waited for that. While a save fails nothing is started.
    async fn settle(&mut self) {
        if self.dirty {
            self.save().await;
        }
        let outcome = match &self.save_error {
            None => Ok(()),
            Some(error) => Err(format!("{error}; it is tried again and takes effect then")),
        };
        for reply in self.replies.drain(..) {
            // A caller that hung up does not want to know.
            reply.send(outcome.clone()).ok();
        }
        if outcome.is_ok() {
            for command in std::mem::take(&mut self.waiting) {
                self.executor.start(command);
            }
        }
        self.show();
    }

    /// Writes on a thread of its own, so that a slow disk does not keep the readers waiting.
    async fn save(&mut self) {
        let Some(mut store) = self.store.take() else { return };
        let saved = self.state.saved.clone();
        let written = tokio::task::spawn_blocking(move || {
            let result = store.save(&saved);
            (store, result)
        })
        .await;
        let result = match written {
            Ok((store, result)) => {
                self.store = Some(store);
                result.map_err(|error| crate::error::chain(&error))
            }
            Err(error) => Err(format!("the writer of the state died: {error}")),
        };
        match result {
            Ok(()) => {
                if self.save_error.take().is_some() {
                    tracing::info!("the state is saved again");
                }
                self.dirty = false;
            }
            Err(error) => {
                tracing::error!(%error, "nothing is started until the state can be saved");
                self.save_error = Some(error);
            }
        }
    }

    /// Publishes what there is to see now.
    pub(super) fn show(&mut self) {
        let mut about = self.about.clone();
        if let Some(error) = &self.save_error {
            about.warnings.insert(0, format!("nothing is started: {error}"));
        }
        about.warnings.extend(self.reload_error.clone());
        about.warnings.extend(self.missing.iter().cloned());
        let mut status = view::status(&self.settings, &about, &self.state);
        if let Some(error) = &self.save_error {
            status.summary = format!("nothing is started until the state can be saved: {error}");
        }
        self.notify.status(&status.summary);
        let snapshot = Snapshot {
            settings: Arc::clone(&self.settings),
            status,
            state: self.state.clone(),
            forge: self.executor.forge_stats(),
        };
        self.shown.send_replace(Arc::new(snapshot));
    }

    async fn reload(&mut self) {
        self.notify.reloading();
        match self.renewed() {
            Ok((settings, executor)) => {
                let source_changed = settings.source.url != self.settings.source.url
                    || settings.source.branch != self.settings.source.branch;
                self.settings = settings;
                self.executor = executor;
                tracing::info!("the configuration was read anew");
                self.happened(Event::PolicyChanged { source_changed }, None).await;
            }
            Err(error) => {
                tracing::error!(%error, "the new configuration is bad; the old one stays in force");
                self.reload_error =
                    Some(format!("the configuration on disk is bad, the old one is in force: {error}"));
                self.show();
            }
        }
        self.notify.ready();
    }

    /// Reads the file; what is open already (sockets, state, logs) stays where it is.
    fn renewed(&mut self) -> Result<(Arc<Settings>, Executor), String> {
        let mut settings = settings::load(&self.config_file).map_err(|errors| errors.to_string())?;
        let moved = settings.state != self.settings.state;
        settings.state.clone_from(&self.settings.state);
        let settings = Arc::new(settings);
        let executor = self.executor.renewed(Arc::clone(&settings))?;
        self.reload_error =
            moved.then(|| "[state] was changed; that takes effect with the next start".to_owned());
        Ok((settings, executor))
    }
}

/// Whether the host was looked at anew, or what is wanted of it is new.
const fn brings_the_host(event: &Event) -> bool {
    match event {
        Event::Started { .. }
        | Event::PolicyChanged { .. }
        | Event::Polled { .. }
        | Event::Built { .. }
        | Event::Activated { .. }
        | Event::RolledBack { .. } => true,
        Event::DeadlinePassed
        | Event::Nudged { .. }
        | Event::Fetched { .. }
        | Event::Checked { .. }
        | Event::Probed { .. }
        | Event::PauseRequested { .. }
        | Event::ResumeRequested
        | Event::RetryRequested { .. }
        | Event::AcceptRequested { .. } => false,
    }
}
