//! What systemd is told: readiness, the sentence of the status, signs of life (sd_notify(3)).

use std::time::Duration;

use sd_notify::NotifyState;

/// The line to the service manager; without `NOTIFY_SOCKET` every word is dropped.
#[derive(Debug)]
pub(super) struct Notify {
    watchdog: Option<Duration>,
    status: String,
}

impl Notify {
    pub(super) fn new() -> Self {
        Self { watchdog: sd_notify::watchdog_enabled(), status: String::new() }
    }

    /// How often the loop must turn, so that two turns fit into the watchdog's time.
    pub(super) fn period(&self) -> Duration {
        self.watchdog.map_or(Duration::from_secs(60), |watchdog| watchdog / 2)
    }

    pub(super) fn ready(&self) {
        send(&[NotifyState::Ready]);
    }

    pub(super) fn stopping(&self) {
        send(&[NotifyState::Stopping]);
    }

    /// Announces that the configuration is read anew; [`Self::ready`] ends it.
    pub(super) fn reloading(&self) {
        match NotifyState::monotonic_usec_now() {
            Ok(now) => send(&[NotifyState::Reloading, now]),
            Err(error) => tracing::warn!(%error, "the service manager was not told of the reload"),
        }
    }

    /// One sign of life; only the loop calls this, once a turn.
    pub(super) fn alive(&self) {
        if self.watchdog.is_some() {
            send(&[NotifyState::Watchdog]);
        }
    }

    /// Sets `STATUS=`, when it is another sentence than the last.
    pub(super) fn status(&mut self, sentence: &str) {
        if self.status != sentence {
            send(&[NotifyState::Status(sentence)]);
            sentence.clone_into(&mut self.status);
        }
    }
}

fn send(words: &[NotifyState<'_>]) {
    if let Err(error) = sd_notify::notify(words) {
        tracing::warn!(%error, "the service manager could not be told");
    }
}
