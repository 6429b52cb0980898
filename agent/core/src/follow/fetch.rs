//! Fetches: the tip, or what is deployed in its stead, comes into the clone and is compared with the deployed revision.

use alloc::string::{String, ToString};
use alloc::vec::Vec;

use super::{Follow, InFlight, Surroundings};
use crate::backoff::exponential;
use crate::candidate::{Candidate, Comparison, WhyRefused};
use crate::command::Command;
use crate::event::{Ancestry, Fetched};
use crate::id::{LookNumber, Revision};
use crate::time::Mono;

/// What is known of the clone.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names say it")]
pub struct Fetching {
    pub in_flight: Option<InFlight>,
    /// What the fetch that runs is to bring.
    pub of: Option<Revision>,
    /// When the next try is due.
    pub next: Mono,
    /// Failures in a row.
    pub failures: u32,
    /// Why the last one failed.
    pub error: Option<String>,
}

impl Fetching {
    pub(super) const fn begin(&mut self, now: Mono) {
        self.next = now;
    }

    pub(super) fn soon(&mut self, now: Mono) {
        self.next = self.next.min(now);
    }
}

impl Follow {
    pub(super) fn fetch_due(&self, around: &Surroundings) -> Option<Mono> {
        self.to_be_fetched(around).filter(|_| self.fetch.in_flight.is_none()).map(|_| self.fetch.next)
    }

    /// The tip comes first: what is older is deployed only as part of its line.
    fn to_be_fetched(&self, around: &Surroundings) -> Option<&Candidate> {
        let tip = self.branch.tip.as_ref()?;
        [Some(tip), self.older.as_ref()].into_iter().flatten().find(|it| !it.is_compared(around.base))
    }

    pub(super) fn start_fetch(&mut self, around: &Surroundings, commands: &mut Vec<Command>) {
        let Some(revision) = self.to_be_fetched(around).map(|it| it.revision.clone()) else { return };
        let look = self.next_look();
        let until = around.now.mono.after(around.policy.fetch_limit());
        self.fetch.in_flight = Some(InFlight { look, until });
        self.fetch.of = Some(revision.clone());
        commands.push(Command::Fetch {
            look,
            revision,
            base: around.base.cloned(),
            held: around.may_be_held(),
        });
    }

    /// Whether this answers the fetch that runs.
    pub(crate) fn awaits_fetch(&self, look: LookNumber) -> bool {
        self.fetch.in_flight.is_some_and(|fetch| fetch.look == look)
    }

    pub(super) fn fetch_given_up(&mut self, around: &Surroundings) {
        self.fetched(Err("the fetch did not end within its time".to_string()), around);
    }

    /// The fetch that runs brought its revision, or the sentence of what went wrong. The deployed revision cannot have changed
    /// under way: that makes every fetch under way a late one.
    pub(crate) fn fetched(&mut self, result: Result<Fetched, String>, around: &Surroundings) {
        self.fetch.in_flight = None;
        let of = self.fetch.of.take();
        let Fetched { subject, author, ancestry, contains, untrusted } = match result {
            Ok(fetched) => fetched,
            Err(error) => {
                self.fetch.failures = self.fetch.failures.saturating_add(1);
                let most = around.policy.poll_backoff_most();
                let entropy = around.now.entropy;
                let delay = exponential(around.policy.poll_interval, most, self.fetch.failures, entropy);
                self.fetch.next = around.now.mono.after(delay);
                self.fetch.error = Some(error);
                return;
            }
        };
        self.fetch.failures = 0;
        self.fetch.error = None;
        let Some(candidate) = of.and_then(|revision| self.candidate(&revision)) else { return };
        let no_descendant = match (ancestry, around.base) {
            (Ancestry::NotDescendant(reason), Some(_)) => Some(reason),
            // Without a deployed revision there is nothing to descend from.
            (Ancestry::NotDescendant(_), None) | (Ancestry::NothingDeployed | Ancestry::Descendant, _) => {
                None
            }
        };
        let known = candidate.ancestry.take().filter(|known| known.with.as_ref() == around.base);
        let (known, known_untrusted) = known.map_or((None, None), |it| (it.no_descendant, it.untrusted));
        let since = |reason: String, known: Option<WhyRefused>| {
            let known = known.filter(|known| known.reason == reason);
            WhyRefused { since: known.map_or(around.now.wall, |known| known.since), reason }
        };
        candidate.subject = Some(subject);
        candidate.author = Some(author);
        candidate.fetched = true;
        candidate.ancestry = Some(Comparison {
            with: around.base.cloned(),
            no_descendant: no_descendant.map(|reason| since(reason, known)),
            untrusted: untrusted.map(|reason| since(reason, known_untrusted)),
            contains,
        });
    }
}
