//! What is kept of deployments that ended: the history, and counts that outlive it.

use alloc::string::String;
use alloc::vec::Vec;

use pull_agent_protocol::{Outcome, Phase as PhaseName, Trigger};

use crate::cause::Cause;
use crate::id::{DeploymentId, Revision, SystemPath};
use crate::time::{Millis, Wall};

/// A deployment that ended.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names say it")]
pub struct Record {
    pub id: DeploymentId,
    pub revision: Revision,
    /// First line of the commit message.
    pub subject: String,
    /// What made the agent look.
    pub trigger: Trigger,
    /// When the build started.
    pub started_at: Wall,
    /// When the outcome was known.
    pub finished_at: Wall,
    pub durations: Durations,
    pub outcome: Outcome,
    /// In which phase it went wrong.
    pub phase: Option<PhaseName>,
    /// Why it did not end well.
    pub cause: Option<Cause>,
    /// What ran before, as far as the deployment came to know it.
    pub previous: Option<SystemPath>,
    /// What was built, if it was.
    pub system: Option<SystemPath>,
}

/// Time in each phase that was left.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names say it")]
pub struct Durations {
    /// From the moment the revision was seen to its green verdict.
    pub gate: Option<Millis>,
    pub build: Option<Millis>,
    /// Built, and waiting to be activated.
    pub ready: Option<Millis>,
    pub activate: Option<Millis>,
    pub confirm: Option<Millis>,
}

impl Durations {
    /// Adds time to a phase; the way back and what comes before a deployment have no row.
    pub(crate) fn add(&mut self, phase: PhaseName, spent: Millis) {
        let noted = match phase {
            PhaseName::Building => &mut self.build,
            PhaseName::Ready => &mut self.ready,
            PhaseName::Activating => &mut self.activate,
            PhaseName::Confirming => &mut self.confirm,
            PhaseName::Idle | PhaseName::Gating | PhaseName::RollingBack => return,
        };
        *noted = Some(Millis(noted.unwrap_or_default().0.saturating_add(spent.0)));
    }

    const fn of_phases(&self) -> [(PhaseName, Option<Millis>); 5] {
        [
            (PhaseName::Gating, self.gate),
            (PhaseName::Building, self.build),
            (PhaseName::Ready, self.ready),
            (PhaseName::Activating, self.activate),
            (PhaseName::Confirming, self.confirm),
        ]
    }
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
#[expect(missing_docs, reason = "the names say it")]
pub struct OutcomeTotal {
    pub outcome: Outcome,
    pub count: u64,
    /// When the last one of them ended.
    pub last: Wall,
}

/// How long deployments were in one phase.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names say it")]
pub struct PhaseTotal {
    pub phase: PhaseName,
    /// Of all deployments together.
    pub sum: Millis,
    /// So often up to each bound of [`PHASE_BUCKETS`], not cumulated; the last one is for everything longer.
    pub buckets: Vec<u64>,
}

/// Upper bounds of the histogram of phase durations, in seconds; a bound belongs to its bucket.
pub const PHASE_BUCKETS: [u64; 10] = [1, 5, 15, 30, 60, 120, 300, 900, 1800, 3600];

impl Totals {
    pub(crate) fn add(&mut self, outcome: Outcome, last: Wall, durations: &Durations) {
        match self.outcomes.iter_mut().find(|total| total.outcome == outcome) {
            Some(total) => {
                total.count = total.count.saturating_add(1);
                total.last = last;
            }
            None => self.outcomes.push(OutcomeTotal { outcome, count: 1, last }),
        }
        for (phase, spent) in durations.of_phases() {
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
        self.buckets[bucket] = self.buckets[bucket].saturating_add(1);
    }
}
