//! What is held, when only the history can tell.

use alloc::vec::Vec;

use pull_agent_protocol::Outcome;

use crate::cause::{self, Cause, Consequence};
use crate::ledger::Hold;
use crate::policy::HARD_TRIES;
use crate::record::Record;
use crate::state::Saved;

/// Returns the holds that follow from how the deployments in the history ended: for when the list of what is held is lost.
/// It rather holds too much: what the operator wanted tried again just before is held too.
#[must_use]
pub fn held_by_history(saved: &Saved) -> Vec<Hold> {
    let mut held: Vec<Hold> = Vec::new();
    let mut hard: Vec<&Record> = Vec::new();
    for record in saved.ledger.history.iter() {
        let consequence = record.cause.as_ref().map_or(Consequence::Hold, Cause::consequence);
        let ill = match (record.outcome, consequence) {
            (Outcome::Deployed | Outcome::Degraded | Outcome::Unchanged, _) => {
                // Which of the others it descended from the history does not tell. The next one that is confirmed ends theirs.
                held.retain(|hold| hold.revision != record.revision);
                hard.retain(|other| other.revision != record.revision);
                continue;
            }
            (Outcome::Superseded, _) | (Outcome::Failed, Consequence::TryAgain) => continue,
            (Outcome::RolledBack | Outcome::Broken, _) | (Outcome::Failed, Consequence::Hold) => true,
            (Outcome::Failed, Consequence::TryTwice) => {
                hard.push(record);
                let failures = hard.iter().filter(|other| other.revision == record.revision).count();
                failures >= HARD_TRIES as usize
            }
        };
        if ill {
            held.retain(|hold| hold.revision != record.revision);
            held.push(Hold::of(record));
        }
    }
    // As long as its failures are counted it is not held, and what is being deployed is not either.
    held.retain(|hold| {
        let tip = saved.branch.tip.as_ref().filter(|tip| tip.revision == hold.revision);
        let counted = tip.is_some_and(|tip| tip.tries.count() > 0);
        let under_way =
            saved.deployment.as_ref().is_some_and(|current| current.candidate.revision == hold.revision);
        !counted && !under_way
    });
    held
}

impl Hold {
    /// The hold that follows from how this deployment ended.
    pub(crate) fn of(record: &Record) -> Self {
        Self {
            revision: record.revision.clone(),
            reason: cause::of_hold(record.outcome, record.cause.as_ref()),
            code: record.cause.as_ref().and_then(Cause::code),
            since: record.finished_at,
        }
    }
}
