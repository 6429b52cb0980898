//! What the world is told: the state as the wire type. Reads nothing and decides nothing.

use pull_agent_core::{Candidate, Cause, Hold, Pause, Record, State, Verdict, VerdictKind, Wall};
use pull_agent_protocol::{self as wire, VERSION};

use crate::clock::rfc3339;
use crate::settings::{Runner, Settings};
use crate::summary;

/// What the process knows of itself.
#[derive(Clone, Debug)]
pub(crate) struct About {
    pub started_at: Wall,
    pub pid: u32,
    /// What the operator should know that is no part of the state.
    pub warnings: Vec<String>,
}

/// Returns the status document; `progress` is known elsewhere and put in by the reader.
#[must_use]
pub(crate) fn status(settings: &Settings, about: &About, state: &State) -> wire::Status {
    let ledger = state.ledger();
    let phase = state.phase_name();
    let since = state.shown_phase().map_or(about.started_at, |(_, since)| since);
    wire::Status {
        version: VERSION,
        host: settings.host.clone(),
        agent: wire::Agent {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            started_at: rfc3339(about.started_at),
            pid: about.pid,
            runner: match settings.rebuild.runner {
                Runner::Systemd => "systemd".to_owned(),
                Runner::Process => "process".to_owned(),
            },
        },
        phase,
        since: rfc3339(since),
        summary: summary::summary(state),
        running: running(state),
        wanted: state.wanted().map(|wanted| wire::Wanted {
            revision: wanted.revision.to_string(),
            subject: wanted.subject.clone(),
            author: wanted.author.clone(),
            seen_at: rfc3339(wanted.seen_at),
        }),
        gate: state.wanted().and_then(Candidate::verdict).map(gate),
        candidate: state.older().map(candidate),
        current: state.deployment().map(|deployment| wire::Current {
            id: deployment.id.0,
            revision: deployment.candidate.revision.to_string(),
            subject: deployment.candidate.subject.clone().unwrap_or_default(),
            trigger: deployment.candidate.trigger,
            started_at: rfc3339(deployment.started_at),
            phase,
        }),
        refused: state.wanted().and_then(refused),
        progress: None,
        source: wire::Source {
            url: settings.source.url.clone(),
            branch: settings.source.branch.clone(),
            last_poll_at: state.poll().last_at.map(rfc3339),
            last_success_at: state.poll().last_success_at.map(rfc3339),
            error: state.poll().error.clone().or_else(|| state.fetch().error.clone()),
        },
        paused: ledger.paused.as_ref().map(paused),
        held: ledger.held.iter().map(hold).collect(),
        reboot_required: state.host().reboot_required.clone(),
        warnings: warnings(settings, about, state),
        last_deployment: ledger.history.last().map(deployment),
    }
}

fn running(state: &State) -> wire::Running {
    let deployed = state.ledger().deployed.as_ref().filter(|deployed| state.host().runs(&deployed.system));
    // The last confirmed deployment is also known when the history was lost.
    let (revision, deployed_at) = match (deployed, state.running_record()) {
        (Some(deployed), _) => (Some(&deployed.revision), Some(deployed.at)),
        (None, Some(record)) => (Some(&record.revision), Some(record.finished_at)),
        (None, None) => (None, None),
    };
    wire::Running {
        system: state.host().current.as_ref().map(ToString::to_string),
        revision: revision.map(ToString::to_string),
        deployed_at: deployed_at.map(rfc3339),
        drift: state.has_drifted(),
    }
}

fn candidate(older: &Candidate) -> wire::OlderCandidate {
    let verdict = older.verdict().map_or(VerdictKind::Pending, |verdict| verdict.kind);
    wire::OlderCandidate {
        revision: older.revision.to_string(),
        subject: older.subject.clone(),
        verdict: summary::verdict_word(verdict).to_owned(),
    }
}

