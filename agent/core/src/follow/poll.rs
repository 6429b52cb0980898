//! Polls: what the tip of the branch is.

use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::mem;

use pull_agent_protocol::Trigger;

use super::{Follow, Hurry, InFlight, Surroundings, spaced};
use crate::backoff::{exponential, jitter};
use crate::candidate::Candidate;
use crate::command::Command;
use crate::id::{LookNumber, Revision};
use crate::policy::{HURRIED_POLL_EACH, POLL_LIMIT, QUICK_POLL, QUICK_POLL_FOR};
use crate::time::{Mono, Now, Wall};

/// What is known of the remote.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names say it")]
pub struct Polling {
    pub in_flight: Option<InFlight>,
    /// When the next one is due.
    pub next: Mono,
    /// When the last one began.
    pub last: Option<Mono>,
    /// What makes the agent look next time.
    pub trigger: Trigger,
    /// Failures in a row.
    pub failures: u32,
    /// A nudge came while a poll ran: another follows.
    pub again: bool,
    /// A revision that a nudge named, and until when it is waited for.
    pub quick: Option<(Revision, Mono)>,
    /// The tip of the last good poll.
    pub tip: Option<Revision>,
    /// When the last poll was answered or given up.
    pub last_at: Option<Wall>,
    /// When the last good one was.
    pub last_success_at: Option<Wall>,
    /// Why the last one failed.
    pub error: Option<String>,
}

impl Default for Polling {
    fn default() -> Self {
        Self {
            in_flight: None,
            next: Mono(0),
            last: None,
            trigger: Trigger::Start,
            failures: 0,
            again: false,
            quick: None,
            tip: None,
            last_at: None,
            last_success_at: None,
            error: None,
        }
    }
}

impl Polling {
    pub(super) const fn begin(&mut self, now: Mono) {
        self.next = now;
    }

    /// A poll because of a nudge; while one runs, another follows.
    fn nudged(&mut self, hurry: &mut Hurry, now: Mono) {
        if self.in_flight.is_some() {
            self.again = true;
        } else {
            self.next = self.next.min(hurry.take(now, HURRIED_POLL_EACH));
            self.trigger = Trigger::Nudge;
        }
    }

    /// A poll at once; while one runs, another follows.
    pub(super) const fn soon(&mut self, trigger: Trigger, now: Mono) {
        if self.in_flight.is_some() {
            self.again = true;
        } else {
            self.next = now;
            self.trigger = trigger;
        }
    }
}

impl Follow {
    pub(super) fn poll_due(&self) -> Option<Mono> {
        self.poll.in_flight.is_none().then(|| spaced(self.poll.next, self.poll.last))
    }

    pub(super) fn start_poll(&mut self, around: &Surroundings, commands: &mut Vec<Command>) {
        let look = self.next_look();
        self.poll.in_flight = Some(InFlight { look, until: around.now.mono.after(POLL_LIMIT) });
        self.poll.last = Some(around.now.mono);
        commands.push(Command::Poll { look });
    }

    /// Whether this answers the poll that runs.
    pub(crate) fn awaits_poll(&self, look: LookNumber) -> bool {
        self.poll.in_flight.is_some_and(|poll| poll.look == look)
    }

    pub(super) fn poll_given_up(&mut self, around: &Surroundings) {
        self.polled(Err("the poll did not answer within its time".to_string()), around);
    }

    /// The poll that runs brought the tip, or the sentence of what went wrong.
    pub(crate) fn polled(&mut self, result: Result<Revision, String>, around: &Surroundings) {
        let (now, entropy) = (around.now.mono, around.now.entropy);
        let poll = &mut self.poll;
        poll.in_flight = None;
        poll.last_at = Some(around.now.wall);
        let trigger = mem::replace(&mut poll.trigger, Trigger::Poll);
        match result {
            Ok(tip) => {
                poll.failures = 0;
                poll.error = None;
                poll.last_success_at = Some(around.now.wall);
                poll.next = now.after(jitter(around.policy.poll_interval, entropy));
                if poll.quick.as_ref().is_some_and(|(named, until)| *named == tip || *until <= now) {
                    poll.quick = None;
                }
                poll.tip = Some(tip.clone());
                self.tip_seen(tip, trigger, around);
            }
            Err(error) => {
                poll.failures = poll.failures.saturating_add(1);
                poll.error = Some(error);
                let most = around.policy.poll_backoff_most();
                poll.next = now.after(exponential(around.policy.poll_interval, most, poll.failures, entropy));
                // The look that was wanted has not happened yet.
                poll.trigger = trigger;
            }
        }
        let poll = &mut self.poll;
        if poll.quick.as_ref().is_some_and(|(_, until)| *until > now) {
            poll.next = poll.next.min(now.after(QUICK_POLL));
            poll.trigger = Trigger::Nudge;
        } else {
            poll.quick = None;
        }
        if mem::take(&mut poll.again) {
            poll.nudged(&mut self.hurried_polls, now);
        }
    }

    fn tip_seen(&mut self, tip: Revision, trigger: Trigger, around: &Surroundings) {
        if around.base == Some(&tip) {
            self.nothing_wanted(around.now);
        } else if self.branch.tip.as_ref().is_none_or(|known| known.revision != tip) {
            self.part_with_tip();
            let seen_at = around.now.wall;
            self.branch.behind_since.get_or_insert(seen_at);
            let leave = self.branch.leave.take_if(|leave| *leave == tip).is_some();
            let tries = self.branch.tried.take(&tip);
            let candidate = Candidate::new(tip, trigger, seen_at);
            let mut candidate = Candidate { leave, tries, retry_at: around.now.mono, ..candidate };
            candidate.wait_to_retry(around.policy, around.now);
            self.branch.tip = Some(candidate);
            self.look_anew(around.now);
            self.not_green(around.policy, around.now);
        } else if let Some(tip) = self.branch.tip.as_mut().filter(|tip| tip.is_untrusted()) {
            // The file of the keys may have changed since; nothing comes over the network for this.
            tip.fetched = false;
            self.fetch.soon(around.now.mono);
        }
    }

    /// Somebody said *look now*; a revision that they named is looked for a while. The forge may be asked from then on.
    pub(crate) fn nudged(&mut self, revision: Option<Revision>, forge_from: Mono, around: &Surroundings) {
        let Now { mono, .. } = around.now;
        if let Some(revision) = revision
            && around.base != Some(&revision)
            && self.poll.tip.as_ref() != Some(&revision)
        {
            self.poll.quick = Some((revision, mono.after(QUICK_POLL_FOR)));
        }
        self.poll.nudged(&mut self.hurried_polls, mono);
        self.fetch.soon(mono);
        self.gate.soon(forge_from);
        self.look_back.soon(forge_from);
    }
}
