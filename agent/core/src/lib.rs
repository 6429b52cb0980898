//! The decisions of pull-agent. This crate never reads a clock, a file, a socket or a random number, and never waits:
//! everything that it knows is an argument, everything that it wants is a returned command.
#![no_std]

extern crate alloc;

mod command;
mod event;
mod id;
mod time;

pub use command::Command;
pub use event::{
    Ancestry, Check, Event, Evidence, Exit, FailureClass, Fetched, HostView, StepFailure, Verdict,
    VerdictKind,
};
pub use id::{Attempt, DeploymentId, InvalidRevision, Revision, SystemPath};
pub use time::{Millis, Mono, Now, Wall};
