//! The loop: one event, one decision, one save, then the commands. One task owns the state; nobody locks.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use pull_agent_core::{Due, Event, Mono, Outbox, Policy, Released, Revision, Unsaved, deadline};
use tokio::sync::{mpsc, watch};

use super::journal::{self, Journal};
use super::notify::Notify;
use super::parts::{Drivers, StateWriter};
use crate::channels::{Caller, Input, Snapshot};
use crate::clock;
use crate::settings::{self, Settings};
use crate::signals::{Asked, Asks};
use crate::view::{self, About};

pub(super) struct Loop<S, D> {
    pub(super) config_file: PathBuf,
    pub(super) settings: Arc<Settings>,
    /// Whether systemd runs this machine.
    pub(super) systemd: bool,
    pub(super) about: About,
    /// The state, and what waits for it to be on disk.
    pub(super) outbox: Outbox<Caller>,
    pub(super) journal: Journal,
    /// None while it writes, and for good when a writer died with it.
    pub(super) store: Option<S>,
    pub(super) executor: D,
    pub(super) notify: Notify,
    pub(super) answers: mpsc::Receiver<Event>,
    pub(super) inputs: mpsc::Receiver<Input>,
    pub(super) shown: watch::Sender<Arc<Snapshot>>,
    pub(super) reload_error: Option<String>,
    /// Warnings about programs of `health.commands`.
    pub(super) missing: Vec<String>,
}

impl<S: StateWriter, D: Drivers> Loop<S, D> {
    /// Turns until a signal asks for the end. Returns what may have last words to say.
    pub(super) async fn turn(mut self, mut asks: Asks) -> Notify {
        loop {
            self.notify.alive();
            let wake = self.next_wake(clock::mono());
            tokio::select! {
                biased;
                asked = asks.next() => match asked {
                    Asked::Stop => break,
                    Asked::Reload => self.reload().await,
                    Asked::Poll => self.happened(Event::Nudged { revision: None }, None).await,
                },
                Some(event) = self.answers.recv() => self.happened(event, None).await,
                Some(input) = self.inputs.recv() => self.happened(input.event, input.caller).await,
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

    fn save_again(&self) -> Option<Duration> {
        self.outbox.save_again().map(|delay| Duration::from_millis(delay.0))
    }

    /// How long the loop may sleep: to the next deadline, the next try to save or the next sign of life.
    fn next_wake(&self, now: Mono) -> Duration {
        let period = self.notify.period();
        let due = deadline(&self.policy(), self.outbox.state(), clock::now());
        let due = due.map(|due| Duration::from_millis(due.since(now).0));
        match self.save_again() {
            None => due.unwrap_or(period).min(period),
            Some(again) => {
                let most = period.min(again);
                // A deadline that is due at once while the disk is full must not make the loop spin.
                let least = again / 4;
                due.unwrap_or(most).clamp(least, most.max(least))
            }
        }
    }

    async fn woke(&mut self) {
        if deadline(&self.policy(), self.outbox.state(), clock::now()).is_some_and(|due| due <= clock::mono())
        {
            self.happened(Event::DeadlinePassed, None).await;
        } else if self.outbox.save_again().is_some() {
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
    pub(super) async fn happened(&mut self, event: Event, caller: Option<Caller>) {
        if brings_the_host(&event) {
            self.look_for_programs();
        }
        journal::event(&event);
        let policy = self.policy();
        self.outbox.decide(&policy, clock::now(), event, caller);
        self.journal.progress(self.outbox.state());
        self.settle().await;
    }

    /// Saves what is unsaved, then answers and starts what may leave.
    async fn settle(&mut self) {
        let released = match self.outbox.due() {
            Due::Start(released) => released,
            Due::Save(unsaved) => self.save(unsaved).await,
        };
        // Before the answers: who is told that something is done finds it in the status.
        self.show();
        for (caller, answer) in released.answers {
            // A caller that hung up does not want to know.
            caller.send(answer).ok();
        }
        for command in released.commands {
            self.executor.start(command);
        }
    }

    /// Returns what may leave after this save, or after its failure.
    async fn save(&mut self, unsaved: Unsaved<Caller>) -> Released<Caller> {
        match self.write(&unsaved).await {
            Ok(()) => {
                if self.outbox.error().is_some() {
                    tracing::info!("the state is saved again");
                }
                self.outbox.saved(unsaved)
            }
            Err(error) => {
                tracing::error!(%error, "nothing is started until the state can be saved");
                Released { commands: Vec::new(), answers: self.outbox.failed(unsaved, error) }
            }
        }
    }

    /// Writes on a thread of its own, so that a slow disk does not keep the readers waiting.
    async fn write(&mut self, unsaved: &Unsaved<Caller>) -> Result<(), String> {
        let Some(mut store) = self.store.take() else {
            return Err(
                "the writer of the state died; only a restart of the agent brings another one".to_owned()
            );
        };
        let (saved, outlives) = (Arc::clone(unsaved.saved()), unsaved.outlives());
        let written = tokio::task::spawn_blocking(move || {
            let result = store.save(&saved, outlives);
            (store, result)
        })
        .await;
        let (store, result) = written.map_err(|error| format!("the writer of the state died: {error}"))?;
        self.store = Some(store);
        result
    }

    /// Publishes what there is to see now.
    pub(super) fn show(&mut self) {
        let mut about = self.about.clone();
        if let Some(error) = self.outbox.error() {
            about.warnings.insert(0, format!("nothing is started: {error}"));
        }
        about.warnings.extend(self.reload_error.clone());
        about.warnings.extend(self.missing.iter().cloned());
        about.warnings.extend(self.executor.moved_to().map(|to| {
            format!("the repository has moved to {to}; set source.url to that, as the redirect may end")
        }));
        let head = self.executor.head_not_shown();
        about.warnings.extend(head.as_ref().map(|head| self.frozen(head)));
        let mut status = view::status(&self.settings, &about, self.outbox.state());
        if let Some(error) = self.outbox.error() {
            status.summary = format!("nothing is started until the state can be saved: {error}");
        }
        self.notify.status(&status.summary);
        let snapshot = Snapshot {
            settings: Arc::clone(&self.settings),
            status,
            state: self.outbox.state().clone(),
            forge: self.executor.forge_stats(),
            remote_frozen: head.is_some(),
        };
        self.shown.send_replace(Arc::new(snapshot));
    }

    fn frozen(&self, head: &Revision) -> String {
        let source = &self.settings.source;
        format!(
            "the remote stands still: the forge has {} at {head}, which {} has not shown for 15 minutes or more; nothing of it is \
             deployed until it does: look at how it is mirrored",
            source.branch, source.url
        )
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
                self.reload_error = Some(pull_agent_text::sentence(&format!(
                    "the configuration on disk is bad, the old one is in force: {error}"
                )));
                self.show();
            }
        }
        self.notify.ready();
    }

    /// Reads the file; what is open already (sockets, state, logs) stays where it is.
    fn renewed(&mut self) -> Result<(Arc<Settings>, D), String> {
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
        | Event::CheckedAgain { .. }
        | Event::Built { .. }
        | Event::Activated { .. } => true,
        Event::DeadlinePassed
        | Event::Nudged { .. }
        | Event::Fetched { .. }
        | Event::Checked { .. }
        | Event::LookedBack { .. }
        | Event::Probed { .. }
        | Event::PauseRequested { .. }
        | Event::ResumeRequested
        | Event::RetryRequested { .. }
        | Event::AcceptRequested { .. } => false,
    }
}

#[cfg(test)]
mod tests;
