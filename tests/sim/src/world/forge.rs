//! Who runs the checks and is asked for them.

use pull_agent_core::{Evidence, Millis, Verdict, VerdictKind};

/// How the checks of a commit stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Checks {
    /// Not done, or not there.
    Pending,
    /// Success.
    Green,
    /// Anything but success.
    Red,
    /// Green, but of another tree.
    Unproven,
}

#[derive(Debug, Default)]
#[expect(missing_docs, reason = "the names say it")]
pub struct Forge {
    /// By the number of the commit.
    pub checks: Vec<Checks>,
    /// Until then nobody answers.
    pub down_until: u64,
    /// Until then it says no more than when to come back.
    pub limited_until: u64,
}

impl Forge {
    /// What it answers to a question about a commit.
    #[must_use]
    pub fn verdict(&self, commit: usize, now: u64) -> Verdict {
        let checks = self.checks.get(commit).copied().unwrap_or(Checks::Pending);
        let limited = self.limited_until > now;
        let kind = match checks {
            _ if self.down_until > now || limited => VerdictKind::Unavailable,
            Checks::Pending => VerdictKind::Pending,
            Checks::Green => VerdictKind::Green,
            Checks::Red => VerdictKind::Red,
            Checks::Unproven => VerdictKind::Unproven,
        };
        let evidence = kind.passes().then_some(Evidence::Commit);
        let not_before = limited.then(|| Millis(self.limited_until - now));
        Verdict { kind, evidence, detail: String::new(), checks: Vec::new(), not_before }
    }
}
