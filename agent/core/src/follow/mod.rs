//! The lane that follows the branch: poll, fetch, ask the forge. It runs beside every phase of a deployment, so that a
//! newer green tip can take the place of a build. It knows candidates, and nothing of how they are deployed.

mod fetch;
mod gate;
mod hurry;
mod look_back;
mod poll;
mod tried;

use alloc::vec::Vec;

use pull_agent_protocol::Trigger;

use crate::candidate::Candidate;
use crate::cause::Consequence;
use crate::command::Command;
use crate::id::{LookNumber, Revision};
use crate::ledger::Hold;
use crate::policy::{HURRIED_CHECK_EACH, Policy, SPACING};
use crate::record::Record;
use crate::time::{Mono, Now, Wall};

pub use fetch::Fetching;
pub use gate::Gating;
use hurry::Hurry;
pub use look_back::LookingBack;
pub use poll::Polling;
pub use tried::Tried;

/// The branch, as far as it is saved.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Branch {
    /// The newest tip, when it is not the deployed revision.
    pub tip: Option<Candidate>,
    /// A revision that the operator allows and that is not the tip yet.
    pub leave: Option<Revision>,
    /// Since when the branch has had something that is not deployed here.
    pub behind_since: Option<Wall>,
    /// Since when there has been a tip that is neither green nor deployed here; another such tip changes nothing.
    pub not_green_since: Option<Wall>,
    /// How often others than the tip failed in ways that may pass.
    pub tried: Tried,
}

/// The lane of the branch and the forge: it follows also while something is deployed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Follow {
    branch: Branch,
    poll: Polling,
    fetch: Fetching,
    gate: Gating,
    hurried_polls: Hurry,
    hurried_checks: Hurry,
    look_back: LookingBack,
    /// In memory only: the newest green commit below a tip that is not green.
    older: Option<Candidate>,
    looks: LookNumber,
}

/// An answer that is waited for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InFlight {
    /// The number that it must bring.
    pub look: LookNumber,
    /// After this it is given up.
    pub until: Mono,
}

/// What the lane must know of the rest.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Surroundings<'a> {
    pub(crate) policy: &'a Policy,
    pub(crate) now: Now,
    /// The revision that every later one must descend from.
    pub(crate) base: Option<&'a Revision>,
    pub(crate) held: &'a [Hold],
    /// Deployments that ended, oldest first.
    pub(crate) history: &'a [Record],
    /// What is being deployed.
    pub(crate) deploying: Option<&'a Revision>,
}

impl Surroundings<'_> {
    /// What is held, and what is being deployed, which will be held if it fails.
    fn may_be_held(&self) -> Vec<Revision> {
        let held = self.held.iter().map(|hold| &hold.revision);
        held.chain(self.deploying).cloned().collect()
    }

    fn is_held(&self, revision: &Revision) -> bool {
        self.held.iter().any(|hold| hold.revision == *revision)
    }
}

/// Why what is being deployed is not to be activated any more.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Overtaken {
    /// A newer green tip is there.
    ByNewer(Revision),
    /// The branch was taken back behind it, to this tip.
    Withdrawn(Revision),
}

impl Follow {
    /// The lane of a process that has just started: looks begin anew.
    pub(crate) fn started(&mut self, policy: &Policy, now: Now) {
        let branch = core::mem::take(&mut self.branch);
        *self = Self { branch, ..Self::default() };
        self.poll.begin(now.mono);
        self.fetch.begin(now.mono);
        self.gate.begin(now.mono);
        if let Some(tip) = &mut self.branch.tip {
            tip.forget_findings(now.mono);
            tip.wait_to_retry(policy, now);
        }
        self.time_look_back(policy, now);
    }

    /// What is saved of the lane, with nothing that only this process knows.
    pub(crate) fn branch(&self) -> Branch {
        Branch {
            tip: self.branch.tip.as_ref().map(Candidate::noted),
            leave: self.branch.leave.clone(),
            behind_since: self.branch.behind_since,
            not_green_since: self.branch.not_green_since,
            tried: self.branch.tried.clone(),
        }
    }

    /// Takes the saved part up.
    pub(crate) fn with(branch: Branch) -> Self {
        Self { branch, ..Self::default() }
    }

    /// Whether the saved part is this.
    pub(crate) fn is_noted_as(&self, other: &Branch) -> bool {
        let Branch { tip, leave, behind_since, not_green_since, tried } = &self.branch;
        let same_tip = match (tip, &other.tip) {
            (Some(own), Some(other)) => own.is_noted_as(other),
            (None, None) => true,
            (Some(_), None) | (None, Some(_)) => false,
        };
        same_tip
            && *leave == other.leave
            && *behind_since == other.behind_since
            && *not_green_since == other.not_green_since
            && *tried == other.tried
    }

