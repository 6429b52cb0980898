//! Starting programs: short ones to their end, servers until they are dropped.

use std::net::{Ipv4Addr, TcpListener};
use std::process::{Child, Command};

/// Runs a command to its end and returns its standard output, trimmed.
///
/// # Panics
/// When it cannot be started (is its package installed?) or does not exit with 0.
pub fn run(command: &mut Command) -> String {
    let output = command.output().unwrap_or_else(|error| {
        panic!("{command:?} cannot be started: {error}; tests/git/setup.sh installs what is needed")
    });
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?}: {}\n{error}", output.status);
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}

/// Returns a listening socket on a free port of 127.0.0.1. Servers get the socket itself, never just its number, so
/// that nothing else can take the port in between.
///
/// # Panics
/// When there is none.
#[must_use]
pub fn free_listener() -> TcpListener {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port on 127.0.0.1")
}

/// Returns the port of a listening socket.
pub(crate) fn port(listener: &TcpListener) -> u16 {
    listener.local_addr().expect("a bound socket has an address").port()
}

/// A server process that is killed on drop.
#[derive(Debug)]
pub(crate) struct Server(pub(crate) Child);

impl Server {
    pub(crate) fn start(command: &mut Command) -> Self {
        Self(command.spawn().unwrap_or_else(|error| {
            panic!("{command:?} cannot be started: {error}; tests/git/setup.sh installs what is needed")
        }))
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Gone already is as good.
        drop(self.0.kill());
        drop(self.0.wait());
    }
}