fn refused(tip: &Candidate) -> Option<wire::Refused> {
    let refusal = tip.refusal()?;
    Some(wire::Refused {
        revision: tip.revision.to_string(),
        deployed: tip.compared_with().map(ToString::to_string),
        kind: if tip.is_untrusted() { wire::RefusedFor::Signature } else { wire::RefusedFor::NoDescendant },
        reason: refusal.reason.clone(),
        since: rfc3339(refusal.since),
    })
}

fn gate(verdict: &Verdict) -> wire::Gate {
    wire::Gate {
        verdict: summary::verdict_word(verdict.kind).to_owned(),
        evidence: verdict.evidence.map(|evidence| summary::evidence_word(evidence).to_owned()),
        detail: verdict.detail.clone(),
        checks: verdict
            .checks
            .iter()
            .map(|check| wire::Check {
                name: check.name.clone(),
                status: check.status.clone(),
                conclusion: check.conclusion.clone(),
                url: check.url.clone(),
            })
            .collect(),
    }
}

fn paused(pause: &Pause) -> wire::Paused {
    wire::Paused {
        since: rfc3339(pause.since),
        until: pause.until.map(rfc3339),
        reason: pause.reason.clone(),
        by: pause.by.clone(),
    }
}

fn hold(hold: &Hold) -> wire::Hold {
    wire::Hold {
        revision: hold.revision.to_string(),
        reason: hold.reason.clone(),
        since: rfc3339(hold.since),
    }
}

/// Returns a deployment that ended as the wire type.
#[must_use]
pub(crate) fn deployment(record: &Record) -> wire::Deployment {
    #[expect(clippy::cast_precision_loss, reason = "durations of deployments are far below 2^52 ms")]
    let seconds = |length: Option<pull_agent_core::Millis>| length.map(|length| length.0 as f64 / 1000.0);
    wire::Deployment {
        id: record.id.0,
        revision: record.revision.to_string(),
        subject: record.subject.clone(),
        trigger: record.trigger,
        started_at: rfc3339(record.started_at),
        finished_at: rfc3339(record.finished_at),
        durations: wire::Durations {
            gate: seconds(record.durations.gate),
            build: seconds(record.durations.build),
            ready: seconds(record.durations.ready),
            activate: seconds(record.durations.activate),
            confirm: seconds(record.durations.confirm),
        },
        outcome: record.outcome,
        phase: record.phase,
        reason: record.cause.as_ref().map(Cause::sentence),
        reason_code: record.cause.as_ref().and_then(Cause::code).map(|code| code.as_str().to_owned()),
        previous_system: record.previous.as_ref().map(ToString::to_string),
        system: record.system.as_ref().map(ToString::to_string),
    }
}

fn warnings(settings: &Settings, about: &About, state: &State) -> Vec<String> {
    let ledger = state.ledger();
    let mut warnings = about.warnings.clone();
    warnings.extend(settings.warnings.iter().cloned());
    if settings.rebuild.runner == Runner::Process {
        warnings.push(
            "rebuild.runner is \"process\": a running switch ends when a service manager kills the agent's group"
                .to_owned(),
        );
    }
    match &ledger.deployed {
        None => warnings.push(
            "nothing was deployed here yet: the first green tip is taken without comparison".to_owned(),
        ),
        Some(deployed) if !deployed.compared => warnings.push(format!(
            "{} was deployed without proof that it descends from what ran before",
            deployed.revision.short()
        )),
        Some(_) => {}
    }
    if let Some(record) = ledger.history.last()
        && record.outcome == wire::Outcome::Broken
    {
        warnings.push(format!("deployment {} left the host broken: the way back failed", record.id));
    }
    if let Some(error) = &state.looking_back().error {
        warnings.push(format!("the commits below the tip could not be looked at, trying again: {error}"));
    }
    if state.gate().overdue {
        warnings.push("no green verdict within gate.timeout: the forge is asked more rarely".to_owned());
    }
    warnings
}

#[cfg(test)]
mod tests;
