//! The lane that follows the branch: poll, fetch, ask the forge. It runs beside every phase of a deployment, so that a
//! newer green tip can take the place of a build.

use alloc::string::{String, ToString};

use pull_agent_protocol::Trigger;

use crate::backoff::{exponential, jitter};
use crate::command::Command;
use crate::decide::Turn;
use crate::event::{Ancestry, Fetched, HostView, Verdict, VerdictKind};
use crate::id::{Attempt, Revision};
use crate::policy::{self, GATE_YOUNG, QUICK_POLL, QUICK_POLL_FOR, SPACING};
use crate::state::{Compared, Fetch, Gate, InFlight, Refused, State, Wanted};
use crate::time::{Millis, Mono};

impl State {
    pub(crate) fn poll_due(&self) -> Option<Mono> {
        let poll = &self.seen.poll;
        poll.in_flight.is_none().then(|| spaced(poll.next, poll.last))
    }

    pub(crate) fn fetch_due(&self) -> Option<Mono> {
        let wanted = self.saved.wanted.as_ref()?;
        let fetch = &self.seen.fetch;
        let known = fetch.compared.as_ref().is_some_and(|c| {
            c.revision == wanted.revision
                && c.with.as_ref() == self.saved.deployed.as_ref().map(|d| &d.revision)
        });
        (!known && fetch.in_flight.is_none()).then_some(fetch.next)
    }

    pub(crate) fn gate_due(&self) -> Option<Mono> {
        let wanted = self.saved.wanted.as_ref()?;
        let gate = &self.seen.gate;
        let asks = self.is_allowed(&wanted.revision)
            && !self.is_held(&wanted.revision)
            && !self.has_passed()
            && self.saved.current.as_ref().is_none_or(|c| c.revision != wanted.revision);
        (asks && gate.in_flight.is_none()).then(|| spaced(gate.next, gate.last).max(gate.not_before))
    }

    /// Whether the forward-only test lets this revision, the wanted one, pass.
    pub(crate) fn is_allowed(&self, revision: &Revision) -> bool {
        self.seen.fetch.compared.as_ref().is_some_and(|compared| {
            compared.revision == *revision
                && compared.with.as_ref() == self.saved.deployed.as_ref().map(|d| &d.revision)
                && (compared.refusal.is_none() || self.saved.accepted.as_ref() == Some(revision))
        })
    }

    pub(crate) fn is_held(&self, revision: &Revision) -> bool {
        self.saved.held.iter().any(|hold| hold.revision == *revision)
    }

    /// Whether the forge's last word lets the wanted revision pass.
    pub(crate) fn has_passed(&self) -> bool {
        self.seen.gate.verdict.as_ref().is_some_and(|verdict| verdict.kind.passes())
    }
}

/// A moment, but not sooner than [`SPACING`] after the last time.
fn spaced(next: Mono, last: Option<Mono>) -> Mono {
    last.map_or(next, |last| next.max(last.after(SPACING)))
}

