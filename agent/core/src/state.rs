//! Everything that the agent knows: two lanes, the ledger between them, and the host as it last was.

use alloc::vec::Vec;

use pull_agent_protocol::Phase as PhaseName;

use crate::candidate::Candidate;
use crate::command::Command;
use crate::deploy::{Deploy, Deployment, Phase, Wait, Work};
use crate::follow::{Branch, Fetching, Follow, Gating, LookingBack, Polling, Surroundings};
use crate::host::HostView;
use crate::id::{Revision, SystemPath};
use crate::ledger::Ledger;
use crate::policy::Policy;
use crate::record::Record;
use crate::time::{Mono, Now, Wall};

/// Everything that the agent knows. Only `decide` changes it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct State {
    pub(crate) ledger: Ledger,
    pub(crate) follow: Follow,
    pub(crate) deploy: Deploy,
    pub(crate) host: HostView,
    /// The phase that was last shown, and since when.
    pub(crate) shown: Option<(PhaseName, Wall)>,
    /// End of the pause by the steady clock; none without a pause, and for one without an end.
    pub(crate) pause_ends: Option<Mono>,
}

/// The part that is on disk before any command starts: intentions and history.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Saved {
    /// Numbers, holds, the pause, the history.
    pub ledger: Ledger,
    /// What is known of the followed branch, the candidate at its tip included.
    pub branch: Branch,
    /// None while nothing is deployed.
    pub deployment: Option<Deployment>,
}

impl Saved {
    /// Whether the operator allows this revision although it is no descendant.
    #[must_use]
    pub fn has_leave(&self, revision: &Revision) -> bool {
        let tip = self.branch.tip.as_ref().is_some_and(|tip| tip.leave && tip.revision == *revision);
        tip || self.branch.leave.as_ref() == Some(revision)
    }
}

impl From<Saved> for State {
    /// The state of a process that has read this and knows nothing else yet.
    fn from(saved: Saved) -> Self {
        let Saved { ledger, branch, deployment } = saved;
        Self { ledger, follow: Follow::with(branch), deploy: Deploy::with(deployment), ..Self::default() }
    }
}

impl State {
    /// The part that is saved.
    #[must_use]
    pub fn saved(&self) -> Saved {
        Saved {
            ledger: self.ledger.clone(),
            branch: self.follow.branch(),
            deployment: self.deploy.current().map(Deployment::noted),
        }
    }

    /// Whether the part that is saved is this; the same as comparing with [`Self::saved`], without the copy.
    #[must_use]
    pub fn is_saved_as(&self, saved: &Saved) -> bool {
        let Saved { ledger, branch, deployment } = saved;
        // What changes most comes first, and the long history last.
        self.follow.is_noted_as(branch)
            && self.deploy.is_noted_as(deployment.as_ref())
            && self.ledger == *ledger
    }

    /// Numbers, holds, the pause, the history.
    #[must_use]
    pub const fn ledger(&self) -> &Ledger {
        &self.ledger
    }

    /// The host as it last was.
    #[must_use]
    pub const fn host(&self) -> &HostView {
        &self.host
    }

    /// The newest tip of the branch, when it is not the deployed revision.
    #[must_use]
    pub const fn wanted(&self) -> Option<&Candidate> {
        self.follow.tip()
    }

    /// The newest green commit below a tip that is not green, which is deployed in its stead.
    #[must_use]
    pub const fn older(&self) -> Option<&Candidate> {
        self.follow.older()
    }

    /// When the line below a tip that is not green is looked through.
    #[must_use]
    pub const fn looking_back(&self) -> &LookingBack {
        self.follow.looking_back()
    }

    /// Whether the forge wants to be left alone now.
    pub(crate) fn forge_wants_quiet(&self, now: Mono) -> bool {
        self.follow.gate().not_before > now
    }

    /// Takes a question back that was not put to the forge yet, so that its answer is not awaited; whether it is one.
    pub(crate) fn takes_back(&mut self, command: &Command) -> bool {
        match command {
            Command::Check { look, .. } | Command::LookBack { look, .. } => {
                self.follow.not_asked(*look);
                true
            }
            Command::CheckAgain { look, .. } => {
                self.deploy.not_asked(*look);
                true
            }
            Command::Poll { .. }
            | Command::Fetch { .. }
            | Command::Build { .. }
            | Command::CancelBuild { .. }
            | Command::Activate { .. }
            | Command::Probe { .. }
            | Command::Forget { .. } => false,
        }
    }

    /// The deployment in progress; none while nothing is deployed.
    #[must_use]
    pub const fn deployment(&self) -> Option<&Deployment> {
        self.deploy.current()
    }

