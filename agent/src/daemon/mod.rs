//! The daemon: the loop that owns the state, and what carries its commands out.

mod executor;
mod host_loop;
mod journal;
mod notify;
mod paths;
mod start;

pub use start::{RunError, run};
