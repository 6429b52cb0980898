//! Documents as people read them.

pub(super) mod history;
mod rows;
pub(super) mod status;
pub(super) mod time;

use pull_agent_protocol::{BuildProgress, Outcome, Progress};

use super::screen::{Paint, harmless};

/// The first digits of a revision, as git abbreviates.
pub(super) fn short(revision: &str) -> String {
    harmless(revision).chars().take(7).collect()
}

/// How far a build is, in one line.
pub(super) fn progress(progress: &Progress) -> String {
    let mut parts = Vec::new();
    let BuildProgress { done, expected } = progress.builds;
    if expected > 0 {
        parts.push(format!("{done} of {expected} built"));
    }
    let BuildProgress { done, expected } = progress.bytes;
    if expected > 0 {
        parts.push(format!("{} of {} fetched", mebibytes(done), mebibytes(expected)));
    }
    let mut line = if parts.is_empty() { "evaluating".to_owned() } else { parts.join(", ") };
    if !progress.current.is_empty() {
        let names: Vec<_> = progress.current.iter().take(3).map(|name| harmless(name)).collect();
        line.push_str(&format!(": {}", names.join(", ")));
        if let more @ 1.. = progress.current.len().saturating_sub(3) {
            line.push_str(&format!(" and {more} more"));
        }
    }
    line
}

/// Whether an outcome is a reason to look.
pub(super) const fn went_wrong(outcome: Outcome) -> bool {
    match outcome {
        Outcome::Deployed | Outcome::Unchanged | Outcome::Superseded => false,
        Outcome::Degraded | Outcome::Failed | Outcome::RolledBack | Outcome::Broken => true,
    }
}

/// The colour of an outcome.
pub(super) const fn outcome_paint(outcome: Outcome) -> Paint {
    match outcome {
        Outcome::Deployed => Paint::Good,
        Outcome::Unchanged | Outcome::Superseded => Paint::Faint,
        Outcome::Degraded => Paint::Waiting,
        Outcome::Failed | Outcome::RolledBack | Outcome::Broken => Paint::Bad,
    }
}

fn mebibytes(bytes: u64) -> String {
    format!("{} MiB", bytes >> 20)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn progress_is_one_line() {
        let mut build = Progress::default();
        assert_eq!(progress(&build), "evaluating");
        build.builds = BuildProgress { done: 3, expected: 11 };
        assert_eq!(progress(&build), "3 of 11 built");
        build.bytes = BuildProgress { done: 5 << 20, expected: 20 << 20 };
        build.current = ["a", "b", "c", "d\n"].map(str::to_owned).to_vec();
        assert_eq!(progress(&build), "3 of 11 built, 5 MiB of 20 MiB fetched: a, b, c and 1 more");
    }
}
