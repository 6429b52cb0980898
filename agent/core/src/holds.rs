//! What is held, when only the history can tell.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use pull_agent_protocol::Outcome;

use crate::event::FailureClass;
use crate::policy::HARD_TRIES;
use crate::state::{Hold, Record, Saved};

/// Returns the holds that follow from how the deployments in the history ended: for when the list of what is held is lost.
/// It rather holds too much: what the operator wanted tried again just before is held too.
#[must_use]
pub fn held_by_history(saved: &Saved) -> Vec<Hold> {
    let mut held: Vec<Hold> = Vec::new();
    let mut hard: Vec<&Record> = Vec::new();
    for record in &saved.history {
        let ill = match (record.outcome, record.class) {
            (Outcome::Deployed | Outcome::Degraded | Outcome::Unchanged, _) => {
                // Every older revision is refused from now on.
                held.clear();
                hard.clear();
                continue;
            }
            (Outcome::Superseded, _)
            | (Outcome::Failed, Some(FailureClass::Transient | FailureClass::Cancelled)) => continue,
            (Outcome::RolledBack | Outcome::Broken, _)
            | (Outcome::Failed, Some(FailureClass::Deterministic | FailureClass::Unclassified) | None) => {
                true
            }
            (
                Outcome::Failed,
                Some(
                    FailureClass::Stalled
                    | FailureClass::TimedOut
                    | FailureClass::OutOfMemory
                    | FailureClass::Killed,
                ),
            ) => {
                hard.push(record);
                let failures = hard.iter().filter(|other| other.revision == record.revision).count();
                failures >= HARD_TRIES as usize
            }
        };
        if ill {
            held.retain(|hold| hold.revision != record.revision);
            held.push(Hold {
                revision: record.revision.clone(),
                reason: sentence(record.outcome, record.reason.as_deref()),
                since: record.finished_at,
            });
        }
    }
    // As long as its failures are counted it is not held, and what is being deployed is not either.
    held.retain(|hold| {
        let counted = saved.tries.as_ref().is_some_and(|tries| tries.revision == hold.revision);
        let under_way = saved.current.as_ref().is_some_and(|current| current.revision == hold.revision);
        !counted && !under_way
    });
    held
}

/// Why a revision is held whose deployment ended like this.
pub(crate) fn sentence(outcome: Outcome, cause: Option<&str>) -> String {
    let cause = cause.unwrap_or("no reason is known");
    match outcome {
        Outcome::RolledBack => format!("rolled back: {cause}"),
        Outcome::Broken => format!("the way back failed: {cause}"),
        Outcome::Failed => format!("failed: {cause}"),
        Outcome::Deployed | Outcome::Degraded | Outcome::Unchanged | Outcome::Superseded => cause.into(),
    }
}
