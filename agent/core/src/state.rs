//! What the agent knows: [`Saved`] survives a crash, [`Seen`] is looked at anew after each start.

use alloc::string::String;
use alloc::vec::Vec;

use crate::event::{FailureClass, HostView, Verdict};
use crate::id::{Attempt, DeploymentId, Revision, SystemPath};
use crate::time::{Millis, Mono, Wall};
use pull_agent_protocol::{Outcome, Phase as PhaseName, Trigger};

/// Everything that the agent knows.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct State {
    /// On disk before any command starts.
    pub saved: Saved,
    /// In memory only.
    pub seen: Seen,
}

/// The part that is written to disk: intentions and history. [`crate::saved`] says how.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Saved {
    /// Id of the next deployment.
    pub next_deployment: u64,
    /// Number of the next try of a step that touches the host.
    pub next_attempt: u64,
    /// The last confirmed deployment.
    pub deployed: Option<Deployed>,
    /// The deployment in progress.
    pub current: Option<Current>,
    /// The newest tip, when it is not the deployed revision.
    pub wanted: Option<Wanted>,
    /// Since when the branch has had something that is not deployed here.
    pub behind_since: Option<Wall>,
    /// Why the wanted tip is refused.
    pub refused: Option<Refused>,
    /// The one revision that may be deployed although it is no descendant.
    pub accepted: Option<Revision>,
    /// Revisions that are not tried again by themselves.
    pub held: Vec<Hold>,
    /// Failures of the wanted revision that passed or may pass.
    pub tries: Option<Tries>,
    /// No new activations.
    pub paused: Option<Pause>,
    /// Deployments that ended, oldest first.
    pub history: Vec<Record>,
    /// For the metrics: what the history has forgotten too.
    pub totals: Totals,
}

impl Default for Saved {
    fn default() -> Self {
        Self {
            next_deployment: 1,
            next_attempt: 1,
            deployed: None,
            current: None,
            wanted: None,
            behind_since: None,
            refused: None,
            accepted: None,
            held: Vec::new(),
            tries: None,
            paused: None,
            history: Vec::new(),
            totals: Totals::default(),
        }
    }
}

/// The last confirmed deployment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Deployed {
    /// Its revision: what every later one must descend from.
    pub revision: Revision,
    /// Its system.
    pub system: SystemPath,
    /// When it was confirmed.
    pub at: Wall,
    /// Whether it was compared with an earlier one; false for the first and for one that the operator accepted.
    pub compared: bool,
}

/// The newest tip, when it is not the deployed revision.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wanted {
    /// Its revision.
    pub revision: Revision,
    /// First line of the commit message, once it is fetched.
    pub subject: Option<String>,
    /// Name of the author, once it is fetched.
    pub author: Option<String>,
    /// When this host first saw it.
    pub seen_at: Wall,
    /// When its verdict was first green.
    pub passed_at: Option<Wall>,
    /// What made the agent look.
    pub trigger: Trigger,
}

/// A tip that is no descendant of the deployed revision.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refused {
    /// The tip.
    pub revision: Revision,
    /// What it was compared with.
    pub deployed: Revision,
    /// The sentence for the operator.
    pub reason: String,
    /// Since when.
    pub since: Wall,
}

/// A revision that is not tried again by itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hold {
    /// Which one.
    pub revision: Revision,
    /// The sentence for the operator.
    pub reason: String,
    /// Since when.
    pub since: Wall,
}

/// How often one revision failed in a way that may pass.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tries {
    /// Which one.
    pub revision: Revision,
    /// Failures that are tried again without end.
    pub transient: u32,
    /// Stalls, timeouts and out of memory: [`crate::FailureClass`] says which are counted here.
    pub hard: u32,
}

/// No new activations.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pause {
    /// When it began.
    pub since: Wall,
    /// When it ends by itself.
    pub until: Option<Wall>,
    /// The operator's words.
    pub reason: Option<String>,
    /// The operator's name.
    pub by: String,
}

/// The deployment in progress.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Current {
    /// Its number.
    pub id: DeploymentId,
    /// What is deployed.
    pub revision: Revision,
    /// First line of the commit message.
    pub subject: String,
    /// What made the agent look.
    pub trigger: Trigger,
    /// Whether it was proven to descend from the deployed revision.
    pub compared: bool,
    /// When the build started.
    pub started_at: Wall,
    /// Where it is.
    pub phase: Phase,
    /// Since when.
    pub phase_since: Wall,
    /// Time in the phases that it has left.
    pub durations: Durations,
    /// How often another activation was at work.
    pub busy: u32,
    /// What was built, once it is.
    pub system: Option<SystemPath>,
    /// What ran before: the way back leads exactly there.
    pub previous: Option<SystemPath>,
}

/// Where a deployment is, with what that place needs to know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Phase {
    /// The build runs.
    Building {
        /// Its number.
        attempt: Attempt,
    },
    /// Built; waits for the end of the pause.
    Built,
    /// The switch runs.
    Activating {
        /// Its number.
        attempt: Attempt,
        /// How often a switch of this deployment was killed before it could say how it ended.
        killed: u32,
    },
    /// Another activation was at work; after a while the host is looked at and the switch tried again.
    Busy,
    /// The new system runs and is probed.
    Confirming {
        /// Whether the switch ended with exit code 4.
        units_failed: bool,
    },
    /// The way back runs, or waits to be tried again.
    RollingBack {
        /// Its number.
        attempt: Attempt,
        /// In which phase it went wrong.
        failed_in: PhaseName,
        /// Why.
        reason: String,
        /// How often the way back failed.
        failed: u32,
        /// How often it could not begin: another activation was at work, or the disk was full.
        waited: u32,
    },
}

