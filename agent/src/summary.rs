//! The one sentence that says what the agent does and why it waits: `summary` of the status, and the unit's `STATUS=`.

use pull_agent_core::{Candidate, Evidence, Phase, State, Verdict, VerdictKind, Wait};

use crate::clock::rfc3339;
use crate::text;

/// Returns one sentence on what the agent does, for `STATUS=` and the status document.
#[must_use]
pub(crate) fn summary(state: &State) -> String {
    let mut sentence = doing(state);
    if let Some(pause) = &state.ledger().paused {
        let until = pause.until.map(|until| format!(" until {}", rfc3339(until))).unwrap_or_default();
        sentence = format!("paused{until}; {sentence}");
    }
    if let Some(error) = &state.poll().error {
        sentence = format!("{sentence}; the remote cannot be polled: {error}");
    } else if let Some(error) = &state.fetch().error {
        sentence = format!("{sentence}; the remote cannot be fetched from: {error}");
    }
    // A state of an earlier version may hold words from outside as they came.
    text::sentence(&sentence)
}

fn doing(state: &State) -> String {
    let Some(deployment) = state.deployment() else { return waiting(state) };
    let short = deployment.candidate.revision.short();
    match &deployment.phase {
        Phase::Building { .. } if state.work().cancelling => {
            format!("ending the build of {short} for a newer revision")
        }
        Phase::Building { .. } => format!("building {short}"),
        Phase::Ready { .. } => {
            let waits_for = state.waits_for();
            if waits_for.contains(&Wait::Pause) {
                format!("{short} is built and waits for the end of the pause")
            } else if waits_for.contains(&Wait::Verdict) {
                format!("{short} is built; {}", asked_again(state, &deployment.candidate))
            } else {
                format!("{short} is built; another activation is at work, trying again")
            }
        }
        Phase::Activating { .. } => format!("switching to {short}"),
        Phase::Confirming { .. } => match state.work().failures.first() {
            Some(failure) => format!("{short} runs, waiting until it is healthy: {}", failure.sentence),
            None => format!("{short} runs, probing its health"),
        },
        Phase::RollingBack { cause, .. } => format!("going back from {short}: {}", cause.sentence()),
    }
}

/// What is said of a verdict that was too old to activate by.
fn asked_again(state: &State, candidate: &Candidate) -> String {
    match candidate.verdict() {
        Some(verdict) if !verdict.kind.passes() => {
            format!("the forge is asked again before it is activated: {}", verdict.detail)
        }
        Some(_) | None => match state.gate().alone_until {
            Some(until) => format!(
                "the forge is to be left alone until {}, and is asked once more then, before it is activated",
                rfc3339(until)
            ),
            None => "the forge is asked once more before it is activated, since its word is old".to_owned(),
        },
    }
}

fn waiting(state: &State) -> String {
    let Some(wanted) = state.wanted() else {
        return match &state.ledger().deployed {
            Some(deployed) if state.host().runs(&deployed.system) => {
                format!("up to date with {}", deployed.revision.short())
            }
            Some(deployed) => {
                format!("up to date with {}, but another system runs", deployed.revision.short())
            }
            None => "waiting for the first answer of the remote".to_owned(),
        };
    };
    let short = wanted.revision.short();
    if let Some(hold) = state.ledger().held.iter().find(|hold| hold.revision == wanted.revision) {
        return format!("{short} is held: {}", hold.reason);
    }
    if let Some(refusal) = wanted.refusal() {
        return format!("{short} is refused: {}", refusal.reason);
    }
    let tip = match wanted.verdict() {
        None if wanted.is_fetched() => match state.gate().alone_until {
            Some(until) => {
                let until = rfc3339(until);
                format!("the forge is to be left alone until {until}; it is asked about {short} then")
            }
            None => format!("asking the forge about {short}"),
        },
        None => format!("fetching {short}"),
        Some(verdict) => judged(wanted, verdict),
    };
    match state.older() {
        Some(older) => format!("{tip}; {}", below(older)),
        None => tip,
    }
}

fn below(older: &Candidate) -> String {
    let short = older.revision.short();
    match older.refusal() {
        Some(refusal) => {
            format!("{short}, the newest green commit below it, is refused: {}", refusal.reason)
        }
        None if older.tries.count() > 0 => {
            format!(
                "{short}, the newest green commit below it, failed for a reason that may pass, waiting to try it again"
            )
        }
        None => format!("{short}, the newest green commit below it, is deployed instead"),
    }
}

fn judged(wanted: &Candidate, verdict: &Verdict) -> String {
    let short = wanted.revision.short();
    match verdict.kind {
        VerdictKind::Green | VerdictKind::Off if wanted.tries.count() > 0 => {
            format!("{short} failed for a reason that may pass, waiting to try it again")
        }
        VerdictKind::Green | VerdictKind::Off => format!("{short} is green"),
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
        Evidence::Merged => "merged",
    }
}

#[cfg(test)]
mod tests;
