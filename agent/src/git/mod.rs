//! The git remote: asks for the tip of one branch, and brings revisions into the agent's own clone. Never decides what
//! is deployed, never runs in-process what cannot be interrupted: over http(s) a poll is one request on a kept
//! connection, and everything else is gitoxide in a short-lived child of the same program that is killed at its
//! deadline. Nothing outside of this module knows gitoxide.
//!
//! The clone lies in `<repository>/.git` without files of a work tree, shallow: that layout is read in place by
//! `git+file://<repository>?ref=refs/heads/<branch>&rev=<revision>&shallow=1`.

mod below;
mod child;
mod clone;
mod credentials;
mod fetch;
mod gix_error;
mod moved;
mod poll;
mod prove;
mod remote;
mod serve;
mod trust;

pub use below::below_tip;
pub use child::{Below, ChildError, Failure};
pub use clone::{CloneError, is_ancestor, sweep};
pub use credentials::CredentialError;
pub use fetch::{FetchError, fetch};
pub use moved::Moved;
pub use poll::{POLL_TIMEOUT, PollError, Poller};
pub use prove::prove;
pub use serve::child_main;