/// Time in each phase that was left.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Durations {
    /// From the moment the revision was seen to its green verdict.
    pub gate: Option<Millis>,
    /// Building.
    pub build: Option<Millis>,
    /// Activating.
    pub activate: Option<Millis>,
    /// Confirming.
    pub confirm: Option<Millis>,
}

/// A deployment that ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// Its number.
    pub id: DeploymentId,
    /// What was deployed.
    pub revision: Revision,
    /// First line of the commit message.
    pub subject: String,
    /// What made the agent look.
    pub trigger: Trigger,
    /// When the build started.
    pub started_at: Wall,
    /// When the outcome was known.
    pub finished_at: Wall,
    /// Time in the phases.
    pub durations: Durations,
    /// How it ended.
    pub outcome: Outcome,
    /// In which phase it went wrong.
    pub phase: Option<PhaseName>,
    /// Why.
    pub reason: Option<String>,
    /// What kind of failure, where one decided what follows.
    pub class: Option<FailureClass>,
    /// What ran before.
    pub previous: Option<SystemPath>,
    /// What was built.
    pub system: Option<SystemPath>,
}

/// Counts over all deployments of this host.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    /// One for each outcome that occurred.
    pub outcomes: Vec<OutcomeTotal>,
    /// One for each phase that a deployment was in.
    pub phases: Vec<PhaseTotal>,
}

/// How often deployments ended this way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OutcomeTotal {
    /// This way.
    pub outcome: Outcome,
    /// So often.
    pub count: u64,
    /// The last time then.
    pub last: Wall,
}

/// How long deployments were in one phase.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PhaseTotal {
    /// This phase.
    pub phase: PhaseName,
    /// Together so long.
    pub sum: Millis,
    /// So often up to each bound of [`PHASE_BUCKETS`], not cumulated; the last one is for everything longer.
    pub buckets: Vec<u64>,
}

/// Upper bounds of the histogram of phase durations, in seconds.
pub const PHASE_BUCKETS: [u64; 10] = [1, 5, 15, 30, 60, 120, 300, 900, 1800, 3600];

/// What is looked at anew after each start.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Seen {
    /// The host as it last was.
    pub host: HostView,
    /// Number of the next poll, fetch, question or probe.
    pub next_attempt: u64,
    /// The remote.
    pub poll: Poll,
    /// The clone.
    pub fetch: Fetch,
    /// The forge.
    pub gate: Gate,
    /// The step of the deployment in progress.
    pub work: Work,
    /// Name of the phase that was last shown, and since when.
    pub phase: Option<(PhaseName, Wall)>,
    /// Not before this a deployment that failed for a passing reason is tried again.
    pub retry_at: Mono,
    /// When the pause ends.
    pub pause_ends: Option<Mono>,
}

/// An answer that is waited for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InFlight {
    /// The number that it must bring.
    pub attempt: Attempt,
    /// After this it is given up.
    pub until: Mono,
}

/// What is known of the remote.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Poll {
    /// The poll that runs.
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

impl Default for Poll {
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

/// What is known of the clone.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Fetch {
    /// The fetch that runs.
    pub in_flight: Option<InFlight>,
    /// When the next try is due.
    pub next: Mono,
    /// Failures in a row.
    pub failures: u32,
    /// The wanted revision is in the clone, and this is how it stands.
    pub compared: Option<Compared>,
    /// Why the last one failed.
    pub error: Option<String>,
}

/// A comparison of two revisions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Compared {
    /// The newer one.
    pub revision: Revision,
    /// The deployed one.
    pub with: Option<Revision>,
    /// None when it descends, or there was nothing to compare with; else the sentence for the operator.
    pub refusal: Option<String>,
}

/// What is known of the verdict on the wanted revision.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Gate {
    /// The question that waits for its answer.
    pub in_flight: Option<InFlight>,
    /// When it is asked next.
    pub next: Mono,
    /// When it was last asked.
    pub last: Option<Mono>,
    /// The forge wants to be left alone until then.
    pub not_before: Mono,
    /// When the wanted revision was first asked about.
    pub since: Option<Mono>,
    /// The last answer.
    pub verdict: Option<Verdict>,
    /// Longer than `gate.timeout`.
    pub overdue: bool,
}

/// The step of the deployment in progress.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Work {
    /// The step that runs.
    pub in_flight: Option<Attempt>,
    /// Until when it is waited for; only for probes, since what touches the host is never given up.
    pub until: Option<Mono>,
    /// When the next step is due.
    pub next: Mono,
    /// When the phase was entered, or taken up again.
    pub since: Mono,
    /// The step was taken up by a new process.
    pub resumed: bool,
    /// The build was told to end, since a newer green tip is there.
    pub cancelling: bool,
    /// What the last round of probes found.
    pub failures: Vec<String>,
}
