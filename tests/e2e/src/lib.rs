//! Harness of the end-to-end tests: one [`World`] is a host without Nix (`tests/world`), a repository, a stand-in of the
//! forge and a configuration; an [`Agent`] is the real `pull-agent run` on it, seen through its sockets and files alone.
//!
//! Everything here panics on failure, with what the agent said last: it is for tests alone. Nothing asserts on times; what
//! must not happen is told by what happens after it, never by waiting for it.

mod agent;
mod client;
mod config;
mod forge;
mod notify;
mod programs;
mod repository;
mod world;

pub use agent::Agent;
pub use client::{Answer, Client};
pub use config::Config;
pub use notify::ServiceManager;
pub use programs::{agentctl, pull_agent};
pub use repository::Repository;
pub use world::{CHECK, HOST, REPOSITORY, World};

use std::time::{Duration, Instant};

/// How long something that must happen is waited for. Far more than it takes on a busy machine: a test that fails here has
/// found something that does not happen at all.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// Looks again and again until there is something; none when [`PATIENCE`] is over.
pub fn eventually<T>(mut look: impl FnMut() -> Option<T>) -> Option<T> {
    let begin = Instant::now();
    loop {
        if let Some(found) = look() {
            return Some(found);
        }
        if begin.elapsed() > PATIENCE {
            return None;
        }
        std::thread::sleep(Duration::from_millis(20));
    }
}
