//! The decisions of pull-agent. This crate never reads a clock, a file, a socket or a random number, and never waits:
//! everything that it knows is an argument, everything that it wants is a returned command.
//!
//! ```text
//! idle → gating → building → ready → activating → confirming → idle
//!                                        └───────────┴──> rolling-back → idle
//! ```
//!
//! Reading order: [`Event`], [`Command`], [`State`], then `decide` (one turn), `follow` (the lane of the branch and the
//! forge), `deploy` (the lane that touches the host), `ledger` (what both leave behind), `operator`, and
//! last [`Outbox`], by which all of it is driven.
#![no_std]

extern crate alloc;

mod answer;
mod backoff;
mod budget;
mod candidate;
mod cause;
mod command;
mod decide;
mod deploy;
mod event;
mod fate;
mod follow;
mod holds;
mod host;
mod id;
mod ledger;
mod operator;
mod outbox;
mod policy;
mod record;
pub mod saved;
mod state;
#[cfg(test)]
mod tests;
mod time;
mod verdict;

pub use answer::{Answer, NotSaved, Refusal};
pub use budget::Budget;
pub use candidate::{Candidate, Comparison, Tries, WhyRefused};
pub use cause::{Cause, Consequence, EndedBy, Probe, ProbeFailure, ReasonCode};
pub use command::{Baseline, Command, Operation};
pub use decide::deadline;
pub use deploy::{Built, Deployment, Phase, Wait, Work};
pub use event::{Ancestry, BelowTip, BuildEnd, Event, Exit, Fetched, GreenCommit};
pub use fate::{Fate, Kinship};
pub use follow::{Branch, Fetching, Gating, InFlight, LookingBack, Polling, Tried};
pub use holds::held_by_history;
pub use host::HostView;
pub use id::{DeploymentId, InvalidRevision, LookNumber, Revision, StepNumber, SystemPath};
pub use ledger::{Deployed, Hold, Ledger, Pause};
pub use outbox::{Due, Outbox, Outlives, Released, SAVE_AGAIN, Unsaved};
pub use policy::{OnUnhealthy, Policy};
pub use record::{Durations, OutcomeTotal, PHASE_BUCKETS, PhaseTotal, Record, Totals};
pub use state::{Saved, State};
pub use time::{Millis, Mono, Now, Wall};
pub use verdict::{Check, Evidence, Judged, Verdict, VerdictKind};
