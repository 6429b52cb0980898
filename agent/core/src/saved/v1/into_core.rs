//! From version 1 into the core.

use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;

use pull_agent_protocol as wire;

use super::{
    Current, Deployed, Durations, FailureClass, File, Hold, Outcome, OutcomeTotal, Pause, Phase, PhaseName,
    PhaseTotal, Record, Refused, Totals, Tries, Trigger, Wanted,
};
use crate::candidate::{Candidate, Comparison, WhyRefused};
use crate::cause::{Cause, ReasonCode};
use crate::id::{DeploymentId, Revision, StepNumber, SystemPath};
use crate::saved::{Read, Unreadable, next_number};
use crate::state::Saved;
use crate::time::{Millis, Wall};
use crate::{candidate, deploy, follow, ledger, record};

impl TryFrom<File> for Read {
    type Error = Unreadable;
    fn try_from(file: File) -> Result<Self, Unreadable> {
        let File {
            version: _,
            next_deployment,
            next_attempt,
            deployed,
            current,
            wanted,
            behind_since,
            refused,
            accepted,
            held,
            tries,
            paused,
            history,
            totals,
        } = file;
        let accepted = accepted.as_deref().map(Revision::parse).transpose()?;
        let ledger = ledger::Ledger {
            next_deployment: next_number(next_deployment),
            next_step: next_number(next_attempt),
            deployed: deployed.map(Deployed::into_core).transpose()?,
            held: held.into_iter().map(Hold::into_core).collect::<Result<_, _>>()?,
            paused: paused.map(Pause::into_core),
            history: Arc::new(history.into_iter().map(Record::into_core).collect::<Result<_, _>>()?),
            totals: Arc::new(totals.into_core()),
        };
        let deployment =
            current.map(|current| current.into_core(ledger.base(), accepted.as_ref())).transpose()?;
        let mut branch = follow::Branch {
            tip: wanted.map(Wanted::into_core).transpose()?,
            leave: accepted,
            behind_since: behind_since.map(Wall),
            not_green_since: None,
            tried: follow::Tried::default(),
        };
        if let Some(tip) = &mut branch.tip {
            let (refused, tries) =
                (refused.map(Refused::into_core).transpose()?, tries.map(Tries::into_core).transpose()?);
            gather(tip, &mut branch.leave, refused, tries);
        }
        Ok(Self { saved: Saved { ledger, branch, deployment }, left_out: Vec::new() })
    }
}

/// Version 1 kept what was known of a revision in several places. What is about another revision than the wanted one is not
/// taken over: the program of version 1 would have found it out anew as well.
fn gather(
    tip: &mut Candidate,
    accepted: &mut Option<Revision>,
    refused: Option<(Revision, Comparison)>,
    tries: Option<(Revision, candidate::Tries)>,
) {
    tip.leave = accepted.take_if(|accepted| *accepted == tip.revision).is_some();
    tip.ancestry = refused.filter(|(revision, _)| *revision == tip.revision).map(|(_, found)| found);
    tip.tries =
        tries.filter(|(revision, _)| *revision == tip.revision).map(|(_, tries)| tries).unwrap_or_default();
}

fn path(text: &str) -> SystemPath {
    SystemPath::new(text)
}

impl Deployed {
    fn into_core(self) -> Result<ledger::Deployed, Unreadable> {
        let Self { revision, system, at, compared } = self;
        Ok(ledger::Deployed {
            revision: Revision::parse(&revision)?,
            system: path(&system),
            at: Wall(at),
            compared,
        })
    }
}

impl Wanted {
    fn into_core(self) -> Result<Candidate, Unreadable> {
        let Self { revision, subject, author, seen_at, passed_at, trigger } = self;
        Ok(Candidate {
            subject,
            author,
            passed_at: passed_at.map(Wall),
            ..Candidate::new(Revision::parse(&revision)?, trigger.into_core(), Wall(seen_at))
        })
    }
}

impl Refused {
    fn into_core(self) -> Result<(Revision, Comparison), Unreadable> {
        let Self { revision, deployed, reason, since } = self;
        let refusal = WhyRefused { reason, since: Wall(since) };
        let with = Revision::parse(&deployed)?;
        Ok((
            Revision::parse(&revision)?,
            Comparison {
                with: Some(with),
                no_descendant: Some(refusal),
                untrusted: None,
                contains: Vec::new(),
            },
        ))
    }
}

