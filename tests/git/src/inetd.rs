//! Accepts connections and starts one process for each, as inetd(8) did: servers get a connection, never a port that
//! somebody else might have taken.

use std::net::TcpStream;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;

use crate::process::{free_listener, port};

/// The accepting thread.
#[derive(Debug)]
pub(crate) struct Inetd {
    port: u16,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Inetd {
    /// Calls `command` for each connection and runs what it returns.
    pub(crate) fn start(command: impl Fn(&TcpStream) -> Option<Command> + Send + 'static) -> Self {
        let listener = free_listener();
        let port = port(&listener);
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = Arc::clone(&stop);
        let thread = std::thread::spawn(move || {
            for connection in listener.incoming().flatten() {
                if stopped.load(Ordering::SeqCst) {
                    return;
                }
                let Some(mut command) = command(&connection) else { continue };
                std::thread::spawn(move || {
                    let ended = command.status();
                    drop((command, connection));
                    if let Err(error) = ended {
                        panic!("a server process cannot be started: {error}; is its package installed?");
                    }
                });
            }
        });
        Self { port, stop, thread: Some(thread) }
    }

    pub(crate) const fn port(&self) -> u16 {
        self.port
    }
}

impl Drop for Inetd {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::SeqCst);
        // One more connection wakes the thread.
        drop(TcpStream::connect(("127.0.0.1", self.port)));
        if let Some(thread) = self.thread.take() {
            drop(thread.join());
        }
    }
}
