//! One revision on its way to this host, with everything that is known of it. What is known is forgotten with it in one go.

use alloc::string::String;
use alloc::vec::Vec;

use pull_agent_protocol::Trigger;

use crate::backoff::exponential;
use crate::cause::Consequence;
use crate::id::Revision;
use crate::policy::{HARD_TRIES, Policy};
use crate::time::{Mono, Now, Wall};
use crate::verdict::{Judged, Verdict};

/// A revision that may be deployed here. There are several at once: the tip of the branch, and the one in deployment.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names say it")]
pub struct Candidate {
    pub revision: Revision,
    /// What made the agent look for it.
    pub trigger: Trigger,
    /// First line of the commit message, once it is fetched.
    pub subject: Option<String>,
    /// Name of the author, once it is fetched.
    pub author: Option<String>,
    /// When this host first saw it.
    pub seen_at: Wall,
    /// When its verdict was first green.
    pub passed_at: Option<Wall>,
    /// Where it stands to the deployed revision, once it is fetched.
    pub ancestry: Option<Comparison>,
    /// Whether the operator allows it although it is no descendant.
    pub leave: bool,
    /// How often it failed in a way that may pass.
    pub tries: Tries,
    /// In memory only: this process fetched it, and found it whole.
    pub(crate) fetched: bool,
    /// In memory only: what the forge last said of it.
    pub(crate) judged: Option<Judged>,
    /// In memory only: not tried again before this.
    pub(crate) retry_at: Mono,
}

/// How a candidate compares with a deployed revision, by the commits in the clone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Comparison {
    /// What it was compared with; none when nothing was deployed yet.
    pub with: Option<Revision>,
    /// Why it is no descendant of it; none when it is, or when there was nothing to compare with.
    pub no_descendant: Option<WhyRefused>,
    /// Why the signatures that the operator wants are not there or not good; none when they are, or none are wanted.
    pub untrusted: Option<WhyRefused>,
    /// Of the revisions that were held then, or that were being deployed and could be held later, those that it is or
    /// descends from: their holds end when it is confirmed.
    pub contains: Vec<Revision>,
}

/// Why a candidate is refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WhyRefused {
    /// The sentence for the operator.
    pub reason: String,
    /// When it was first refused.
    pub since: Wall,
}

/// Failures that may pass, by what follows from them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tries {
    /// Those that are tried again without end.
    pub transient: u32,
    /// Stalls, timeouts and out of memory.
    pub hard: u32,
}

impl Tries {
    /// Failures of both kinds together.
    #[must_use]
    pub const fn count(self) -> u32 {
        self.transient.saturating_add(self.hard)
    }

    /// Counts one more; returns whether it is tried again.
    pub(crate) const fn failed(&mut self, consequence: Consequence) -> bool {
        match consequence {
            Consequence::TryAgain => {
                self.transient = self.transient.saturating_add(1);
                true
            }
            Consequence::TryTwice => {
                self.hard = self.hard.saturating_add(1);
                self.hard < HARD_TRIES
            }
            Consequence::Hold => false,
        }
    }
}

impl Candidate {
    /// A revision of which nothing else is known yet.
    #[must_use]
    pub const fn new(revision: Revision, trigger: Trigger, seen_at: Wall) -> Self {
        Self {
            revision,
            trigger,
            subject: None,
            author: None,
            seen_at,
            passed_at: None,
            ancestry: None,
            leave: false,
            tries: Tries { transient: 0, hard: 0 },
            fetched: false,
            judged: None,
            retry_at: Mono(0),
        }
    }

    /// What the forge last said of it, as far as this process knows.
    #[must_use]
    pub fn verdict(&self) -> Option<&Verdict> {
        self.judged.as_ref().map(|judged| &judged.verdict)
    }

    /// Whether the forge's last word lets it pass.
    #[must_use]
    pub fn has_passed(&self) -> bool {
        self.verdict().is_some_and(|verdict| verdict.kind.passes())
    }

    /// Whether this process fetched it, and found it whole.
    #[must_use]
    pub const fn is_fetched(&self) -> bool {
        self.fetched
    }

