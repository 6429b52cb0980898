//! The service manager's end of `NOTIFY_SOCKET` (sd_notify(3)).

use std::os::unix::net::UnixDatagram;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::PATIENCE;

/// Hears what a service says.
#[derive(Debug)]
pub struct ServiceManager {
    socket: UnixDatagram,
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
        Self { socket, path }
    }

    /// Value of `NOTIFY_SOCKET`.
    #[must_use]
    pub fn address(&self) -> String {
        self.path.display().to_string()
    }

    /// The next message within this time, its lines; none when nothing comes.
    ///
    /// # Panics
    /// When the socket is broken.
    #[must_use]
    pub fn next_within(&self, time: Duration) -> Option<Vec<String>> {
        self.socket.set_read_timeout(Some(time)).expect("a time that is not zero");
        let mut buffer = [0; 4096];
        let length = self.socket.recv(&mut buffer).ok()?;
        Some(String::from_utf8_lossy(&buffer[..length]).lines().map(str::to_owned).collect())
    }

    /// Waits for a message with a line that begins so, and returns the whole message.
    ///
    /// # Panics
    /// When none comes.
    #[track_caller]
    #[must_use]
    pub fn wait_for(&self, beginning: &str) -> Vec<String> {
        let begin = std::time::Instant::now();
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

    /// Forgets what was said until now.
    pub fn forget(&self) {
        while self.next_within(Duration::from_millis(1)).is_some() {}
    }
}
