//! What goes between the loop that owns the state and those who read it or want something of it: what it shows, and what
//! may be said to it. Loop and API know this, and not each other.

use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use pull_agent_core::{Answer, Event, State};
use pull_agent_protocol::Status;
use tokio::sync::oneshot;

use crate::checks::ForgeStats;
use crate::settings::Settings;

/// The state after one turn of the loop, as every reader sees it.
#[derive(Clone, Debug)]
pub struct Snapshot {
    /// The settings in force.
    pub settings: Arc<Settings>,
    /// The document of `GET /v1/status`, without progress.
    pub status: Status,
    /// What the document was made from.
    pub state: State,
    /// Counters of the forge's driver.
    pub forge: ForgeStats,
    /// Whether the forge has a head of the branch that the remote has not shown for too long.
    pub remote_frozen: bool,
}

/// Somebody who wants to know what became of a change.
pub type Caller = oneshot::Sender<Answer>;

/// Something said to the loop from outside.
#[derive(Debug)]
#[expect(missing_docs, reason = "the names say it")]
pub struct Input {
    pub event: Event,
    /// Answered once the state that follows is on disk, or when it could not be written.
    pub caller: Option<Caller>,
}

/// Counters that begin anew with each process.
#[derive(Debug, Default)]
pub struct Counters {
    /// Nudges that were answered 202.
    pub nudges_accepted: AtomicU64,
    /// Nudges whose body was no nudge.
    pub nudges_invalid: AtomicU64,
}