    /// What this process knows of the deployment in progress.
    #[must_use]
    pub const fn work(&self) -> &Work {
        self.deploy.work()
    }

    /// What is known of the remote.
    #[must_use]
    pub const fn poll(&self) -> &Polling {
        self.follow.poll()
    }

    /// What is known of the clone.
    #[must_use]
    pub const fn fetch(&self) -> &Fetching {
        self.follow.fetch()
    }

    /// When the forge is asked.
    #[must_use]
    pub const fn gate(&self) -> &Gating {
        self.follow.gate()
    }

    /// Since when the branch has had something that is not deployed here.
    #[must_use]
    pub const fn behind_since(&self) -> Option<Wall> {
        self.follow.behind_since()
    }

    /// The phase that was last shown, and since when; none before the first decision.
    #[must_use]
    pub const fn shown_phase(&self) -> Option<(PhaseName, Wall)> {
        self.shown
    }

    /// The phase as the world is told it.
    #[must_use]
    pub fn phase_name(&self) -> PhaseName {
        if let Some(deployment) = self.deploy.current() {
            return deployment.phase.name();
        }
        match self.follow.tip() {
            Some(tip)
                if !self.ledger.is_held(&tip.revision) && tip.refusal().is_none() && !tip.has_passed() =>
            {
                PhaseName::Gating
            }
            Some(_) | None => PhaseName::Idle,
        }
    }

    /// What the built system waits for, in the phase in which it does.
    #[must_use]
    pub fn waits_for(&self) -> Vec<Wait> {
        let Some(Deployment { phase: Phase::Ready { busy, killed, .. }, .. }) = self.deploy.current() else {
            return Vec::new();
        };
        let pause = (*killed == 0 && self.ledger.paused.is_some()).then_some(Wait::Pause);
        let verdict = self.work().awaits_verdict.then_some(Wait::Verdict);
        [pause, busy.then_some(Wait::OtherActivation), verdict].into_iter().flatten().collect()
    }

    /// The newest deployment that had the path which runs now.
    #[must_use]
    pub fn running_record(&self) -> Option<&Record> {
        self.ledger.record_of(self.host.current.as_ref()?)
    }

    /// The recorded system to go back to from what runs: what ran before the deployment in progress; else what the last
    /// confirmed deployment activated, where something else runs; else what ran before the deployment of what runs. Never
    /// "the previous generation": after a way back that is the bad one.
    #[must_use]
    pub fn way_back(&self) -> Option<&SystemPath> {
        let other = |system: &&SystemPath| !self.host.runs(system);
        let in_progress = self.deploy.current().and_then(Deployment::built).map(|built| &built.previous);
        let confirmed = self.ledger.deployed.as_ref().map(|deployed| &deployed.system);
        let brought_it = |record: &&Record| record.system.as_ref() == self.host.current.as_ref();
        let mut records = self.ledger.history.iter().rev().filter(brought_it);
        in_progress
            .filter(other)
            .or_else(|| confirmed.filter(other))
            .or_else(|| records.find_map(|record| record.previous.as_ref().filter(other)))
    }

    /// Whether something else runs than what was last deployed, and than what is being deployed.
    #[must_use]
    pub fn has_drifted(&self) -> bool {
        let ours = |system| self.host.runs(system);
        let deploying = self.deploy.current().and_then(|deployment| deployment.built());
        self.ledger.deployed.as_ref().is_some_and(|deployed| !ours(&deployed.system))
            && !deploying.is_some_and(|built| ours(&built.system))
    }

    /// What the follow lane must know of the rest.
    pub(crate) fn surroundings<'a>(&'a self, policy: &'a Policy, now: Now) -> Surroundings<'a> {
        surroundings(&self.ledger, &self.deploy, policy, now)
    }

    /// The follow lane, to be changed, and what it must know of the rest.
    pub(crate) fn follow_lane<'a>(
        &'a mut self,
        policy: &'a Policy,
        now: Now,
    ) -> (&'a mut Follow, Surroundings<'a>) {
        (&mut self.follow, surroundings(&self.ledger, &self.deploy, policy, now))
    }
}

fn surroundings<'a>(
    ledger: &'a Ledger,
    deploy: &'a Deploy,
    policy: &'a Policy,
    now: Now,
) -> Surroundings<'a> {
    let deploying = deploy.current().map(|deployment| &deployment.candidate.revision);
    Surroundings { policy, now, base: ledger.base(), held: &ledger.held, history: &ledger.history, deploying }
}