impl Hold {
    fn into_core(self) -> Result<ledger::Hold, Unreadable> {
        let Self { revision, reason, since } = self;
        Ok(ledger::Hold { revision: Revision::parse(&revision)?, reason, code: None, since: Wall(since) })
    }
}

impl Tries {
    fn into_core(self) -> Result<(Revision, candidate::Tries), Unreadable> {
        let Self { revision, transient, hard } = self;
        Ok((Revision::parse(&revision)?, candidate::Tries { transient, hard }))
    }
}

impl Pause {
    fn into_core(self) -> ledger::Pause {
        let Self { since, until, reason, by } = self;
        ledger::Pause { since: Wall(since), until: until.map(Wall), reason, by }
    }
}

impl Current {
    fn into_core(
        self,
        base: Option<&Revision>,
        accepted: Option<&Revision>,
    ) -> Result<deploy::Deployment, Unreadable> {
        let Self {
            id,
            revision,
            subject,
            trigger,
            compared,
            started_at,
            phase,
            phase_since,
            durations,
            busy,
            system,
            previous,
        } = self;
        let revision = Revision::parse(&revision)?;
        // What was not compared although something is deployed was allowed by the operator.
        let found = compared || base.is_none();
        let candidate = Candidate {
            subject: Some(subject),
            ancestry: found.then(|| Comparison {
                with: base.cloned(),
                no_descendant: None,
                untrusted: None,
                contains: Vec::new(),
            }),
            leave: accepted == Some(&revision),
            ..Candidate::new(revision, trigger.into_core(), Wall(started_at))
        };
        Ok(deploy::Deployment {
            id: DeploymentId(id),
            candidate,
            started_at: Wall(started_at),
            phase: phase.into_core(system, previous)?,
            phase_since: Wall(phase_since),
            durations: durations.into_core(),
            busy,
        })
    }
}

impl Phase {
    fn into_core(
        self,
        system: Option<String>,
        previous: Option<String>,
    ) -> Result<deploy::Phase, Unreadable> {
        let built = || match (&system, &previous) {
            (Some(system), Some(previous)) => {
                Ok(deploy::Built { system: path(system), previous: path(previous) })
            }
            (Some(_) | None, _) => Err(Unreadable::Systems),
        };
        Ok(match self {
            Self::Building { attempt } => deploy::Phase::Building { step: StepNumber(attempt) },
            Self::Built => deploy::Phase::Ready { built: built()?, busy: false, killed: 0 },
            Self::Activating { attempt, killed } => {
                deploy::Phase::Activating { step: StepNumber(attempt), built: built()?, killed }
            }
            Self::Busy => deploy::Phase::Ready { built: built()?, busy: true, killed: 0 },
            Self::Confirming { units_failed } => {
                deploy::Phase::Confirming { built: built()?, units_failed, spent: Millis(0), starts: 0 }
            }
            Self::RollingBack { attempt, failed_in, reason, failed, waited } => deploy::Phase::RollingBack {
                step: StepNumber(attempt),
                built: built()?,
                cause: Cause::told(failed_in.went_back_for(), reason),
                failed_in: failed_in.into_core(),
                failed,
                waited,
            },
        })
    }
}

impl Durations {
    fn into_core(self) -> record::Durations {
        let Self { gate, build, activate, confirm } = self;
        record::Durations {
            gate: gate.map(Millis),
            build: build.map(Millis),
            // Version 1 counted the time in which a built system waited for the phase before it.
            ready: None,
            activate: activate.map(Millis),
            confirm: confirm.map(Millis),
        }
    }
}

impl Record {
    fn into_core(self) -> Result<record::Record, Unreadable> {
        let Self {
            id,
            revision,
            subject,
            trigger,
            started_at,
            finished_at,
            durations,
            outcome,
            phase,
            reason,
            class,
            previous,
            system,
        } = self;
        Ok(record::Record {
            cause: cause(outcome, phase, reason, class),
            id: DeploymentId(id),
            revision: Revision::parse(&revision)?,
            subject,
            trigger: trigger.into_core(),
            started_at: Wall(started_at),
            finished_at: Wall(finished_at),
            durations: durations.into_core(),
            outcome: outcome.into_core(),
            phase: phase.map(PhaseName::into_core),
            previous: previous.as_deref().map(path),
            system: system.as_deref().map(path),
        })
    }
}

