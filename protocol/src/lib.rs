//! The wire types of pull-agent: what the daemon answers and accepts over its sockets, for `agentctl`, the nudge from CI
//! and other people's programs. This crate never does input or output and never decides anything.
//!
//! Fields are only ever added. A reader ignores fields that it does not know; [`VERSION`] changes only when that would
//! break it. Times are RFC 3339 in UTC, durations seconds, absent things `null`.

#![no_std]

extern crate alloc;

mod deployment;
mod problem;
mod request;
mod revision;
mod status;

pub use deployment::{Deployment, Deployments, Durations, Outcome, Trigger};
pub use problem::{PROBLEM_CONTENT_TYPE, Problem};
pub use request::{AcceptRequest, NudgeAnswer, NudgeRequest, PauseRequest, RetryRequest};
pub use revision::{RevisionAnswer, RevisionState};
pub use status::{
    Agent, BuildProgress, Check, Current, Gate, Hold, OlderCandidate, Paused, Phase, Progress, Refused,
    RefusedFor, Running, Source, Status, Wanted,
};

/// The `version` of every document of this crate.
pub const VERSION: u32 = 1;

/// Where the daemon listens when nothing else is configured.
pub const DEFAULT_SOCKET: &str = "/run/pull-agent/agent.sock";

/// File name of the socket for what changes things; it lies beside the one of [`DEFAULT_SOCKET`].
pub const CONTROL_SOCKET_NAME: &str = "control.sock";

/// Port of the tailnet listener where an address names none.
pub const DEFAULT_PORT: u16 = 7319;
