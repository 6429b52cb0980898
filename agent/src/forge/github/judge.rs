//! Turns check runs into a verdict. Pure.
//!
//! Which run of a name counts, for each app and each workflow by itself (apps beside `gate.app_id` do not count at all, and
//! workflows are only known where the runs of several suites contradict each other, see [`contested`]):
//!
//! - Within one check suite the newest: a re-run replaces what it repeats.
//! - Of several suites the newest decides. A pull request that was closed and opened again, a dispatch, or a workflow that
//!   listens to two events makes a second suite for the same commit, and the first can then never turn green any more.
//! - But while the newest run of any other suite is not done, the name is pending: what decides is not known yet.
//!
//! The runs of each workflow must pass, and with any app allowed those of each app.
//!
//! Newest is by start and then by id; by id alone where a run does not say when it started.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use pull_agent_core::{Check, Evidence, Verdict, VerdictKind};

use super::runs::Run;
use crate::text;

/// So many check runs are named that nobody asked for.
const MOST_NAMES: usize = 5;

/// Status of a named check that the forge has no run of.
const MISSING: &str = "missing";

/// What a check comes to; the greater is the worse, and the worst decides.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Colour {
    Green,
    Pending,
    Red,
}

/// Judges the named checks by these runs of one commit.
pub(super) fn judge(names: &[String], app: Option<u64>, runs: &[Run]) -> Verdict {
    let judged: Vec<(Colour, Check)> = names.iter().map(|name| check(name, app, runs)).collect();
    let worst = judged.iter().map(|(colour, _)| *colour).max().unwrap_or(Colour::Pending);
    let (kind, evidence, detail) = match worst {
        Colour::Green => (VerdictKind::Green, Some(Evidence::Commit), passed(&judged)),
        Colour::Pending => (VerdictKind::Pending, None, pending(app, &judged)),
        Colour::Red => (VerdictKind::Red, None, red(&judged)),
    };
    let checks = judged.into_iter().map(|(_, check)| check).collect();
    Verdict { kind, evidence, detail, checks, not_before: None }
}

/// Whether a named check is not there at all.
pub(super) fn lacks_runs(verdict: &Verdict) -> bool {
    verdict.checks.iter().any(|check| check.status == MISSING)
}

/// Names the check runs that there are, for whoever wonders why the right one is missing: "`build` by app 42, `ci / build`". The
/// app is told where it is not the one whose runs count.
pub(super) fn there(app: Option<u64>, runs: &[Run]) -> Option<String> {
    let one = |run: &Run| {
        let name = run.name.as_deref().map(text::clean).filter(|name| !name.is_empty())?;
        let by = run.app.and_then(|by| by.id).filter(|by| app.is_some_and(|app| app != *by));
        Some(by.map_or_else(|| format!("`{name}`"), |by| format!("`{name}` by app {by}")))
    };
    let names: BTreeSet<String> = runs.iter().filter_map(one).collect();
    let shown: Vec<&str> = names.iter().take(MOST_NAMES).map(String::as_str).collect();
    let more = names.len().saturating_sub(MOST_NAMES);
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    (!shown.is_empty()).then(|| format!("{}{more}", shown.join(", ")))
}

/// Whether nothing is wrong with the runs that there are, and some are missing: others may stand for them.
pub(super) fn only_lacks_runs(verdict: &Verdict) -> bool {
    let is_green = |check: &Check| check.conclusion.as_deref() == Some("success");
    verdict.kind == VerdictKind::Pending
        && verdict.checks.iter().all(|check| is_green(check) || check.status == MISSING)
}

/// A commit that the forge does not have (yet) has no check runs; `detail` is what it said.
pub(super) fn unknown_commit(names: &[String], detail: String) -> Verdict {
    Verdict { detail, ..judge(names, None, &[]) }
}

fn check(name: &str, app: Option<u64>, runs: &[Run]) -> (Colour, Check) {
    let makers = by_maker(name, app, runs);
    let worst = makers.values().filter_map(|runs| decisive(runs)).max_by_key(|run| colour(run));
    match worst {
        Some(run) => (colour(run), told(name, run)),
        None => {
            let status = MISSING.to_owned();
            (Colour::Pending, Check { name: text::clean(name), status, conclusion: None, url: None })
        }
    }
}

/// The check suites whose runs of a name contradict each other in a way that their workflows decide: the newest one is green and
/// another one is red, which is an older try of the same workflow, or the word of another workflow.
pub(super) fn contested(names: &[String], app: Option<u64>, runs: &[Run]) -> BTreeSet<u64> {
    let mut suites = BTreeSet::new();
    for name in names {
        for runs in by_maker(name, app, runs).values() {
            let of_suites = newest_of_suites(runs);
            let is_red = of_suites.iter().any(|run| colour(run) == Colour::Red);
            if is_red && decisive(runs).is_some_and(|run| colour(run) == Colour::Green) {
                suites.extend(of_suites.iter().filter_map(|run| run.suite()));
            }
        }
    }
    suites
}

