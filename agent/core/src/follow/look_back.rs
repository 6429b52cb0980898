//! Looks below a tip that is not green: the newest green commit on its first-parent line is deployed in its stead, so that
//! neither a busy branch nor a commit without checks on top starves the host.

use alloc::string::{String, ToString};
use alloc::vec::Vec;

use super::{Follow, InFlight, Surroundings, spaced};
use crate::backoff::jitter;
use crate::candidate::Candidate;
use crate::command::Command;
use crate::event::{BelowTip, GreenCommit};
use crate::id::LookNumber;
use crate::policy::{LOOK_BACK_LIMIT, Policy};
use crate::time::{Millis, Mono, Now};
use crate::verdict::Judged;

/// When the line below the tip is looked through.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LookingBack {
    /// The look that waits for its answer.
    pub in_flight: Option<InFlight>,
    /// When the tip has not been green for long enough; none while it is green, and when such a tip is waited for without end.
    pub from: Option<Mono>,
    /// When it is looked through next.
    pub next: Mono,
    /// When it was last looked through.
    pub last: Option<Mono>,
    /// Why the last look failed.
    pub error: Option<String>,
}

impl LookingBack {
    pub(super) fn soon(&mut self, now: Mono) {
        self.next = self.next.min(now);
    }

    /// Begins anew with another tip; how long none was green goes on.
    pub(super) fn anew(&mut self, now: Mono) {
        *self = Self { from: self.from, next: now, last: self.last, ..Self::default() };
    }
}

impl Follow {
    /// The older green commit that is deployed instead of the tip, once one was found.
    pub(crate) const fn older(&self) -> Option<&Candidate> {
        self.older.as_ref()
    }

    pub(crate) const fn looking_back(&self) -> &LookingBack {
        &self.look_back
    }

    /// From now on, if not before, there is a tip that is not green and not deployed.
    pub(super) fn not_green(&mut self, policy: &Policy, now: Now) {
        if self.branch.not_green_since.is_none() {
            self.branch.not_green_since = Some(now.wall);
            self.time_look_back(policy, now);
        }
    }

    /// The tip is green, or deployed: nothing below it is of interest.
    pub(super) fn green(&mut self) {
        self.branch.not_green_since = None;
        self.look_back = LookingBack::default();
        self.older = None;
    }

    /// Turns the saved date into a moment of the steady clock. A wall clock that was set makes nothing wait longer than
    /// configured.
    pub(super) fn time_look_back(&mut self, policy: &Policy, now: Now) {
        let since = self.branch.not_green_since;
        self.look_back.from = policy.newest_green_after.zip(since).map(|(after, since)| {
            let left = after.0.saturating_sub(now.wall.since(since).0);
            now.mono.after(Millis(left))
        });
    }

    /// When the line below the tip is looked through. The tip itself is asked about first, and nothing is older than what is
    /// held or deployed.
    pub(super) fn look_back_due(&self, around: &Surroundings) -> Option<Mono> {
        let (look_back, from) = (&self.look_back, self.look_back.from?);
        let tip = self.branch.tip.as_ref()?;
        let looks = tip.is_allowed(around.base)
            && !around.is_held(&tip.revision)
            && tip.verdict().is_some_and(|verdict| !verdict.kind.passes())
            && around.deploying.is_none()
            && look_back.in_flight.is_none();
        looks.then(|| spaced(from.max(look_back.next), look_back.last).max(self.gate.not_before))
    }

    pub(super) fn start_look_back(&mut self, around: &Surroundings, commands: &mut Vec<Command>) {
        let Some(tip) = self.branch.tip.as_ref().map(|tip| tip.revision.clone()) else { return };
        let look = self.next_look();
        let now = around.now.mono;
        self.look_back.in_flight = Some(InFlight { look, until: now.after(LOOK_BACK_LIMIT) });
        self.look_back.last = Some(now);
        let held = around.held.iter().map(|hold| hold.revision.clone()).collect();
        commands.push(Command::LookBack { look, tip, base: around.base.cloned(), held });
    }

    /// Whether this answers the look that waits.
    pub(crate) fn awaits_look_back(&self, look: LookNumber) -> bool {
        self.look_back.in_flight.is_some_and(|waits| waits.look == look)
    }

    pub(super) fn look_back_given_up(&mut self, around: &Surroundings) {
        self.looked_back(Err("the look below the tip did not end within its time".to_string()), around);
    }

    /// The look that waits found the newest green commit below the tip, or that there is none, or failed.
    pub(crate) fn looked_back(&mut self, result: Result<BelowTip, String>, around: &Surroundings) {
        let now = around.now;
        self.look_back.in_flight = None;
        // Dearer than a look at the tip, so rarer: each commit on the way is a question of its own.
        let wait = self.gate.wait(around.policy, now.mono).times(4);
        self.look_back.next = now.mono.after(jitter(wait, now.entropy));
        let BelowTip { green, not_before } = match result {
            Ok(found) => found,
            Err(error) => {
                self.look_back.error = Some(error);
                return;
            }
        };
        self.look_back.error = None;
        self.gate.leave_alone(not_before, now);
        let green = green.filter(|green| green.verdict.kind.passes() && !around.is_held(&green.revision));
        self.older = green.map(|green| self.older_of(green, around));
    }

    /// What was known of it already goes on.
    fn older_of(&mut self, green: GreenCommit, around: &Surroundings) -> Candidate {
        let GreenCommit { revision, subject, author, verdict } = green;
        let now = around.now;
        let judged = Some(Judged { verdict, at: now.mono });
        // Given while it was the tip, or since.
        let leave = self.branch.leave.as_ref() == Some(&revision);
        if let Some(known) = self.older.take().filter(|known| known.revision == revision) {
            return Candidate { judged, leave, ..known };
        }
        let trigger = self.branch.tip.as_ref().map_or(self.poll.trigger, |tip| tip.trigger);
        let tries = self.branch.tried.tries_of(&revision);
        let mut older = Candidate {
            subject: Some(subject),
            author: Some(author),
            passed_at: Some(now.wall),
            leave,
            tries,
            judged,
            retry_at: now.mono,
            ..Candidate::new(revision, trigger, now.wall)
        };
        older.wait_to_retry(around.policy, now);
        older
    }
}