    /// The newest tip, when it is not the deployed revision.
    pub(crate) const fn tip(&self) -> Option<&Candidate> {
        self.branch.tip.as_ref()
    }

    pub(crate) const fn behind_since(&self) -> Option<Wall> {
        self.branch.behind_since
    }

    /// Whether a revision that is not the tip failed in a way that may pass.
    pub(crate) fn has_tried(&self, revision: &Revision) -> bool {
        self.branch.tried.entries().any(|(tried, _)| tried == revision)
    }

    pub(crate) const fn poll(&self) -> &Polling {
        &self.poll
    }

    pub(crate) const fn fetch(&self) -> &Fetching {
        &self.fetch
    }

    pub(crate) const fn gate(&self) -> &Gating {
        &self.gate
    }

    /// When the lane has something to do by itself, answers that are given up included.
    pub(crate) fn due(&self, around: &Surroundings) -> Option<Mono> {
        let given_up =
            [self.poll.in_flight, self.fetch.in_flight, self.gate.in_flight, self.look_back.in_flight];
        let looks =
            [self.poll_due(), self.fetch_due(around), self.gate_due(around), self.look_back_due(around)];
        looks.into_iter().chain(given_up.map(|look| look.map(|look| look.until))).flatten().min()
    }

    /// Starts the looks that are due.
    pub(crate) fn advance(&mut self, around: &Surroundings, commands: &mut Vec<Command>) {
        let is_due = |moment: Option<Mono>| moment.is_some_and(|moment| moment <= around.now.mono);
        if is_due(self.fetch_due(around)) {
            self.start_fetch(around, commands);
        }
        if is_due(self.gate_due(around)) {
            self.start_check(around, commands);
        }
        if is_due(self.look_back_due(around)) {
            self.start_look_back(around, commands);
        }
        if is_due(self.poll_due()) {
            self.start_poll(around, commands);
        }
    }

    /// Gives up answers that are overdue: their drivers have limits of their own, so this is a driver that hangs.
    pub(crate) fn give_up(&mut self, around: &Surroundings) {
        let overdue =
            |in_flight: Option<InFlight>| in_flight.is_some_and(|look| look.until <= around.now.mono);
        if overdue(self.poll.in_flight) {
            self.poll_given_up(around);
        }
        if overdue(self.fetch.in_flight) {
            self.fetch_given_up(around);
        }
        if overdue(self.gate.in_flight) {
            self.check_given_up(around);
        }
        if overdue(self.look_back.in_flight) {
            self.look_back_given_up(around);
        }
    }

    /// The candidate that may be deployed: fetched, let pass by the forward-only test, green, not held. What a former
    /// process saw is no tip until the branch was looked at again: it may have been withdrawn since. While the tip is not
    /// green, it is the one that was found below it.
    pub(crate) fn ready(&self, around: &Surroundings) -> Option<&Candidate> {
        let tip = self.branch.tip.as_ref().filter(|tip| self.poll.tip.as_ref() == Some(&tip.revision))?;
        let candidate = if tip.has_passed() || around.is_held(&tip.revision) || !tip.is_allowed(around.base) {
            tip
        } else {
            self.older.as_ref()?
        };
        let may = candidate.is_allowed(around.base)
            && !around.is_held(&candidate.revision)
            && candidate.has_passed();
        may.then_some(candidate)
    }

    /// Whether a candidate in deployment is not to be activated any more.
    pub(crate) fn overtakes(&self, deploying: &Candidate, around: &Surroundings) -> Option<Overtaken> {
        match &self.branch.tip {
            Some(tip) if tip.revision == deploying.revision => None,
            Some(tip) if tip.has_passed() && self.ready(around).is_some() => {
                Some(Overtaken::ByNewer(tip.revision.clone()))
            }
            // The tip cannot contain what is being deployed: that descends from the deployed revision, the tip does not.
            Some(tip) => (tip.no_descendant().is_some() && deploying.is_descendant())
                .then(|| Overtaken::Withdrawn(tip.revision.clone())),
            // The tip is the deployed revision; without a tip nothing is known of the branch.
            None => self.poll.tip.clone().map(Overtaken::Withdrawn),
        }
    }

    /// A revision was deployed and confirmed.
    pub(crate) fn deployed(&mut self, revision: &Revision, now: Now) {
        self.decided(revision);
        match &self.branch.tip {
            Some(tip) if tip.revision == *revision => self.nothing_wanted(now),
            Some(tip) => {
                self.branch.behind_since = Some(tip.seen_at);
                self.fetch = Fetching::default();
                self.fetch.begin(now.mono);
                self.look_back.anew(now.mono);
                self.older = None;
            }
            None => {}
        }
    }