/// The runs of one name, by the app and the workflow that made them.
fn by_maker<'a>(
    name: &str,
    app: Option<u64>,
    runs: &'a [Run],
) -> BTreeMap<(Option<u64>, Option<&'a str>), Vec<&'a Run>> {
    let mut makers: BTreeMap<_, Vec<&Run>> = BTreeMap::new();
    for run in runs.iter().filter(|run| run.name.as_deref() == Some(name)) {
        let by = run.app.and_then(|app| app.id);
        if app.is_none() || by == app {
            makers.entry((by, run.workflow.as_deref())).or_default().push(run);
        }
    }
    makers
}

fn newest_of_suites<'a>(runs: &[&'a Run]) -> Vec<&'a Run> {
    let mut suites: BTreeMap<Option<u64>, Vec<&Run>> = BTreeMap::new();
    for run in runs {
        suites.entry(run.suite()).or_default().push(run);
    }
    suites.values().filter_map(|runs| newest(runs)).collect()
}

/// The run that decides, of all that one maker made of one name.
fn decisive<'a>(runs: &[&'a Run]) -> Option<&'a Run> {
    let of_suites = newest_of_suites(runs);
    let newest = newest(&of_suites)?;
    let running = of_suites.iter().find(|run| colour(run) == Colour::Pending);
    if colour(newest) == Colour::Green { Some(running.unwrap_or(&newest)) } else { Some(newest) }
}

fn newest<'a>(runs: &[&'a Run]) -> Option<&'a Run> {
    let start = |run: &Run| run.started_at.as_ref().and_then(|text| text.parse::<Timestamp>().ok());
    let dated = runs.iter().all(|run| start(run).is_some());
    runs.iter().copied().max_by_key(|run| (if dated { start(run) } else { None }, run.id))
}

/// Only `completed` is done, and only `success` passes: what is skipped built nothing.
fn colour(run: &Run) -> Colour {
    match (run.status.as_deref(), run.conclusion.as_deref()) {
        (Some("completed"), Some("success")) => Colour::Green,
        (Some("completed"), _) => Colour::Red,
        (_, _) => Colour::Pending,
    }
}

/// What is told of a run, cleaned. It is judged by the forge's words as they came.
fn told(name: &str, run: &Run) -> Check {
    let done = run.status.as_deref() == Some("completed");
    Check {
        name: text::clean(name),
        status: run.status.as_deref().map_or_else(|| "unknown".to_owned(), text::clean),
        conclusion: run.conclusion.as_deref().filter(|_| done).map(word),
        url: run.html_url.as_deref().or(run.details_url.as_deref()).map(text::clean),
    }
}

/// A conclusion that only becomes "success" by being cleaned is none, and is not to look like one.
fn word(conclusion: &str) -> String {
    match text::clean(conclusion) {
        clean if clean == "success" && clean != conclusion => text::clean(&format!("{conclusion:?}")),
        clean => clean,
    }
}

fn passed(judged: &[(Colour, Check)]) -> String {
    let count = judged.len();
    format!("{count} of {count} checks passed")
}

/// "1 of 3 checks in progress, 1 queued, 1 missing: …": what is not done, by the forge's words.
fn pending(app: Option<u64>, judged: &[(Colour, Check)]) -> String {
    let mut words: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for (_, check) in judged.iter().filter(|(colour, _)| *colour == Colour::Pending) {
        words.entry(check.status.as_str()).or_default().push(&check.name);
    }
    let mut parts: Vec<String> = Vec::new();
    for (word, names) in words.iter().filter(|(word, _)| **word != MISSING) {
        let of = if parts.is_empty() { format!(" of {} checks", judged.len()) } else { String::new() };
        parts.push(format!("{}{of} {}", names.len(), word.replace('_', " ")));
    }
    if let Some(names) = words.get(MISSING) {
        let of = if parts.is_empty() { format!(" of {} checks", judged.len()) } else { String::new() };
        let by = app.map(|id| format!(" by app {id}")).unwrap_or_default();
        parts.push(format!("{}{of} missing: no check run{by} is named {}", names.len(), names.join(", ")));
    }
    parts.join(", ")
}

fn red(judged: &[(Colour, Check)]) -> String {
    let ended = |check: &Check| match check.conclusion.as_deref() {
        Some(conclusion) if !conclusion.is_empty() => format!("check {} ended in {conclusion}", check.name),
        Some(_) | None => format!("check {} ended without a conclusion", check.name),
    };
    let red = judged.iter().filter(|(colour, _)| *colour == Colour::Red);
    red.map(|(_, check)| ended(check)).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests;
