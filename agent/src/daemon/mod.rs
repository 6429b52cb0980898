//! The daemon: the loop that owns the state, and what carries its commands out. Reading order: `parts` (what the loop works
//! with), `host_loop`, `executor`, `start`.

mod executor;
mod frozen;
mod gate;
mod host_loop;
mod journal;
mod notify;
mod parts;
mod paths;
mod start;

pub use start::{RunError, run};