impl Turn<'_> {
    pub(crate) fn polled(&mut self, attempt: Attempt, host: HostView, result: Result<Revision, String>) {
        if self.state.seen.poll.in_flight.is_none_or(|poll| poll.attempt != attempt) {
            return;
        }
        self.state.seen.host = host;
        self.poll_ended(result);
    }

    fn poll_ended(&mut self, result: Result<Revision, String>) {
        let (now, entropy) = (self.now.mono, self.now.entropy);
        let poll = &mut self.state.seen.poll;
        poll.in_flight = None;
        poll.last_at = Some(self.now.wall);
        let trigger = core::mem::replace(&mut poll.trigger, Trigger::Poll);
        match result {
            Ok(tip) => {
                poll.failures = 0;
                poll.error = None;
                poll.last_success_at = Some(self.now.wall);
                poll.next = now.after(jitter(self.policy.poll_interval, entropy));
                if poll.quick.as_ref().is_some_and(|(named, until)| *named == tip || *until <= now) {
                    poll.quick = None;
                }
                poll.tip = Some(tip.clone());
                self.tip_seen(tip, trigger);
            }
            Err(error) => {
                poll.failures = poll.failures.saturating_add(1);
                poll.error = Some(error);
                let most = self.policy.poll_backoff_most();
                poll.next = now.after(exponential(self.policy.poll_interval, most, poll.failures, entropy));
                // The look that was wanted has not happened yet.
                poll.trigger = trigger;
            }
        }
        let poll = &mut self.state.seen.poll;
        if poll.quick.as_ref().is_some_and(|(_, until)| *until > now) {
            poll.next = poll.next.min(now.after(QUICK_POLL));
            poll.trigger = Trigger::Nudge;
        } else {
            poll.quick = None;
        }
        if core::mem::take(&mut poll.again) {
            poll.next = now;
            poll.trigger = Trigger::Nudge;
        }
    }

    fn tip_seen(&mut self, tip: Revision, trigger: Trigger) {
        let saved = &mut self.state.saved;
        if saved.deployed.as_ref().is_some_and(|deployed| deployed.revision == tip) {
            self.nothing_wanted();
        } else if saved.wanted.as_ref().is_none_or(|wanted| wanted.revision != tip) {
            let seen_at = self.now.wall;
            saved.behind_since.get_or_insert(seen_at);
            saved.refused = None;
            if saved.tries.as_ref().is_some_and(|tries| tries.revision != tip) {
                saved.tries = None;
                self.state.seen.retry_at = self.now.mono;
            }
            saved.wanted = Some(Wanted {
                revision: tip,
                subject: None,
                author: None,
                seen_at,
                passed_at: None,
                trigger,
            });
            self.look_anew();
        }
    }

    /// The branch has nothing that is not deployed here.
    pub(crate) fn nothing_wanted(&mut self) {
        let saved = &mut self.state.saved;
        saved.wanted = None;
        saved.refused = None;
        saved.behind_since = None;
        self.look_anew();
    }

    /// Forgets what was found out about the wanted revision. An answer that is under way is late from now on.
    pub(crate) fn look_anew(&mut self) {
        let not_before = self.state.seen.gate.not_before;
        self.state.seen.fetch = Fetch { next: self.now.mono, ..Fetch::default() };
        self.state.seen.gate = Gate { next: self.now.mono, not_before, ..Gate::default() };
    }

    pub(crate) fn fetched(&mut self, attempt: Attempt, result: Result<Fetched, String>) {
        if self.state.seen.fetch.in_flight.is_some_and(|fetch| fetch.attempt == attempt) {
            self.fetch_ended(result);
        }
    }

    fn fetch_ended(&mut self, result: Result<Fetched, String>) {
        let fetch = &mut self.state.seen.fetch;
        fetch.in_flight = None;
        let Some(wanted) = &mut self.state.saved.wanted else { return };
        let fetched = match result {
            Ok(fetched) => fetched,
            Err(error) => {
                fetch.failures = fetch.failures.saturating_add(1);
                let most = self.policy.poll_backoff_most();
                let delay = exponential(self.policy.poll_interval, most, fetch.failures, self.now.entropy);
                fetch.next = self.now.mono.after(delay);
                fetch.error = Some(error);
                return;
            }
        };
        fetch.failures = 0;
        fetch.error = None;
        wanted.subject = Some(fetched.subject);
        wanted.author = Some(fetched.author);
        let refusal = match fetched.ancestry {
            Ancestry::NothingDeployed | Ancestry::Descendant => None,
            Ancestry::NotDescendant(reason) => Some(reason),
        };
        // The deployed revision cannot have changed under way: that makes every fetch under way a late one.
        let with = self.state.saved.deployed.as_ref().map(|deployed| deployed.revision.clone());
        let revision = wanted.revision.clone();
        let accepted = self.state.saved.accepted.as_ref() == Some(&revision);
        self.state.saved.refused = match (&refusal, &with) {
            (Some(reason), Some(deployed)) if !accepted => Some(Refused {
                revision: revision.clone(),
                deployed: deployed.clone(),
                reason: reason.clone(),
                since: self.now.wall,
            }),
            _ => None,
        };
        // Without a deployed revision there is nothing that could be refused.
        let refusal = with.as_ref().and(refusal);
        self.state.seen.fetch.compared = Some(Compared { revision, with, refusal });
    }

    pub(crate) fn checked(&mut self, attempt: Attempt, verdict: Verdict) {
        if self.state.seen.gate.in_flight.is_some_and(|gate| gate.attempt == attempt) {
            self.check_ended(verdict);
        }
    }

    fn check_ended(&mut self, verdict: Verdict) {
        let now = self.now.mono;
        let gate = &mut self.state.seen.gate;
        gate.in_flight = None;
        let age = now.since(*gate.since.get_or_insert(now));
        gate.overdue = age >= self.policy.gate_timeout;
        let interval = self.policy.gate_interval();
        let young = age < GATE_YOUNG;
        let wait = match verdict.kind {
            _ if gate.overdue => interval.times(20),
            VerdictKind::Pending if young => interval,
            VerdictKind::Pending => interval.times(4),
            _ if young => interval.times(4),
            VerdictKind::Green
            | VerdictKind::Red
            | VerdictKind::Unproven
            | VerdictKind::Unavailable
            | VerdictKind::Off => interval.times(20),
        };
        gate.next = match verdict.not_before {
            // The forge itself says when to come again.
            Some(wait) if verdict.kind == VerdictKind::Unavailable && !gate.overdue => now.after(wait),
            Some(_) | None => now.after(jitter(wait, self.now.entropy)),
        };
        gate.not_before = now.after(verdict.not_before.unwrap_or(Millis(0)));
        if let Some(wanted) = &mut self.state.saved.wanted
            && verdict.kind.passes()
        {
            wanted.passed_at.get_or_insert(self.now.wall);
        }
        gate.verdict = Some(verdict);
    }

    pub(crate) fn nudged(&mut self, revision: Option<Revision>) {
        let now = self.now.mono;
        let known = self.state.saved.deployed.as_ref().map(|deployed| &deployed.revision);
        if let Some(revision) = revision
            && known != Some(&revision)
            && self.state.seen.poll.tip.as_ref() != Some(&revision)
        {
            self.state.seen.poll.quick = Some((revision, now.after(QUICK_POLL_FOR)));
        }
        self.look_now(Trigger::Nudge);
    }

    /// Polls and asks the forge at once; what runs already is followed by another look.
    pub(crate) fn look_now(&mut self, trigger: Trigger) {
        let now = self.now.mono;
        let seen = &mut self.state.seen;
        if seen.poll.in_flight.is_some() {
            seen.poll.again = true;
        } else {
            seen.poll.next = now;
            seen.poll.trigger = trigger;
        }
        seen.fetch.next = seen.fetch.next.min(now);
        seen.gate.next = seen.gate.next.min(now);
    }

    pub(crate) fn advance_follow(&mut self) {
        if self.is_due(self.state.fetch_due()) {
            self.start_fetch();
        }
        if self.is_due(self.state.gate_due()) {
            self.start_check();
        }
        if self.is_due(self.state.poll_due()) {
            let attempt = self.next_look();
            let poll = &mut self.state.seen.poll;
            poll.in_flight = Some(InFlight { attempt, until: self.now.mono.after(policy::POLL_LIMIT) });
            poll.last = Some(self.now.mono);
            self.commands.push(Command::Poll { attempt });
        }
    }

    fn start_fetch(&mut self) {
        let Some(wanted) = &self.state.saved.wanted else { return };
        let revision = wanted.revision.clone();
        let deployed = self.state.saved.deployed.as_ref().map(|deployed| deployed.revision.clone());
        let attempt = self.next_look();
        let limit = Millis(self.policy.fetch_timeout.0.saturating_add(policy::FETCH_GRACE.0));
        self.state.seen.fetch.in_flight = Some(InFlight { attempt, until: self.now.mono.after(limit) });
        self.commands.push(Command::Fetch { attempt, revision, deployed });
    }

    fn start_check(&mut self) {
        let Some(wanted) = &self.state.saved.wanted else { return };
        let revision = wanted.revision.clone();
        let attempt = self.next_look();
        let gate = &mut self.state.seen.gate;
        gate.in_flight = Some(InFlight { attempt, until: self.now.mono.after(policy::CHECK_LIMIT) });
        gate.last = Some(self.now.mono);
        gate.since.get_or_insert(self.now.mono);
        self.commands.push(Command::Check { attempt, revision });
    }

    /// Gives up answers that are overdue: their drivers have limits of their own, so this is a driver that hangs.
    pub(crate) fn give_up_overdue(&mut self) {
        let overdue = |in_flight: Option<InFlight>| in_flight.is_some_and(|f| f.until <= self.now.mono);
        let (poll, fetch, gate) = (
            overdue(self.state.seen.poll.in_flight),
            overdue(self.state.seen.fetch.in_flight),
            overdue(self.state.seen.gate.in_flight),
        );
        if poll {
            self.poll_ended(Err("the poll did not answer within its time".to_string()));
        }
        if fetch {
            self.fetch_ended(Err("the fetch did not end within its time".to_string()));
        }
        if gate {
            self.check_ended(Verdict {
                kind: VerdictKind::Unavailable,
                evidence: None,
                detail: "the forge did not answer within its time".to_string(),
                checks: alloc::vec::Vec::new(),
                not_before: None,
            });
        }
        self.give_up_probe();
    }

    /// Number of the next poll, fetch, question or probe.
    pub(crate) fn next_look(&mut self) -> Attempt {
        self.state.seen.next_attempt += 1;
        Attempt(self.state.seen.next_attempt)
    }
}

impl State {
    /// When answers under way are given up.
    pub(crate) fn in_flight_deadlines(&self) -> [Option<Mono>; 4] {
        let seen = &self.seen;
        [
            seen.poll.in_flight.map(|f| f.until),
            seen.fetch.in_flight.map(|f| f.until),
            seen.gate.in_flight.map(|f| f.until),
            seen.work.in_flight.and(seen.work.until),
        ]
    }
}