    /// Whether this process has it in its clone, compared with `base`.
    pub(crate) fn is_compared(&self, base: Option<&Revision>) -> bool {
        self.fetched && self.ancestry.as_ref().is_some_and(|ancestry| ancestry.with.as_ref() == base)
    }

    /// Whether its signatures and the forward-only test let it pass.
    pub(crate) fn is_allowed(&self, base: Option<&Revision>) -> bool {
        self.is_compared(base) && self.refusal().is_none()
    }

    /// Why it is refused. A signature that is missing or bad comes first: the operator's leave is no help against it.
    #[must_use]
    pub fn refusal(&self) -> Option<&WhyRefused> {
        let untrusted = self.ancestry.as_ref().and_then(|ancestry| ancestry.untrusted.as_ref());
        untrusted.or_else(|| self.no_descendant())
    }

    /// Why the forward-only test does not let it pass; none with the operator's leave.
    pub(crate) fn no_descendant(&self) -> Option<&WhyRefused> {
        self.ancestry.as_ref().filter(|_| !self.leave)?.no_descendant.as_ref()
    }

    /// The deployed revision that it was compared with.
    #[must_use]
    pub fn compared_with(&self) -> Option<&Revision> {
        self.ancestry.as_ref()?.with.as_ref()
    }

    /// Whether the signatures that the operator wants are missing or bad.
    #[must_use]
    pub fn is_untrusted(&self) -> bool {
        self.ancestry.as_ref().is_some_and(|ancestry| ancestry.untrusted.is_some())
    }

    /// Held revisions that it is proven to descend from.
    pub(crate) fn contains(&self) -> &[Revision] {
        self.ancestry.as_ref().map_or(&[], |ancestry| &ancestry.contains)
    }

    /// Whether it is proven to descend from what was deployed when it was compared.
    #[must_use]
    pub fn is_descendant(&self) -> bool {
        self.ancestry
            .as_ref()
            .is_some_and(|ancestry| ancestry.with.is_some() && ancestry.no_descendant.is_none())
    }

    /// Forgets what only this process found out.
    pub(crate) fn forget_findings(&mut self, now: Mono) {
        self.fetched = false;
        self.judged = None;
        self.retry_at = now;
    }

    /// A deployment of it failed; returns whether it is tried again, and when is up to [`Self::retry_at`].
    pub(crate) fn failed(&mut self, consequence: Consequence, policy: &Policy, now: Now) -> bool {
        let again = self.tries.failed(consequence);
        if again {
            self.wait_to_retry(policy, now);
        }
        again
    }

    /// Its failures count no more, and it may be tried from this moment on.
    pub(crate) const fn forget_tries(&mut self, from: Mono) {
        self.tries = Tries { transient: 0, hard: 0 };
        self.retry_at = from;
    }

    /// Waits as long as it would after its last failure.
    pub(crate) fn wait_to_retry(&mut self, policy: &Policy, now: Now) {
        let failures = self.tries.count();
        if failures > 0 {
            let delay = exponential(policy.poll_interval, policy.retry_most(), failures, now.entropy);
            self.retry_at = now.mono.after(delay);
        }
    }

    /// The part of it that is saved.
    pub(crate) fn noted(&self) -> Self {
        Self {
            revision: self.revision.clone(),
            trigger: self.trigger,
            subject: self.subject.clone(),
            author: self.author.clone(),
            seen_at: self.seen_at,
            passed_at: self.passed_at,
            ancestry: self.ancestry.clone(),
            leave: self.leave,
            tries: self.tries,
            fetched: false,
            judged: None,
            retry_at: Mono(0),
        }
    }

    /// Whether the saved parts of both are the same.
    pub(crate) fn is_noted_as(&self, other: &Self) -> bool {
        let Self {
            revision,
            trigger,
            subject,
            author,
            seen_at,
            passed_at,
            ancestry,
            leave,
            tries,
            fetched: _,
            judged: _,
            retry_at: _,
        } = self;
        *revision == other.revision
            && *trigger == other.trigger
            && *subject == other.subject
            && *author == other.author
            && *seen_at == other.seen_at
            && *passed_at == other.passed_at
            && *ancestry == other.ancestry
            && *leave == other.leave
            && *tries == other.tries
    }
}
