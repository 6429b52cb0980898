//! The daemon: the loop that owns the state, and what carries its commands out.

mod executor;
mod host_loop;
mod notify;
mod paths;
mod snapshot;
mod start;

pub use snapshot::{Counters, Input, Snapshot};
pub use start::{RunError, run};
