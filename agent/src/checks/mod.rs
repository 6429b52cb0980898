//! The forge's word on a revision, which the proof by git goes with where it rests on a pull request. This module never retries and never sleeps: what goes wrong is a verdict with a
//! sentence, and with how long the forge wants to be left alone. What is asked and how it is judged is the forge's own
//! room, `forge::github`; here a question is begun, and made fit to be shown.

#[cfg(test)]
mod tests;

use std::sync::{Mutex, MutexGuard, PoisonError};

use pull_agent_core::{Mono, Revision, Verdict, VerdictKind};

use crate::forge::github::{AskError, GitHub};
pub use crate::forge::github::{Asked, Merged, NewError};
pub use crate::forge::http::ForgeStats;
use crate::forge::http::{Bounds, Http, Question, SharedStats};
use crate::settings::GithubGate;
use crate::{clock, text};

/// Asks a forge that speaks GitHub's API. One for the life of the process: it remembers what the forge said, so that
/// asking again for what has not changed is a 304, which costs nothing of the rate limit.
#[derive(Debug)]
pub struct Checks {
    github: GitHub,
    http: Http,
    bounds: Bounds,
    stats: SharedStats,
    /// Until when the last answer to a question about a revision wants nobody to ask.
    quiet_until: Mutex<Mono>,
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
        let github = GitHub::new(gate)?;
        let http = Http::new(GitHub::DIALECT, github.place(), bounds, stats.clone());
        Ok(Self { github, http, bounds, stats, quiet_until: Mutex::new(Mono(0)) })
    }

    /// Asks for a verdict on this revision. Never fails and takes at most 30 s: a forge that cannot be asked is the
    /// verdict *unavailable*, with a sentence that says why and what to do.
    pub async fn ask(&self, revision: &Revision) -> Asked {
        let mut question = match self.http.begin().await {
            Ok(question) => question,
            Err(error) => return Asked { verdict: unavailable(&error.sentence()), passed: None },
        };
        let answer = self.github.verdict(&mut question, revision).await;
        let unasked = |error: AskError| Asked { verdict: unavailable(&error.sentence()), passed: None };
        let mut asked = answer.unwrap_or_else(unasked);
        let verdict = &mut asked.verdict;
        let pace = question.pace();
        verdict.not_before = question.leave_alone().max(pace);
        *self.quiet() = clock::mono().after(verdict.not_before.unwrap_or_default());
        if verdict.kind != VerdictKind::Green
            && question.leave_alone().is_none()
            && let Some(pace) = pace
        {
            let hint = if question.token().is_some() {
                ""
            } else {
                "; with a token (gate.token_file) there is more of it"
            };
            let seconds = pace.0 / 1000;
            verdict.detail.push_str(&format!(
                "; little is left of the forge's rate limit, so it is asked again in {seconds} s{hint}"
            ));
        }
        verdict.detail = text::sentence(&verdict.detail);
        hide_token(&question, verdict);
        asked
    }

    /// Asks where the forge says that the branch is; none where it does not show that, or wants to be left alone, or little is left of its rate
    /// limit.
    ///
    /// # Errors
    /// The sentence of what went wrong.
    pub async fn head(&self) -> Result<Option<Revision>, String> {
        if *self.quiet() > clock::mono() {
            return Ok(None);
        }
        let mut question = self.http.begin().await.map_err(|error| error.sentence())?;
        if !question.has_room() {
            return Ok(None);
        }
        let head = self.github.head(&mut question).await;
        head.map_err(|error| {
            let mut sentence = text::sentence(&error.sentence());
            question.hide_token(&mut sentence);
            sentence
        })
    }

    fn quiet(&self) -> MutexGuard<'_, Mono> {
        self.quiet_until.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What the requests so far came to.
    #[must_use]
    pub fn stats(&self) -> ForgeStats {
        self.stats.get()
    }
}

/// Takes the token out of everything that a forge may have echoed.
fn hide_token(question: &Question<'_>, verdict: &mut Verdict) {
    let hide = |text: &mut String| question.hide_token(text);
    hide(&mut verdict.detail);
    for check in &mut verdict.checks {
        hide(&mut check.status);
        check.conclusion.as_mut().map(hide);
        check.url.as_mut().map(hide);
    }
}

fn unavailable(sentence: &str) -> Verdict {
    Verdict {
        kind: VerdictKind::Unavailable,
        evidence: None,
        detail: text::sentence(sentence),
        checks: Vec::new(),
        not_before: None,
    }
}