/// The word that version 1 did not have yet: by the class of the failure, else by how and where it went wrong.
fn cause(
    outcome: Outcome,
    phase: Option<PhaseName>,
    reason: Option<String>,
    class: Option<FailureClass>,
) -> Option<Cause> {
    let sentence = match (reason, class) {
        (Some(reason), _) => reason,
        (None, Some(_)) => String::from("no reason is known"),
        (None, None) => return None,
    };
    let phase = phase.unwrap_or(PhaseName::Building);
    let code = class.map(FailureClass::code).or_else(|| match outcome {
        Outcome::Deployed | Outcome::Unchanged => None,
        Outcome::Degraded if phase == PhaseName::Activating => Some(ReasonCode::UnitsFailed),
        Outcome::Degraded => Some(ReasonCode::ProbeFailed),
        Outcome::Failed => Some(ReasonCode::Unclassified),
        Outcome::RolledBack => Some(phase.went_back_for()),
        Outcome::Broken => Some(ReasonCode::RollbackFailed),
        // A newer tip in its place is nothing that went wrong.
        Outcome::Superseded => sentence.starts_with("it was taken back").then_some(ReasonCode::Withdrawn),
    });
    Some(Cause::Told { code, sentence })
}

impl Totals {
    fn into_core(self) -> record::Totals {
        let outcome = |OutcomeTotal { outcome, count, last }| record::OutcomeTotal {
            outcome: outcome.into_core(),
            count,
            last: Wall(last),
        };
        let phase = |PhaseTotal { phase, sum, buckets }| record::PhaseTotal {
            phase: phase.into_core(),
            sum: Millis(sum),
            buckets,
        };
        record::Totals {
            outcomes: self.outcomes.into_iter().map(outcome).collect(),
            phases: self.phases.into_iter().map(phase).collect(),
        }
    }
}

impl Trigger {
    const fn into_core(self) -> wire::Trigger {
        match self {
            Self::Poll => wire::Trigger::Poll,
            Self::Nudge => wire::Trigger::Nudge,
            Self::Operator => wire::Trigger::Operator,
            Self::Start => wire::Trigger::Start,
        }
    }
}

impl Outcome {
    const fn into_core(self) -> wire::Outcome {
        match self {
            Self::Deployed => wire::Outcome::Deployed,
            Self::Degraded => wire::Outcome::Degraded,
            Self::Unchanged => wire::Outcome::Unchanged,
            Self::Failed => wire::Outcome::Failed,
            Self::RolledBack => wire::Outcome::RolledBack,
            Self::Superseded => wire::Outcome::Superseded,
            Self::Broken => wire::Outcome::Broken,
        }
    }
}

impl PhaseName {
    /// The word for a way back from this phase.
    const fn went_back_for(self) -> ReasonCode {
        match self {
            Self::Confirming => ReasonCode::ProbeFailed,
            Self::Idle | Self::Gating | Self::Building | Self::Activating | Self::RollingBack => {
                ReasonCode::ActivationFailed
            }
        }
    }

    const fn into_core(self) -> wire::Phase {
        match self {
            Self::Idle => wire::Phase::Idle,
            Self::Gating => wire::Phase::Gating,
            Self::Building => wire::Phase::Building,
            Self::Activating => wire::Phase::Activating,
            Self::Confirming => wire::Phase::Confirming,
            Self::RollingBack => wire::Phase::RollingBack,
        }
    }
}

impl FailureClass {
    const fn code(self) -> ReasonCode {
        match self {
            Self::Transient => ReasonCode::Network,
            Self::Stalled => ReasonCode::BuildStalled,
            Self::TimedOut => ReasonCode::BuildTimeout,
            Self::OutOfMemory | Self::Killed => ReasonCode::OutOfMemory,
            Self::Deterministic => ReasonCode::BuildFailed,
            Self::Unclassified => ReasonCode::Unclassified,
            Self::Cancelled => ReasonCode::HostFault,
        }
    }
}
