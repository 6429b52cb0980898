//! The signals of the daemon: SIGTERM and SIGINT stop it, SIGHUP reads the configuration anew, SIGUSR1 polls now.

use std::io;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use futures_util::StreamExt;
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM, SIGUSR1};
use signal_hook::flag;
use signal_hook_tokio::Signals;

/// Exit code of a process that a second SIGTERM or SIGINT ended (sysexits.h has no better one than EX_SOFTWARE).
const SECOND_SIGNAL: i32 = 70;

/// What a signal asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Asked {
    Stop,
    Reload,
    Poll,
}

/// The stream of what signals ask for.
pub(crate) struct Asks(Signals);

impl Asks {
    /// Registers the signals. The order matters: the first SIGTERM arms the shutdown that the second one carries out, even
    /// when the loop hangs.
    pub(crate) fn new() -> io::Result<Self> {
        let armed = Arc::new(AtomicBool::new(false));
        for signal in [SIGTERM, SIGINT] {
            flag::register_conditional_shutdown(signal, SECOND_SIGNAL, Arc::clone(&armed))?;
            flag::register(signal, Arc::clone(&armed))?;
        }
        Ok(Self(Signals::new([SIGTERM, SIGINT, SIGHUP, SIGUSR1])?))
    }

    /// Waits for the next one.
    pub(crate) async fn next(&mut self) -> Asked {
        match self.0.next().await {
            Some(SIGHUP) => Asked::Reload,
            Some(SIGUSR1) => Asked::Poll,
            // The stream ends only when its handle is closed, which nobody does; then stopping is the safe reading.
            Some(_) | None => Asked::Stop,
        }
    }
}
