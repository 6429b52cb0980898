//! The status in one screen: what runs, what is wanted, why it waits and since when, and why the last one failed.

use jiff::Timestamp;
use pull_agent_protocol::{Check, Deployment, Phase, RefusedFor, Status};

use super::rows::Rows;
use super::time::{ago, ahead, for_how_long, minute};
use super::{outcome_paint, progress, short, went_wrong};
use crate::screen::{Paint, Screen};

/// Checks, holds and warnings beyond these are only counted.
const MOST: usize = 5;

/// What is printed beside the status document itself.
#[derive(Debug, Default)]
pub(crate) struct Beside {
    /// Subject of the running revision.
    pub(crate) running_subject: Option<String>,
    /// The last lines of the log of the last deployment.
    pub(crate) log_end: Vec<String>,
}

/// Returns the screen.
pub(crate) fn render(status: &Status, beside: &Beside, screen: Screen, now: Timestamp) -> String {
    let mut rows = Rows::new(screen);
    let title = format!("{}: {}", status.host, status.summary);
    rows.heading(Paint::Strong, &title);
    let paint = if status.phase == Phase::Idle { None } else { Some(Paint::Waiting) };
    rows.row("phase", paint, &format!("{} {}", status.phase.as_str(), for_how_long(&status.since, now)));
    running(&mut rows, status, beside, now);
    wanted(&mut rows, status, now);
    doing(&mut rows, status, now);
    waiting(&mut rows, status, now);
    if let Some(last) = &status.last_deployment {
        last_deployment(&mut rows, last, beside, now);
    }
    host(&mut rows, status, now);
    rows.finish()
}

fn running(rows: &mut Rows, status: &Status, beside: &Beside, now: Timestamp) {
    let running = &status.running;
    let since = running.deployed_at.as_ref().map(|at| format!(", {}", ago(at, now))).unwrap_or_default();
    let subject = beside.running_subject.as_deref().unwrap_or_default();
    match &running.revision {
        Some(revision) => rows.row("runs", None, &format!("{}{since}", named(revision, subject))),
        None => rows.row("runs", None, "no revision that this agent has deployed"),
    }
    rows.more(Some(Paint::Faint), running.system.as_deref().unwrap_or("the running system cannot be read"));
    if running.drift {
        rows.row(
            "drift",
            Some(Paint::Waiting),
            "what runs is not what was deployed last; it stays until the branch moves",
        );
    }
}

fn wanted(rows: &mut Rows, status: &Status, now: Timestamp) {
    let Some(wanted) = &status.wanted else {
        if status.source.last_success_at.is_some() {
            rows.row("wanted", None, "nothing newer");
        }
        return;
    };
    let subject = wanted.subject.as_deref().unwrap_or_default();
    let author = wanted.author.as_ref().map(|author| format!(" by {author}")).unwrap_or_default();
    rows.row(
        "wanted",
        None,
        &format!("{}{author}, seen {}", named(&wanted.revision, subject), ago(&wanted.seen_at, now)),
    );
    let Some(gate) = &status.gate else { return };
    let paint = verdict_paint(&gate.verdict);
    rows.row("gate", Some(paint), &format!("{}: {}", gate.verdict, gate.detail));
    for check in gate.checks.iter().take(MOST) {
        rows.more(
            Some(check_paint(check)),
            &format!("{}: {}", check.name, check.conclusion.as_ref().unwrap_or(&check.status)),
        );
    }
    left_out(rows, gate.checks.len());
    if let Some(older) = &status.candidate {
        let subject = older.subject.as_deref().unwrap_or_default();
        let text = format!(
            "{}: {}, the newest below the wanted one",
            named(&older.revision, subject),
            older.verdict
        );
        rows.row("instead", Some(verdict_paint(&older.verdict)), &text);
    }
}

fn doing(rows: &mut Rows, status: &Status, now: Timestamp) {
    if let Some(current) = &status.current {
        let started = ago(&current.started_at, now);
        rows.row(
            "doing",
            None,
            &format!(
                "deployment {} of {} {}, started {started}",
                current.id,
                short(&current.revision),
                current.subject
            ),
        );
    }
    if let Some(build) = &status.progress {
        rows.row("progress", None, &progress(build));
    }
}

