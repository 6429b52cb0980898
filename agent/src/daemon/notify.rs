//! What systemd is told: readiness, the sentence of the status, signs of life (sd_notify(3)). A thread of its own tells it,
//! for a service manager that does not read must not stop the loop.

use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use sd_notify::NotifyState;

use crate::text;

/// Words that wait for a service manager that does not read; further ones are dropped.
const QUEUE: usize = 64;
/// How long the end of the process waits for the last words to be read.
const LAST_WORDS: Duration = Duration::from_secs(1);
const LOOK_AGAIN: Duration = Duration::from_millis(5);

/// The line to the service manager; without `NOTIFY_SOCKET` every word is dropped.
#[derive(Debug)]
pub(super) struct Notify {
    watchdog: Option<Duration>,
    status: String,
    words: SyncSender<Word>,
    teller: JoinHandle<()>,
}

#[derive(Debug, PartialEq, Eq)]
enum Word {
    Ready,
    Status(String),
    Alive,
    Reloading,
    Stopping,
}

impl Word {
    /// A status is one line: the protocol reads every further one as an assignment, `MAINPID=1` for example. Whoever wrote
    /// the sentence should have seen to that; this is the last door.
    fn status(sentence: &str) -> Self {
        Self::Status(text::sentence(sentence))
    }
}

impl Notify {
    pub(super) fn new() -> std::io::Result<Self> {
        let (words, waiting) = sync_channel(QUEUE);
        let teller = std::thread::Builder::new().name("notify".to_owned()).spawn(move || tell(&waiting))?;
        Ok(Self { watchdog: sd_notify::watchdog_enabled(), status: String::new(), words, teller })
    }

    /// How often the loop must turn, so that two turns fit into the watchdog's time.
    pub(super) fn period(&self) -> Duration {
        self.watchdog.map_or(Duration::from_secs(60), |watchdog| watchdog / 2)
    }

    pub(super) fn ready(&self) {
        self.say(Word::Ready);
    }

    /// Announces that the configuration is read anew; [`Self::ready`] ends it.
    pub(super) fn reloading(&self) {
        self.say(Word::Reloading);
    }

    /// One sign of life; only the loop calls this, once a turn.
    pub(super) fn alive(&self) {
        if self.watchdog.is_some() {
            self.say(Word::Alive);
        }
    }

    /// Sets `STATUS=`, when it is another sentence than the last.
    pub(super) fn status(&mut self, sentence: &str) {
        if self.status != sentence && self.say(Word::status(sentence)) {
            sentence.clone_into(&mut self.status);
        }
    }

    pub(super) fn stopping(&self) {
        self.say(Word::Stopping);
    }

    /// Waits until everything is told, but not for long.
    pub(super) fn finish(self) {
        let Self { words, teller, .. } = self;
        drop(words);
        let begin = Instant::now();
        while !teller.is_finished() && begin.elapsed() < LAST_WORDS {
            std::thread::sleep(LOOK_AGAIN);
        }
    }

    /// Says a word, unless too many of them wait.
    fn say(&self, word: Word) -> bool {
        match self.words.try_send(word) {
            Ok(()) => true,
            Err(TrySendError::Full(word) | TrySendError::Disconnected(word)) => {
                tracing::debug!(?word, "the service manager does not read what it is told");
                false
            }
        }
    }
}

/// Tells words in their order, until nobody can say another one.
fn tell(waiting: &Receiver<Word>) {
    for word in waiting {
        let told = match &word {
            Word::Ready => sd_notify::notify(&[NotifyState::Ready]),
            Word::Status(sentence) => sd_notify::notify(&[NotifyState::Status(sentence)]),
            Word::Alive => sd_notify::notify(&[NotifyState::Watchdog]),
            Word::Reloading => NotifyState::monotonic_usec_now()
                .and_then(|now| sd_notify::notify(&[NotifyState::Reloading, now])),
            Word::Stopping => sd_notify::notify(&[NotifyState::Stopping]),
        };
        if let Err(error) = told {
            tracing::warn!(%error, ?word, "the service manager could not be told");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_status_is_no_assignment() {
        for end in ["\n", "\r\n", "\u{85}", "\u{2028}"] {
            let word = Word::status(&format!("check build ended in failure{end}MAINPID=1\0"));
            assert_eq!(word, Word::Status("check build ended in failure MAINPID=1".to_owned()));
        }
    }
}