    /// A deployment of a revision failed; returns whether it is tried again.
    pub(crate) fn failed(
        &mut self,
        revision: &Revision,
        consequence: Consequence,
        around: &Surroundings,
    ) -> bool {
        match self.candidate(revision) {
            Some(candidate) => {
                let again = candidate.failed(consequence, around.policy, around.now);
                let tries = candidate.tries;
                // Not saved with the tip, and forgotten with it.
                if again && self.older.as_ref().is_some_and(|older| older.revision == *revision) {
                    self.branch.tried.note(revision.clone(), tries);
                }
                again
            }
            // It is tried again only if the branch comes back to it; what is wanted instead does not wait for that.
            None => self.branch.tried.failed(revision, consequence),
        }
    }

    /// A revision is decided: its failures are forgotten, and leave to deploy it was used up.
    pub(crate) fn decided(&mut self, revision: &Revision) {
        if let Some(tip) = self.tip_if(revision) {
            tip.forget_tries(Mono(0));
            tip.leave = false;
        }
        self.older.take_if(|older| older.revision == *revision);
        self.branch.tried.take(revision);
        self.branch.leave.take_if(|leave| leave == revision);
    }

    /// The branch has nothing that is not deployed here.
    pub(crate) fn nothing_wanted(&mut self, now: Now) {
        self.part_with_tip();
        self.branch.behind_since = None;
        self.green();
        self.look_anew(now);
    }

    /// Another branch or remote is followed from now on.
    pub(crate) fn source_changed(&mut self, now: Now) {
        self.poll = Polling::default();
        self.poll.begin(now.mono);
        self.nothing_wanted(now);
    }

    /// The operator wants a revision tried again, or all of them.
    pub(crate) fn retry(&mut self, revision: Option<&Revision>, now: Now) {
        if let Some(tip) = &mut self.branch.tip
            && revision.is_none_or(|revision| *revision == tip.revision)
        {
            tip.trigger = Trigger::Operator;
            tip.forget_tries(now.mono);
        }
        match revision {
            Some(revision) => drop(self.branch.tried.take(revision)),
            None => self.branch.tried.clear(),
        }
        // Found anew, with everything that is forgotten now.
        self.older = None;
        // What failed may have been the clone, which a fetch proves and mends.
        self.fetch = Fetching::default();
        self.fetch.begin(now.mono);
        if let Some(tip) = &mut self.branch.tip {
            tip.fetched = false;
        }
        self.look_now(Trigger::Operator, now);
    }

    /// The operator allows a revision although it is no descendant, once.
    pub(crate) fn accept(&mut self, revision: Revision, now: Now) {
        match self.tip_if(&revision) {
            Some(tip) => {
                tip.trigger = Trigger::Operator;
                tip.leave = true;
            }
            None => self.branch.leave = Some(revision),
        }
        self.look_now(Trigger::Operator, now);
    }

    /// Polls and asks the forge at once; what runs already is followed by another look.
    pub(crate) fn look_now(&mut self, trigger: Trigger, now: Now) {
        self.poll.soon(trigger, now.mono);
        self.fetch.soon(now.mono);
        self.gate.soon(now.mono);
        self.look_back.soon(now.mono);
    }

    /// From when on the forge may be asked because of a nudge that comes now.
    pub(crate) fn hurry(&mut self, now: Now) -> Mono {
        self.hurried_checks.take(now.mono, HURRIED_CHECK_EACH)
    }

    /// Forgets what was found out about the tip. An answer that is under way is late from now on.
    fn look_anew(&mut self, now: Now) {
        self.fetch = Fetching::default();
        self.fetch.begin(now.mono);
        self.gate.anew(now.mono);
        self.look_back.anew(now.mono);
        self.older = None;
    }

    /// Leave that the tip did not use is kept for when the branch comes back to it, and so is how often it failed.
    fn part_with_tip(&mut self) {
        let Some(tip) = self.branch.tip.take() else { return };
        self.branch.tried.note(tip.revision.clone(), tip.tries);
        if tip.leave {
            self.branch.leave.get_or_insert(tip.revision);
        }
    }

    /// What is known of a revision that may be deployed.
    fn candidate(&mut self, revision: &Revision) -> Option<&mut Candidate> {
        let candidates = [&mut self.branch.tip, &mut self.older];
        candidates.into_iter().flatten().find(|it| it.revision == *revision)
    }

    /// A question was not put to the forge.
    pub(crate) fn not_asked(&mut self, look: LookNumber) {
        self.gate.in_flight.take_if(|waits| waits.look == look);
        self.look_back.in_flight.take_if(|waits| waits.look == look);
    }

    fn tip_if(&mut self, revision: &Revision) -> Option<&mut Candidate> {
        self.branch.tip.as_mut().filter(|tip| tip.revision == *revision)
    }

    fn next_look(&mut self) -> LookNumber {
        self.looks = self.looks.next();
        self.looks
    }
}

/// A moment, but not sooner than [`SPACING`] after the last time.
fn spaced(next: Mono, last: Option<Mono>) -> Mono {
    last.map_or(next, |last| next.max(last.after(SPACING)))
}
