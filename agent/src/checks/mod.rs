//! The forge's word on a revision: the named check runs of the commit, asked over GitHub's REST API and judged. Only
//! `success` passes. This module never retries and never sleeps: what goes wrong is a verdict with a sentence, and with
//! how long the forge wants to be left alone.
//!
//! The rooms: `api` asks one question of the forge, `commit` lists the check runs of one commit, `judge` turns check
//! runs into a verdict. Evidence of another kind than the commit's own (its pull request's) is one more room beside
//! `commit`, with the same `api` and the same `judge`.

mod api;
mod body;
mod cache;
mod commit;
mod error;
mod judge;
mod limits;
mod link;
mod refusal;
mod token;

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::time::Duration;

use pull_agent_core::{Revision, Verdict, VerdictKind};

use crate::settings::GithubGate;
use crate::text;
use api::{Api, SharedStats};
use cache::Cache;
use commit::{Page, Repository};
use error::AskError;
pub use error::NewError;

/// What one question may cost. [`Bounds::default`] is for the daemon; tests take smaller ones.
#[derive(Clone, Copy, Debug)]
struct Bounds {
    /// All requests of one verdict together, redirects and pages too.
    total: Duration,
    /// Bytes of one body. A page of 100 check runs with long outputs has less than a MiB.
    body: usize,
    /// Pages of one list, of 100 check runs each.
    pages: usize,
}

impl Default for Bounds {
    fn default() -> Self {
        Self { total: Duration::from_secs(30), body: 8 << 20, pages: 20 }
    }
}

/// Asks a forge that speaks GitHub's API. One for the life of the process: it remembers what the forge said, so that
/// asking again for what has not changed is a 304, which costs nothing of the rate limit.
#[derive(Debug)]
pub struct Checks {
    gate: GithubGate,
    repository: Repository,
    bounds: Bounds,
    /// Held for a whole question, so that requests go one after the other, as GitHub asks for.
    asking: tokio::sync::Mutex<Asking>,
    stats: SharedStats,
}

/// What changes with every question.
#[derive(Debug)]
struct Asking {
    api: Api,
    pages: Cache<Page>,
}

/// What the requests so far came to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ForgeStats {
    /// Requests by status code, or "error" where no status came.
    pub requests: BTreeMap<String, u64>,
    /// Requests that the primary rate limit still allows, as the forge last said.
    pub ratelimit_remaining: Option<u64>,
}

impl Checks {
    /// Makes one for these settings. Nothing is asked and no file is read yet.
    ///
    /// # Errors
    /// When the settings name no usable API, repository or check.
    pub fn new(gate: &GithubGate) -> Result<Self, NewError> {
        Self::bounded(gate, Bounds::default(), SharedStats::default())
    }

    /// Makes one for new settings, which goes on counting where this one is.
    ///
    /// # Errors
    /// As [`Self::new`].
    pub fn renewed(&self, gate: &GithubGate) -> Result<Self, NewError> {
        Self::bounded(gate, self.bounds, self.stats.clone())
    }

    fn bounded(gate: &GithubGate, bounds: Bounds, stats: SharedStats) -> Result<Self, NewError> {
        if gate.checks.is_empty() {
            return Err(NewError::NoChecks);
        }
        let repository = Repository::new(&gate.api_url, &gate.repository)?;
        let api = Api::new(repository.api(), gate, bounds, stats.clone());
        let asking = tokio::sync::Mutex::new(Asking { api, pages: Cache::default() });
        Ok(Self { gate: gate.clone(), repository, bounds, asking, stats })
    }

    /// Asks for a verdict on this revision. Never fails and takes at most 30 s: a forge that cannot be asked is the
    /// verdict *unavailable*, with a sentence that says why and what to do.
    pub async fn ask(&self, revision: &Revision) -> Verdict {
        let end = tokio::time::Instant::now() + self.bounds.total;
        let begin = async {
            let secret = token::read(self.gate.token_file.as_deref()).await?;
            Ok((self.asking.lock().await, secret))
        };
        let (mut asking, secret) = match tokio::time::timeout_at(end, begin).await {
            Ok(Ok(begun)) => begun,
            Ok(Err(error)) => return unavailable(&error),
            Err(_) => return unavailable(&AskError::NotBegun),
        };
        asking.api.begin();
        let Asking { api, pages } = &mut *asking;
        let runs = commit::check_runs(api, pages, &secret, &self.repository, &self.gate, revision);
        let answer = tokio::time::timeout_at(end, runs).await;
        let mut verdict = match answer {
            Ok(Ok(runs)) => judge::judge(&self.gate.checks, self.gate.app_id, &runs),
            Ok(Err(AskError::Refused(refusal))) if refusal.is_unknown_commit() => {
                judge::unknown_commit(&self.gate.checks, &refusal)
            }
            Ok(Err(error)) => unavailable(&error),
            Err(_) => unavailable(&api.given_up()),
        };
        verdict.not_before = api.leave_alone();
        verdict.detail = text::sentence(&verdict.detail);
        secret.redact(&mut verdict);
        verdict
    }

    /// What the requests so far came to.
    #[must_use]
    pub fn stats(&self) -> ForgeStats {
        self.stats.get()
    }
}

fn unavailable(error: &AskError) -> Verdict {
    Verdict {
        kind: VerdictKind::Unavailable,
        evidence: None,
        detail: text::sentence(&error.sentence()),
        checks: Vec::new(),
        not_before: None,
    }
}
