//! Questions to the forge: whether the tip is proven to build.

use alloc::string::ToString;
use alloc::vec::Vec;

use super::{Fetching, Follow, InFlight, Surroundings, spaced};
use crate::backoff::jitter;
use crate::command::Command;
use crate::id::{LookNumber, Revision};
use crate::policy::{GATE_QUIET_MOST, GATE_TAKES, GATE_YOUNG, GATES_REMEMBERED, Policy};
use crate::record::Record;
use crate::time::{Millis, Mono, Now, Wall};
use crate::verdict::{Judged, Verdict, VerdictKind};

/// When the forge is asked about the tip.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Gating {
    /// The question that waits for its answer.
    pub in_flight: Option<InFlight>,
    /// When it is asked next.
    pub next: Mono,
    /// When it was last asked.
    pub last: Option<Mono>,
    /// The forge wants to be left alone until then.
    pub not_before: Mono,
    /// The same as a date, until it is asked again; none when it does not.
    pub alone_until: Option<Wall>,
    /// When it was first asked about this tip.
    pub since: Option<Mono>,
    /// Longer than `gate.timeout`.
    pub overdue: bool,
}

impl Gating {
    pub(super) const fn begin(&mut self, now: Mono) {
        self.next = now;
    }

    pub(super) fn soon(&mut self, now: Mono) {
        self.next = self.next.min(now);
    }

    fn age(&self, now: Mono) -> Millis {
        now.since(self.since.unwrap_or(now))
    }

    /// Between two questions while checks are on their way.
    pub(super) fn wait(&self, policy: &Policy, now: Mono) -> Millis {
        let interval = policy.gate_interval();
        match (self.overdue, self.age(now) < GATE_YOUNG) {
            (true, _) => interval.times(20),
            (false, true) => interval,
            (false, false) => interval.times(4),
        }
    }

    /// Between two questions while nothing is known to be on its way.
    fn wait_long(&self, policy: &Policy, now: Mono) -> Millis {
        let young = !self.overdue && self.age(now) < GATE_YOUNG;
        policy.gate_interval().times(if young { 4 } else { 20 })
    }

    /// The forge wants to be left alone for so long.
    pub(super) fn leave_alone(&mut self, not_before: Option<Millis>, now: Now) {
        let Some(wait) = not_before else { return };
        self.not_before = self.not_before.max(now.mono.after(wait));
        self.alone_until = Some(Wall(now.wall.0.saturating_add(self.not_before.since(now.mono).0)));
    }

    /// Begins anew; only what the forge itself wanted is kept.
    pub(super) fn anew(&mut self, now: Mono) {
        let (not_before, alone_until) = (self.not_before, self.alone_until);
        *self = Self { next: now, not_before, alone_until, ..Self::default() };
    }
}

/// For how long checks that have run for `age` are left alone, since none of the last ones was ready so soon. A little less than the
/// fastest of them took: what CI has ready sooner than ever is not kept waiting for long, and what takes its usual time costs one question
/// instead of many.
fn still_to_take(history: &[Record], age: Millis) -> Millis {
    let took = history.iter().rev().filter_map(|record| record.durations.gate);
    let fastest = took.filter(|took| *took >= GATE_TAKES).take(GATES_REMEMBERED).min();
    let usual = Millis(fastest.map_or(0, |fastest| fastest.0 / 10 * 9));
    Millis(usual.0.saturating_sub(age.0)).min(GATE_QUIET_MOST)
}

impl Follow {
    pub(super) fn gate_due(&self, around: &Surroundings) -> Option<Mono> {
        let tip = self.branch.tip.as_ref()?;
        let asks = tip.is_allowed(around.base)
            && !around.is_held(&tip.revision)
            && !tip.has_passed()
            && around.deploying != Some(&tip.revision);
        let gate = &self.gate;
        (asks && gate.in_flight.is_none()).then(|| spaced(gate.next, gate.last).max(gate.not_before))
    }

