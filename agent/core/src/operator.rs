//! What comes from outside of the two lanes: the start of the process, new settings, and the operator.

use alloc::string::String;

use pull_agent_protocol::Trigger;

use crate::answer::Refusal;
use crate::backoff::exponential;
use crate::decide::Turn;
use crate::event::HostView;
use crate::id::Revision;
use crate::state::{Fetch, Pause, Seen, State};
use crate::time::{Mono, Wall};

impl State {
    pub(crate) fn pause_due(&self) -> Option<Mono> {
        self.saved.paused.as_ref().and(self.seen.pause_ends)
    }

    /// Whether a revision is one that could be tried again: held, tried in vain, or wanted.
    fn can_be_retried(&self, revision: &Revision) -> bool {
        let saved = &self.saved;
        self.is_held(revision)
            || saved.tries.as_ref().is_some_and(|tries| tries.revision == *revision)
            || saved.wanted.as_ref().is_some_and(|wanted| wanted.revision == *revision)
    }
}

impl Turn<'_> {
    /// Everything that was only in memory is gone: looks start anew, the step that touches the host is taken up.
    pub(crate) fn started(&mut self, host: HostView) {
        self.state.seen = Seen { host, ..Seen::default() };
        let seen = &mut self.state.seen;
        seen.poll.next = self.now.mono;
        seen.fetch.next = self.now.mono;
        seen.gate.next = self.now.mono;
        seen.retry_at = self.now.mono;
        if let Some(tries) = &self.state.saved.tries {
            let failures = tries.transient.saturating_add(tries.hard);
            let delay =
                exponential(self.policy.poll_interval, self.policy.retry_most(), failures, self.now.entropy);
            seen.retry_at = self.now.mono.after(delay);
        }
        self.time_pause();
        self.take_up_deployment();
    }

    pub(crate) fn policy_changed(&mut self, source_changed: bool) {
        if source_changed {
            self.state.seen.poll = crate::state::Poll { next: self.now.mono, ..Default::default() };
            self.nothing_wanted();
        } else {
            // Other checks may be named now: what was green under the old ones proves nothing under the new.
            let not_before = self.state.seen.gate.not_before;
            self.state.seen.gate =
                crate::state::Gate { next: self.now.mono, not_before, ..Default::default() };
        }
    }

    pub(crate) fn pause_requested(&mut self, until: Option<Wall>, reason: Option<String>, by: String) {
        self.state.saved.paused = Some(Pause { since: self.now.wall, until, reason, by });
        self.time_pause();
    }

    pub(crate) fn resume_requested(&mut self) {
        self.state.saved.paused = None;
        self.time_pause();
    }

    /// Turns the end of the pause, which is a date, into a moment of the steady clock. A wall clock that was set back
    /// makes no pause longer than the operator wanted it.
    fn time_pause(&mut self) {
        let pause = self.state.saved.paused.as_ref();
        let left = pause.and_then(|Pause { since, until, .. }| {
            until.map(|until| until.since(self.now.wall).min(until.since(*since)))
        });
        self.state.seen.pause_ends = left.map(|left| self.now.mono.after(left));
    }

    pub(crate) fn end_pause(&mut self) {
        if self.is_due(self.state.pause_due()) {
            self.resume_requested();
        }
    }

    pub(crate) fn retry_requested(&mut self, revision: Option<Revision>) {
        if let Some(revision) = &revision
            && !self.state.can_be_retried(revision)
        {
            self.answer = Err(Refusal::NotHeld { revision: revision.clone() });
            return;
        }
        let chosen = |candidate: &Revision| revision.as_ref().is_none_or(|revision| revision == candidate);
        self.state.saved.held.retain(|hold| !chosen(&hold.revision));
        if self.state.saved.tries.as_ref().is_some_and(|tries| chosen(&tries.revision)) {
            self.state.saved.tries = None;
            self.state.seen.retry_at = self.now.mono;
        }
        if let Some(wanted) = &mut self.state.saved.wanted
            && chosen(&wanted.revision)
        {
            wanted.trigger = Trigger::Operator;
        }
        // What failed may have been the clone, which a fetch proves and mends.
        self.state.seen.fetch = Fetch { next: self.now.mono, ..Fetch::default() };
        self.look_now(Trigger::Operator);
    }

    pub(crate) fn accept_requested(&mut self, revision: Revision) {
        let saved = &mut self.state.saved;
        if saved.refused.as_ref().is_some_and(|refused| refused.revision == revision) {
            saved.refused = None;
        }
        if let Some(wanted) = &mut saved.wanted
            && wanted.revision == revision
        {
            wanted.trigger = Trigger::Operator;
        }
        saved.accepted = Some(revision);
        self.look_now(Trigger::Operator);
    }
}
