//! The one sentence that says what the agent does and why it waits: `summary` of the status, and the unit's `STATUS=`.

use pull_agent_core::{Evidence, Phase, State, Verdict, VerdictKind};

use crate::clock::rfc3339;
use crate::text;

/// Returns the sentence.
#[must_use]
pub(crate) fn summary(state: &State) -> String {
    let mut sentence = doing(state);
    if let Some(pause) = &state.saved.paused {
        let until = pause.until.map(|until| format!(" until {}", rfc3339(until))).unwrap_or_default();
        sentence = format!("paused{until}; {sentence}");
    }
    if let Some(error) = &state.seen.poll.error {
        sentence = format!("{sentence}; the remote cannot be polled: {error}");
    } else if let Some(error) = &state.seen.fetch.error {
        sentence = format!("{sentence}; the remote cannot be fetched from: {error}");
    }
    // A state of an earlier version may hold words from outside as they came.
    text::sentence(&sentence)
}

fn doing(state: &State) -> String {
    let Some(current) = &state.saved.current else { return waiting(state) };
    let short = current.revision.short();
    match &current.phase {
        Phase::Building { .. } if state.seen.work.cancelling => {
            format!("ending the build of {short} for a newer revision")
        }
        Phase::Building { .. } => format!("building {short}"),
        Phase::Built => format!("{short} is built and waits for the end of the pause"),
        Phase::Activating { .. } => format!("switching to {short}"),
        Phase::Busy => format!("{short} is built; another activation is at work, trying again"),
        Phase::Confirming { .. } => match state.seen.work.failures.first() {
            Some(failure) => format!("{short} runs, waiting until it is healthy: {failure}"),
            None => format!("{short} runs, probing its health"),
        },
        Phase::RollingBack { reason, .. } => format!("going back from {short}: {reason}"),
    }
}

fn waiting(state: &State) -> String {
    let saved = &state.saved;
    let Some(wanted) = &saved.wanted else {
        return match &saved.deployed {
            Some(deployed) if state.seen.host.current.as_ref() == Some(&deployed.system) => {
                format!("up to date with {}", deployed.revision.short())
            }
            Some(deployed) => {
                format!("up to date with {}, but another system runs", deployed.revision.short())
            }
            None => "waiting for the first answer of the remote".to_owned(),
        };
    };
    let short = wanted.revision.short();
    if let Some(hold) = saved.held.iter().find(|hold| hold.revision == wanted.revision) {
        return format!("{short} is held: {}", hold.reason);
    }
    if let Some(refused) = &saved.refused {
        return format!("{short} is refused: {}", refused.reason);
    }
    match &state.seen.gate.verdict {
        None if state.seen.fetch.compared.is_none() => format!("fetching {short}"),
        None => format!("asking the forge about {short}"),
        Some(verdict) => judged(short, verdict, state),
    }
}

fn judged(short: &str, verdict: &Verdict, state: &State) -> String {
    match verdict.kind {
        VerdictKind::Green | VerdictKind::Off => match &state.saved.tries {
            Some(_) => format!("{short} failed for a reason that may pass, waiting to try it again"),
            None => format!("{short} is green"),
        },
        VerdictKind::Pending => {
            let open: Vec<_> = verdict
                .checks
                .iter()
                .filter(|check| check.conclusion.is_none())
                .map(|check| check.name.as_str())
                .collect();
            let noun = if open.len() == 1 { "check" } else { "checks" };
            format!("waiting for {noun} {} on {short}", open.join(", "))
        }
        VerdictKind::Red => format!("{short} is red: {}", verdict.detail),
        VerdictKind::Unproven => format!("{short} is unproven: {}", verdict.detail),
        VerdictKind::Unavailable => format!("no verdict on {short}: {}", verdict.detail),
    }
}

/// The word of a verdict on the wire.
#[must_use]
pub(crate) const fn verdict_word(kind: VerdictKind) -> &'static str {
    match kind {
        VerdictKind::Green => "green",
        VerdictKind::Pending => "pending",
        VerdictKind::Red => "red",
        VerdictKind::Unproven => "unproven",
        VerdictKind::Unavailable => "unavailable",
        VerdictKind::Off => "off",
    }
}

/// The word of the evidence on the wire.
#[must_use]
pub(crate) const fn evidence_word(evidence: Evidence) -> &'static str {
    match evidence {
        Evidence::Commit => "commit",
        Evidence::PullRequest => "pull-request",
    }
}
