//! What differs between two states, by name.

use alloc::vec::Vec;

use crate::State;

/// Names of the parts that differ.
pub(super) fn changed(before: &State, after: &State) -> Vec<&'static str> {
    let (old, new) = (&before.ledger, &after.ledger);
    let (branch, other) = (before.follow.branch(), after.follow.branch());
    let fields = [
        ("next_deployment", old.next_deployment != new.next_deployment),
        ("next_step", old.next_step != new.next_step),
        ("deployed", old.deployed != new.deployed),
        ("deployment", before.deployment() != after.deployment()),
        ("wanted", before.wanted() != after.wanted()),
        ("behind_since", branch.behind_since != other.behind_since),
        ("leave", branch.leave != other.leave),
        ("not_green_since", branch.not_green_since != other.not_green_since),
        ("older", before.older() != after.older()),
        ("look_back", before.follow.looking_back() != after.follow.looking_back()),
        ("tried", branch.tried != other.tried),
        ("held", old.held != new.held),
        ("paused", old.paused != new.paused),
        ("history", old.history != new.history),
        ("totals", old.totals != new.totals),
        ("host", before.host != after.host),
        ("poll", before.poll() != after.poll()),
        ("fetch", before.fetch() != after.fetch()),
        ("gate", before.gate() != after.gate()),
        ("work", before.work() != after.work()),
        ("shown", before.shown != after.shown),
        ("pause_ends", before.pause_ends != after.pause_ends),
    ];
    let changed: Vec<_> = fields.into_iter().filter(|(_, changed)| *changed).map(|(name, _)| name).collect();
    let nothing = before.saved() == after.saved();
    assert_eq!(after.is_saved_as(&before.saved()), nothing, "the comparison without a copy is the same");
    changed
}
