//! How a deployment ends, and what follows for its revision.

use alloc::string::String;
use alloc::vec::Vec;

use pull_agent_protocol::{Outcome, Phase as PhaseName};

use crate::backoff::exponential;
use crate::command::Command;
use crate::decide::Turn;
use crate::event::FailureClass;
use crate::holds::sentence;
use crate::id::Revision;
use crate::policy::HARD_TRIES;
use crate::state::{
    Current, Deployed, Durations, Fetch, Hold, OutcomeTotal, PHASE_BUCKETS, PhaseTotal, Record, Totals, Tries,
};
use crate::time::{Millis, Wall};

/// How a deployment ended.
pub(crate) struct End {
    pub(crate) outcome: Outcome,
    pub(crate) phase: Option<PhaseName>,
    pub(crate) reason: Option<String>,
    pub(crate) class: Option<FailureClass>,
}

impl End {
    pub(crate) fn new(outcome: Outcome) -> Self {
        Self { outcome, phase: None, reason: None, class: None }
    }

    pub(crate) fn wrong(outcome: Outcome, phase: PhaseName) -> Self {
        Self { phase: Some(phase), ..Self::new(outcome) }
    }

    pub(crate) fn failed(phase: PhaseName, class: FailureClass, reason: String) -> Self {
        Self { reason: Some(reason), class: Some(class), ..Self::wrong(Outcome::Failed, phase) }
    }
}

impl Turn<'_> {
    /// Ends the deployment in progress: into the history with it, and its revision is deployed, held or tried again.
    pub(crate) fn finish(&mut self, end: End) {
        self.close_phase();
        let Some(current) = self.state.saved.current.take() else { return };
        self.enter(Millis(0));
        match end.outcome {
            Outcome::Deployed | Outcome::Degraded | Outcome::Unchanged => self.confirmed(&current),
            Outcome::Failed => self.failed(&current.revision, &end),
            Outcome::RolledBack | Outcome::Broken => self.hold(current.revision.clone(), &end),
            Outcome::Superseded => {}
        }
        self.record(current, end);
    }

    fn confirmed(&mut self, current: &Current) {
        let saved = &mut self.state.saved;
        let Some(system) = current.system.clone() else { return };
        let revision = current.revision.clone();
        saved.deployed = Some(Deployed {
            revision: revision.clone(),
            system,
            at: self.now.wall,
            compared: current.compared,
        });
        // Every older revision is refused from now on, so that their holds say nothing any more.
        saved.held.clear();
        self.forget_tries(&revision);
        let saved = &mut self.state.saved;
        if saved.wanted.as_ref().is_some_and(|wanted| wanted.revision == revision) {
            self.nothing_wanted();
        } else if let Some(wanted) = &saved.wanted {
            saved.behind_since = Some(wanted.seen_at);
            self.state.seen.fetch = Fetch { next: self.now.mono, ..Fetch::default() };
        }
    }

    fn failed(&mut self, revision: &Revision, end: &End) {
        let class = end.class.unwrap_or(FailureClass::Unclassified);
        let saved = &mut self.state.saved;
        let mut tries = saved
            .tries
            .take()
            .filter(|tries| tries.revision == *revision)
            .unwrap_or_else(|| Tries { revision: revision.clone(), transient: 0, hard: 0 });
        let retry = match class {
            FailureClass::Transient | FailureClass::Cancelled => {
                tries.transient = tries.transient.saturating_add(1);
                true
            }
            FailureClass::Stalled
            | FailureClass::TimedOut
            | FailureClass::OutOfMemory
            | FailureClass::Killed => {
                tries.hard += 1;
                tries.hard < HARD_TRIES
            }
            FailureClass::Deterministic | FailureClass::Unclassified => false,
        };
        if retry && saved.wanted.as_ref().is_none_or(|wanted| wanted.revision != *revision) {
            // It is tried again only if the branch comes back to it; what is wanted instead does not wait for that.
        } else if retry {
            let failures = tries.transient.saturating_add(tries.hard);
            let delay =
                exponential(self.policy.poll_interval, self.policy.retry_most(), failures, self.now.entropy);
            self.state.seen.retry_at = self.now.mono.after(delay);
            saved.tries = Some(tries);
        } else {
            self.hold(revision.clone(), end);
        }
    }

    fn hold(&mut self, revision: Revision, end: &End) {
        let reason = sentence(end.outcome, end.reason.as_deref());
        self.forget_tries(&revision);
        let saved = &mut self.state.saved;
        saved.held.retain(|hold| hold.revision != revision);
        saved.held.push(Hold { revision, reason, since: self.now.wall });
        let surplus = saved.held.len().saturating_sub(self.policy.keep_deployments.max(1));
        saved.held.drain(..surplus);
    }

    /// The revision is decided: its failures are forgotten, and leave to deploy it was used up.
    fn forget_tries(&mut self, revision: &Revision) {
        let saved = &mut self.state.saved;
        if saved.tries.as_ref().is_some_and(|tries| tries.revision == *revision) {
            saved.tries = None;
        }
        if saved.accepted.as_ref() == Some(revision) {
            saved.accepted = None;
        }
        self.state.seen.retry_at = self.now.mono;
    }

    fn record(&mut self, current: Current, end: End) {
        let finished_at = self.now.wall;
        self.state.saved.totals.add(end.outcome, finished_at, &current.durations);
        let history = &mut self.state.saved.history;
        history.push(Record {
            id: current.id,
            revision: current.revision,
            subject: current.subject,
            trigger: current.trigger,
            started_at: current.started_at,
            finished_at,
            durations: current.durations,
            outcome: end.outcome,
            phase: end.phase,
            reason: end.reason,
            class: end.class,
            previous: current.previous,
            system: current.system,
        });
        let surplus = history.len().saturating_sub(self.policy.keep_deployments.max(1));
        let deployments: Vec<_> = history.drain(..surplus).map(|record| record.id).collect();
        if !deployments.is_empty() {
            self.commands.push(Command::Forget { deployments });
        }
    }
}

impl Totals {
    fn add(&mut self, outcome: Outcome, last: Wall, durations: &Durations) {
        match self.outcomes.iter_mut().find(|total| total.outcome == outcome) {
            Some(total) => {
                total.count += 1;
                total.last = last;
            }
            None => self.outcomes.push(OutcomeTotal { outcome, count: 1, last }),
        }
        let phases = [
            (PhaseName::Gating, durations.gate),
            (PhaseName::Building, durations.build),
            (PhaseName::Activating, durations.activate),
            (PhaseName::Confirming, durations.confirm),
        ];
        for (phase, spent) in phases {
            if let Some(spent) = spent {
                self.phase(phase).add(spent);
            }
        }
    }

    fn phase(&mut self, phase: PhaseName) -> &mut PhaseTotal {
        let index = self.phases.iter().position(|total| total.phase == phase).unwrap_or_else(|| {
            let buckets = alloc::vec![0; PHASE_BUCKETS.len() + 1];
            self.phases.push(PhaseTotal { phase, sum: Millis(0), buckets });
            self.phases.len() - 1
        });
        &mut self.phases[index]
    }
}

impl PhaseTotal {
    fn add(&mut self, spent: Millis) {
        self.sum = Millis(self.sum.0.saturating_add(spent.0));
        let bucket =
            PHASE_BUCKETS.iter().position(|bound| spent.0 <= bound * 1000).unwrap_or(PHASE_BUCKETS.len());
        self.buckets.resize(PHASE_BUCKETS.len() + 1, 0);
        self.buckets[bucket] += 1;
    }
}
