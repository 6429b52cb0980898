//! The service manager's end of `NOTIFY_SOCKET` (sd_notify(3)).

use std::os::unix::net::UnixDatagram;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use crate::PATIENCE;

/// Hears what a service says. Reads all the time, as systemd does: a service that talks to nobody's ear would have to wait.
#[derive(Debug)]
pub struct ServiceManager {
    heard: Receiver<Vec<String>>,
    path: PathBuf,
}

impl ServiceManager {
    /// Listens on a socket in this folder.
    ///
    /// # Panics
    /// When it cannot be bound.
    #[must_use]
    pub fn listen(folder: &Path) -> Self {
        let path = folder.join("notify.sock");
        let socket = UnixDatagram::bind(&path).expect("a new socket");
        let (sender, heard) = channel();
        std::thread::spawn(move || {
            let mut buffer = [0; 4096];
            while let Ok(length) = socket.recv(&mut buffer) {
                let text = String::from_utf8_lossy(&buffer[..length]);
                if sender.send(text.lines().map(str::to_owned).collect()).is_err() {
                    return;
                }
            }
        });
        Self { heard, path }
    }

    /// Opens a socket in this folder from which nobody reads, and into which nothing fits any more.
    ///
    /// # Panics
    /// When it cannot be bound or filled.
    #[must_use]
    pub fn deaf(folder: &Path) -> UnixDatagram {
        let path = folder.join("notify.sock");
        let socket = UnixDatagram::bind(&path).expect("a new socket");
        let sender = UnixDatagram::unbound().expect("a socket");
        sender.set_nonblocking(true).expect("a socket can be made so");
        while sender.send_to(b"X_FULL=1", &path).is_ok() {}
        socket
    }

    /// Value of `NOTIFY_SOCKET`.
    #[must_use]
    pub fn address(&self) -> String {
        self.path.display().to_string()
    }

    /// The next message within this time, its lines; none when nothing comes.
    #[must_use]
    pub fn next_within(&self, time: Duration) -> Option<Vec<String>> {
        self.heard.recv_timeout(time).ok()
    }

    /// Waits for a message with a line that begins so, and returns the whole message.
    ///
    /// # Panics
    /// When none comes.
    #[track_caller]
    #[must_use]
    pub fn wait_for(&self, beginning: &str) -> Vec<String> {
        let begin = Instant::now();
        let mut heard = Vec::new();
        while begin.elapsed() < PATIENCE {
            if let Some(message) = self.next_within(Duration::from_secs(1)) {
                if message.iter().any(|line| line.starts_with(beginning)) {
                    return message;
                }
                heard.push(message);
            }
        }
        panic!("no {beginning:?} in {heard:?}")
    }
}
