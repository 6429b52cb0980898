//! What the world is told: the state as the wire type. Reads nothing and decides nothing.

use pull_agent_core::{Hold, Pause, Record, State, Verdict, Wall};
use pull_agent_protocol::{self as wire, VERSION};

use crate::clock::rfc3339;
use crate::settings::{Runner, Settings};
use crate::summary;

/// What the process knows of itself.
#[derive(Clone, Debug)]
pub(crate) struct About {
    /// When it started.
    pub started_at: Wall,
    /// Its process id.
    pub pid: u32,
    /// What the operator should know that is no part of the state.
    pub warnings: Vec<String>,
}

/// Returns the status document; `progress` is known elsewhere and put in by the reader.
#[must_use]
pub(crate) fn status(settings: &Settings, about: &About, state: &State) -> wire::Status {
    let saved = &state.saved;
    let phase = state.phase_name();
    let since = state.seen.phase.map_or(about.started_at, |(_, since)| since);
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
        wanted: saved.wanted.as_ref().map(|wanted| wire::Wanted {
            revision: wanted.revision.to_string(),
            subject: wanted.subject.clone(),
            author: wanted.author.clone(),
            seen_at: rfc3339(wanted.seen_at),
        }),
        gate: saved.wanted.as_ref().and(state.seen.gate.verdict.as_ref()).map(gate),
        current: saved.current.as_ref().map(|current| wire::Current {
            id: current.id.0,
            revision: current.revision.to_string(),
            subject: current.subject.clone(),
            trigger: current.trigger,
            started_at: rfc3339(current.started_at),
        }),
        refused: saved.refused.as_ref().map(|refused| wire::Refused {
            revision: refused.revision.to_string(),
            deployed: refused.deployed.to_string(),
            reason: refused.reason.clone(),
            since: rfc3339(refused.since),
        }),
        progress: None,
        source: wire::Source {
            url: settings.source.url.clone(),
            branch: settings.source.branch.clone(),
            last_poll_at: state.seen.poll.last_at.map(rfc3339),
            last_success_at: state.seen.poll.last_success_at.map(rfc3339),
            error: state.seen.poll.error.clone().or_else(|| state.seen.fetch.error.clone()),
        },
        paused: saved.paused.as_ref().map(paused),
        held: saved.held.iter().map(hold).collect(),
        reboot_required: state.seen.host.reboot_required.clone(),
        warnings: warnings(settings, about, state),
        last_deployment: saved.history.last().map(deployment),
    }
}

/// Returns the newest deployment that had the path which runs now.
#[must_use]
pub(crate) fn running_record(state: &State) -> Option<&Record> {
    let current = state.seen.host.current.as_ref()?;
    state.saved.history.iter().rev().find(|record| record.system.as_ref() == Some(current))
}

fn running(state: &State) -> wire::Running {
    let current = state.seen.host.current.as_ref();
    let deployed = state.saved.deployed.as_ref();
    let drift = deployed.is_some_and(|deployed| current != Some(&deployed.system));
    // The last confirmed deployment is also known when the history was lost.
    let (revision, deployed_at) = match (running_record(state), deployed) {
        (_, Some(deployed)) if !drift => (Some(&deployed.revision), Some(deployed.at)),
        (Some(record), _) => (Some(&record.revision), Some(record.finished_at)),
        (None, _) => (None, None),
    };
    wire::Running {
        system: current.map(ToString::to_string),
        revision: revision.map(ToString::to_string),
        deployed_at: deployed_at.map(rfc3339),
        drift,
    }
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
            activate: seconds(record.durations.activate),
            confirm: seconds(record.durations.confirm),
        },
        outcome: record.outcome,
        phase: record.phase,
        reason: record.reason.clone(),
        previous_system: record.previous.as_ref().map(ToString::to_string),
        system: record.system.as_ref().map(ToString::to_string),
    }
}

fn warnings(settings: &Settings, about: &About, state: &State) -> Vec<String> {
    let saved = &state.saved;
    let mut warnings = about.warnings.clone();
    warnings.extend(settings.warnings.iter().cloned());
    if settings.rebuild.runner == Runner::Process {
        warnings.push(
            "rebuild.runner is \"process\": a running switch ends when a service manager kills the agent's group"
                .to_owned(),
        );
    }
    match &saved.deployed {
        None => warnings.push(
            "nothing was deployed here yet: the first green tip is taken without comparison".to_owned(),
        ),
        Some(deployed) if !deployed.compared => warnings.push(format!(
            "{} was deployed without proof that it descends from what ran before",
            deployed.revision.short()
        )),
        Some(_) => {}
    }
    if let Some(record) = saved.history.last()
        && record.outcome == wire::Outcome::Broken
    {
        warnings.push(format!("deployment {} left the host broken: the way back failed", record.id));
    }
    if state.seen.gate.overdue {
        warnings.push("no green verdict within gate.timeout: the forge is asked more rarely".to_owned());
    }
    warnings
}