fn waiting(rows: &mut Rows, status: &Status, now: Timestamp) {
    if let Some(paused) = &status.paused {
        let end = paused
            .until
            .as_ref()
            .map(|until| format!(" until {} UTC ({})", minute(until), ahead(until, now)));
        let reason = paused.reason.as_ref().map(|reason| format!(": {reason}")).unwrap_or_default();
        let text = format!("{}{} by {}{reason}", ago(&paused.since, now), end.unwrap_or_default(), paused.by);
        rows.row("paused", Some(Paint::Waiting), &text);
        rows.more(Some(Paint::Faint), "end it: agentctl resume");
    }
    for hold in status.held.iter().take(MOST) {
        rows.row(
            "held",
            Some(Paint::Bad),
            &format!("{} {}: {}", short(&hold.revision), ago(&hold.since, now), hold.reason),
        );
        rows.more(Some(Paint::Faint), &format!("try it again: agentctl retry {}", short(&hold.revision)));
    }
    left_out(rows, status.held.len());
    if let Some(refused) = &status.refused {
        let revision = short(&refused.revision);
        let deployed =
            refused.deployed.as_deref().map(|deployed| format!(" (deployed: {})", short(deployed)));
        let since = ago(&refused.since, now);
        let text = format!("{revision}{} {since}: {}", deployed.unwrap_or_default(), refused.reason);
        rows.row("refused", Some(Paint::Bad), &text);
        let way_out = match refused.kind {
            RefusedFor::NoDescendant => format!("allow it once: agentctl accept {revision}"),
            RefusedFor::Signature => {
                "sign it, or add its key to the allowed signers: each poll looks again".to_owned()
            }
        };
        rows.more(Some(Paint::Faint), &way_out);
    }
}

fn last_deployment(rows: &mut Rows, last: &Deployment, beside: &Beside, now: Timestamp) {
    let text = format!(
        "deployment {} of {} {}: {}, {}",
        last.id,
        short(&last.revision),
        last.subject,
        last.outcome.as_str(),
        ago(&last.finished_at, now)
    );
    rows.row("last", Some(outcome_paint(last.outcome)), &text);
    if !went_wrong(last.outcome) {
        return;
    }
    let phase = last.phase.map(|phase| format!("while {}: ", phase.as_str())).unwrap_or_default();
    rows.more(None, &format!("{phase}{}", last.reason.as_deref().unwrap_or("no reason is known")));
    for line in &beside.log_end {
        rows.more(Some(Paint::Faint), &format!("| {line}"));
    }
    rows.more(Some(Paint::Faint), &format!("all of it: agentctl logs {}", last.id));
}

fn host(rows: &mut Rows, status: &Status, now: Timestamp) {
    if !status.reboot_required.is_empty() {
        rows.row(
            "reboot",
            Some(Paint::Waiting),
            &format!("required for {}", status.reboot_required.join(", ")),
        );
    }
    let source = &status.source;
    let polled = match (&source.last_success_at, &source.last_poll_at) {
        (Some(at), _) => format!("polled {}", ago(at, now)),
        (None, Some(at)) => format!("never reached, last tried {}", ago(at, now)),
        (None, None) => "not yet polled".to_owned(),
    };
    rows.row("source", None, &format!("{} of {}, {polled}", source.branch, source.url));
    if let Some(error) = &source.error {
        rows.more(Some(Paint::Bad), error);
    }
    for warning in status.warnings.iter().take(MOST) {
        rows.row("warning", Some(Paint::Waiting), warning);
    }
    left_out(rows, status.warnings.len());
}

/// A revision with its subject, where that is known.
fn named(revision: &str, subject: &str) -> String {
    let blank = if subject.is_empty() { "" } else { " " };
    format!("{}{blank}{subject}", short(revision))
}

fn left_out(rows: &mut Rows, count: usize) {
    if let more @ 1.. = count.saturating_sub(MOST) {
        rows.more(Some(Paint::Faint), &format!("and {more} more: agentctl status --json"));
    }
}

fn verdict_paint(verdict: &str) -> Paint {
    match verdict {
        "green" => Paint::Good,
        "red" => Paint::Bad,
        _ => Paint::Waiting,
    }
}

fn check_paint(check: &Check) -> Paint {
    match check.conclusion.as_deref() {
        Some("success") => Paint::Good,
        Some(_) => Paint::Bad,
        None => Paint::Waiting,
    }
}