    pub(super) fn start_check(&mut self, around: &Surroundings, commands: &mut Vec<Command>) {
        let Some(revision) = self.branch.tip.as_ref().map(|tip| tip.revision.clone()) else { return };
        let look = self.next_look();
        let now = around.now.mono;
        self.gate.in_flight = Some(InFlight { look, until: now.after(around.policy.check_limit()) });
        self.gate.last = Some(now);
        self.gate.alone_until = None;
        self.gate.since.get_or_insert(now);
        commands.push(Command::Check { look, revision });
    }

    /// Whether this answers the question that waits.
    pub(crate) fn awaits_verdict(&self, look: LookNumber) -> bool {
        self.gate.in_flight.is_some_and(|gate| gate.look == look)
    }

    pub(super) fn check_given_up(&mut self, around: &Surroundings) {
        let verdict = Verdict {
            kind: VerdictKind::Unavailable,
            evidence: None,
            detail: "the forge did not answer within its time".to_string(),
            checks: Vec::new(),
            not_before: None,
        };
        self.judged(verdict, around);
    }

    /// The forge answered the question that waits.
    pub(crate) fn judged(&mut self, verdict: Verdict, around: &Surroundings) {
        let now = around.now.mono;
        let gate = &mut self.gate;
        gate.in_flight = None;
        let age = now.since(*gate.since.get_or_insert(now));
        gate.overdue = age >= around.policy.gate_timeout;
        let wait = match verdict.kind {
            VerdictKind::Pending => gate.wait(around.policy, now).max(still_to_take(around.history, age)),
            VerdictKind::Green
            | VerdictKind::Red
            | VerdictKind::Unproven
            | VerdictKind::Unavailable
            | VerdictKind::Off => gate.wait_long(around.policy, now),
        };
        gate.next = match verdict.not_before {
            // The forge itself says when to come again.
            Some(wait) if verdict.kind == VerdictKind::Unavailable && !gate.overdue => now.after(wait),
            Some(_) | None => now.after(jitter(wait, around.now.entropy)),
        };
        gate.leave_alone(verdict.not_before, around.now);
        let passes = verdict.kind.passes();
        if let Some(tip) = &mut self.branch.tip {
            if passes {
                tip.passed_at.get_or_insert(around.now.wall);
            }
            tip.judged = Some(Judged { verdict, at: now });
        }
        if passes {
            self.green();
        } else {
            self.not_green(around.policy, around.now);
        }
    }

    /// The forge was asked once more about what is about to be activated.
    pub(crate) fn judged_again(&mut self, revision: &Revision, verdict: &Verdict, around: &Surroundings) {
        self.gate.last = Some(around.now.mono);
        self.gate.alone_until = None;
        if self.tip_if(revision).is_some() {
            self.judged(verdict.clone(), around);
            return;
        }
        self.gate.leave_alone(verdict.not_before, around.now);
        let Some(older) = self.older.as_mut().filter(|older| older.revision == *revision) else { return };
        older.judged = Some(Judged { verdict: verdict.clone(), at: around.now.mono });
        match verdict.kind {
            // Another one is looked for, once the deployment has ended.
            VerdictKind::Red | VerdictKind::Unproven => self.older = None,
            VerdictKind::Green | VerdictKind::Off | VerdictKind::Pending | VerdictKind::Unavailable => {}
        }
    }

    /// The forge is not asked before this.
    pub(crate) fn forge_from(&self) -> Mono {
        spaced(Mono(0), self.gate.last).max(self.gate.not_before)
    }

    /// Other checks may be named now: what was green under the old ones proves nothing under the new.
    pub(crate) fn checks_changed(&mut self, policy: &Policy, now: Now) {
        self.gate.anew(now.mono);
        self.look_back.anew(now.mono);
        self.older = None;
        if let Some(tip) = &mut self.branch.tip {
            tip.judged = None;
            // Signatures may be wanted now that were not before.
            tip.fetched = false;
            self.fetch = Fetching::default();
            self.fetch.begin(now.mono);
            self.not_green(policy, now);
        }
        self.time_look_back(policy, now);
    }
}
