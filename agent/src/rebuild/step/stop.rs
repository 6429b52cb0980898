//! Signals to a step process. SIGTERM and SIGINT end a build with everything that it started; an activation goes on. SIGHUP
//! never ends anything. They are handled, not ignored: an ignored signal would be ignored by the commands, too.

use std::collections::HashSet;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::Signals;

use crate::process::descendants;

/// A process that was asked to end has so long before it is killed.
const GRACE: Duration = Duration::from_secs(10);

/// Between two looks at who is left.
const LOOK: Duration = Duration::from_millis(20);

/// Whether the step was told to stop.
pub(super) struct Stop {
    asked: Arc<Mutex<bool>>,
}

impl Stop {
    /// Starts to listen for signals.
    pub(super) fn listen(stoppable: bool) -> io::Result<Self> {
        let mut signals = Signals::new([SIGHUP, SIGINT, SIGTERM])?;
        let asked = Arc::new(Mutex::new(false));
        let stop = Self { asked: Arc::clone(&asked) };
        std::thread::Builder::new().name("signals".to_owned()).spawn(move || {
            for signal in signals.forever() {
                if stoppable && signal != SIGHUP {
                    *lock(&asked) = true;
                    end_all();
                }
            }
        })?;
        Ok(stop)
    }

    /// One that hears no signal: those of the process are the tests' own.
    #[cfg(test)]
    pub(super) fn deaf() -> Self {
        Self { asked: Arc::default() }
    }

    /// Starts a command, unless the step was told to stop: who tells it so either comes before the start or sees the child.
    pub(super) fn unless_asked<T>(&self, start: impl FnOnce() -> T) -> Option<T> {
        let asked = lock(&self.asked);
        (!*asked).then(start)
    }

    /// Returns whether the step was told to stop; if so, once nobody is left of what it started.
    pub(super) fn finish(&self) -> bool {
        let asked = *lock(&self.asked);
        while asked && !descendants(own()).is_empty() {
            std::thread::sleep(LOOK);
        }
        asked
    }
}

/// Asks everybody below this process to end, those too who made a group or a session of their own; kills who does not.
fn end_all() {
    let mut asked = HashSet::new();
    let mut waited = Duration::ZERO;
    loop {
        let left = descendants(own());
        if left.is_empty() {
            return;
        }
        for process in left {
            let signal = if waited >= GRACE {
                Signal::SIGKILL
            } else if asked.insert(process) {
                Signal::SIGTERM
            } else {
                continue;
            };
            // It may have ended by itself since.
            kill(Pid::from_raw(process), signal).ok();
        }
        std::thread::sleep(LOOK);
        waited += LOOK;
    }
}

fn own() -> i32 {
    nix::unistd::getpid().as_raw()
}

fn lock(asked: &Mutex<bool>) -> MutexGuard<'_, bool> {
    asked.lock().unwrap_or_else(PoisonError::into_inner)
}
