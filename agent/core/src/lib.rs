//! The decisions of pull-agent. This crate never reads a clock, a file, a socket or a random number, and never waits:
//! everything that it knows is an argument, everything that it wants is a returned command.
//!
//! ```text
//! idle → gating → building → activating → confirming → idle
//!                                  └──────────┴──> rolling-back → idle
//! ```
//!
//! Reading order: [`Event`], [`Command`], [`State`], then `decide` (one turn), `follow` (the branch and the forge),
//! `deployment` (build, switch), `confirm`, `back`, `finish`, `operator`, and last [`Outbox`], by which all of it is driven.
#![no_std]

extern crate alloc;

mod answer;
mod back;
mod backoff;
mod command;
mod confirm;
mod decide;
mod deployment;
mod event;
mod finish;
mod follow;
mod holds;
mod id;
mod operator;
mod outbox;
mod policy;
pub mod saved;
mod state;
#[cfg(test)]
mod tests;
mod time;

pub use answer::{Answer, NotSaved, Refusal};
pub use command::Command;
pub use decide::deadline;
pub use event::{
    Ancestry, Check, Event, Evidence, Exit, FailureClass, Fetched, HostView, StepFailure, Verdict,
    VerdictKind,
};
pub use holds::held_by_history;
pub use id::{Attempt, DeploymentId, InvalidRevision, Revision, SystemPath};
pub use outbox::{Due, Outbox, Released, SAVE_AGAIN, Unsaved};
pub use policy::{OnUnhealthy, Policy};
pub use state::{
    Compared, Current, Deployed, Durations, Fetch, Gate, Hold, InFlight, OutcomeTotal, PHASE_BUCKETS, Pause,
    Phase, PhaseTotal, Poll, Record, Refused, Saved, Seen, State, Totals, Tries, Wanted, Work,
};
pub use time::{Millis, Mono, Now, Wall};
