//! What comes from outside of the two lanes: the start of the process, and the operator.

use alloc::string::String;

use crate::answer::Refusal;
use crate::candidate::WhyRefused;
use crate::decide::Turn;
use crate::host::HostView;
use crate::id::Revision;
use crate::ledger::Pause;
use crate::state::State;
use crate::time::{Mono, Wall};

impl State {
    pub(crate) fn pause_due(&self) -> Option<Mono> {
        self.ledger.paused.as_ref().and(self.pause_ends)
    }

    /// Whether a revision is one that could be tried again: held, wanted, or one that failed while the branch was there.
    fn can_be_retried(&self, revision: &Revision) -> bool {
        self.ledger.is_held(revision)
            || self.wanted().is_some_and(|wanted| wanted.revision == *revision)
            || self.follow.has_tried(revision)
    }
}

impl Turn<'_> {
    /// Everything that was only in memory is gone: looks start anew, the step that touches the host is taken up.
    pub(crate) fn started(&mut self, host: HostView) {
        self.state.host = host;
        self.state.shown = None;
        self.state.follow.started(self.policy, self.now);
        self.time_pause();
        self.deploy(crate::deploy::Deploy::started);
    }

    pub(crate) fn pause_requested(&mut self, until: Option<Wall>, reason: Option<String>, by: String) {
        self.state.ledger.paused = Some(Pause { since: self.now.wall, until, reason, by });
        self.time_pause();
    }

    pub(crate) fn resume_requested(&mut self) {
        self.state.ledger.paused = None;
        self.time_pause();
    }

    /// Turns the end of the pause, which is a date, into a moment of the steady clock. A wall clock that was set back
    /// makes no pause longer than the operator wanted it.
    fn time_pause(&mut self) {
        let pause = self.state.ledger.paused.as_ref();
        let left = pause.and_then(|Pause { since, until, .. }| {
            until.map(|until| until.since(self.now.wall).min(until.since(*since)))
        });
        self.state.pause_ends = left.map(|left| self.now.mono.after(left));
    }

    pub(crate) fn end_pause(&mut self) {
        if self.is_due(self.state.pause_due()) {
            self.resume_requested();
        }
    }

    pub(crate) fn retry_requested(&mut self, revision: Option<&Revision>) {
        if let Some(revision) = revision
            && !self.state.can_be_retried(revision)
        {
            self.answer = Err(Refusal::NotHeld { revision: revision.clone() });
            return;
        }
        self.state.ledger.held.retain(|hold| revision.is_some_and(|revision| *revision != hold.revision));
        self.state.deploy.ask_from(self.now.mono);
        self.state.follow.retry(revision, self.now);
    }

    pub(crate) fn accept_requested(&mut self, revision: Revision) {
        if let Some(untrusted) =
            self.state.wanted().filter(|tip| tip.revision == revision && tip.is_untrusted())
            && let Some(WhyRefused { reason, .. }) = untrusted.refusal()
        {
            self.answer = Err(Refusal::Untrusted { revision, reason: reason.clone() });
            return;
        }
        self.state.deploy.ask_from(self.now.mono);
        self.state.follow.accept(revision, self.now);
    }
}
