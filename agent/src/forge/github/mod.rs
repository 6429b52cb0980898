//! What GitHub says of a commit: its named check runs, or those of the pull request that became it, read and judged. Only
//! `success` passes.
//!
//! The rooms: `runs` lists the check runs of one commit, `actions` finds the same as jobs of workflow runs, `own` chooses between
//! the two, `app` gets the tokens of a GitHub App, `pulls` finds the pull request, `branch` the head of the branch, `judge` turns runs into a verdict.

mod actions;
mod app;
mod branch;
mod dialect;
mod error;
mod judge;
mod own;
mod pulls;
mod runs;

use std::sync::Mutex;

use pull_agent_core::{Evidence, Revision, Verdict, VerdictKind};

use super::http::{Credential, Dialect, HttpError, List, Place, Question};
use crate::settings::{Accept, GithubApp, GithubGate};
use actions::Actions;
use app::Installation;
use dialect::{GithubDialect, refuses_pulls};
pub(crate) use error::AskError;
pub use error::NewError;
pub use pulls::Merged;
use pulls::Pull;
use runs::{Repository, Run};

/// One repository on GitHub, and the checks that are to pass there.
#[derive(Debug)]
pub(crate) struct GitHub {
    gate: GithubGate,
    repository: Repository,
    runs: List<Run>,
    all_runs: List<Run>,
    pulls: List<Pull>,
    heads: List<String>,
    actions: Actions,
    installation: Option<Installation>,
    /// The token that GitHub does not let read check runs, by its fingerprint.
    refused_token: Mutex<Option<u64>>,
}

/// A verdict, and what it rests on if it is not the commit itself.
#[derive(Clone, Debug)]
#[expect(missing_docs, reason = "the names say it")]
pub struct Asked {
    pub verdict: Verdict,
    /// The pull request whose check runs passed: green with the proof that the commit has the tree of its head.
    pub passed: Option<Merged>,
}

impl GitHub {
    /// How it is spoken to.
    pub(crate) const DIALECT: &'static dyn Dialect = &GithubDialect;

    /// Takes the settings; nothing is asked yet.
    ///
    /// # Errors
    /// When they name no usable API, repository or check.
    pub(crate) fn new(gate: &GithubGate) -> Result<Self, NewError> {
        if gate.checks.is_empty() {
            return Err(NewError::NoChecks);
        }
        let repository = Repository::new(&gate.api_url, &gate.repository)?;
        let installation = gate
            .app
            .as_ref()
            .map(|app| Installation::new(app, repository.installation_tokens(app.installation_id)));
        Ok(Self {
            gate: gate.clone(),
            repository,
            installation,
            runs: List::of("check runs"),
            all_runs: List::of("check runs"),
            pulls: List::of("pull requests"),
            heads: List::of("branches"),
            actions: Actions::new(),
            refused_token: Mutex::new(None),
        })
    }

    /// Where it is asked.
    pub(crate) fn place(&self) -> Place {
        Place {
            root: self.repository.api(),
            ca_file: self.gate.ca_file.clone(),
            credential: self.credential(),
        }
    }

    fn credential(&self) -> Option<Credential> {
        let of_app = |app: &GithubApp| Credential::App { id: app.id, key: app.private_key_file.clone() };
        let of_file = || self.gate.token_file.clone().map(Credential::TokenFile);
        self.gate.app.as_ref().map(of_app).or_else(of_file)
    }

    /// Judges a revision by the check runs that GitHub has of it now.
    ///
    /// # Errors
    /// When they cannot be had. A commit that GitHub does not have yet is no error: it is *pending*.
    pub(crate) async fn verdict(
        &self,
        question: &mut Question<'_>,
        revision: &Revision,
    ) -> Result<Asked, AskError> {
        let Some(installation) = &self.installation else {
            return self.verdict_of(question, revision).await;
        };
        installation.log_in(question).await?;
        let answer = self.verdict_of(question, revision).await;
        if answer.as_ref().is_err_and(app::is_unauthorized) {
            installation.forget();
        }
        answer
    }

    async fn verdict_of(&self, question: &mut Question<'_>, revision: &Revision) -> Result<Asked, AskError> {
        let verdict = self.own(question, revision).await?;
        if self.gate.accept == Accept::Commit || !judge::only_lacks_runs(&verdict) {
            let verdict = self.with_those_there(question, revision, verdict).await;
            return Ok(Asked { verdict, passed: None });
        }
        let first = self.repository.pulls(revision);
        let pulls = match question.list(&self.pulls, first, pulls::read).await {
            Ok(pulls) => pulls,
            // Runs on the commit itself may still come.
            Err(HttpError::Refused(refusal))
                if refuses_pulls(&refusal) && question.leave_alone().is_none() =>
            {
                let why = format!("its pull request cannot be asked for: {refusal}");
                let verdict = self.with_those_there(question, revision, verdict).await;
                return Ok(Asked { verdict: with(verdict, &why), passed: None });
            }
            Err(error) => return Err(error.into()),
        };
        match pulls::that_became(&pulls, revision, &self.gate.branch, &self.gate.repository) {
            Some(merged) => self.by(question, merged).await,
            None => {
                let why = format!("no pull request was merged into {} as this commit", self.gate.branch);
                let verdict = self.with_those_there(question, revision, verdict).await;
                Ok(Asked { verdict: with(verdict, &why), passed: None })
            }
        }
    }

    /// Where a named check is missing: which ones there are. Costs one more request, and only helps people.
    async fn with_those_there(
        &self,
        question: &mut Question<'_>,
        revision: &Revision,
        verdict: Verdict,
    ) -> Verdict {
        if !judge::lacks_runs(&verdict) || self.reads_jobs(question) || !question.has_room() {
            return verdict;
        }
        let first = self.repository.all_check_runs(revision);
        match question.first_page(&self.all_runs, first, runs::read_all).await {
            Ok(runs) => self.naming(verdict, &runs),
            Err(error) => {
                tracing::debug!(error = error.sentence(), "the check runs that there are cannot be told");
                verdict
            }
        }
    }

    fn naming(&self, verdict: Verdict, runs: &[Run]) -> Verdict {
        match judge::there(self.gate.app_id, runs) {
            Some(names) => with(verdict, &format!("there are {names}")),
            None => with(verdict, "there are none at all yet"),
        }
    }

    /// Judges by the check runs of the pull request's head.
    async fn by(&self, question: &mut Question<'_>, merged: Merged) -> Result<Asked, AskError> {
        let own = self.own(question, &merged.head).await?;
        let Verdict { kind, detail, checks, not_before, .. } =
            self.with_those_there(question, &merged.head, own).await;
        let what = format!("pull request #{}: {detail}", merged.number);
        let passes = kind == VerdictKind::Green;
        let verdict = match (passes, self.gate.accept) {
            (true, Accept::Merged) => Verdict {
                kind,
                evidence: Some(Evidence::Merged),
                detail: format!("{what}; nobody proved that this commit has its tree"),
                checks,
                not_before,
            },
            (true, Accept::Proven | Accept::Commit) => {
                let verdict =
                    Verdict { kind: VerdictKind::Unproven, evidence: None, detail: what, checks, not_before };
                return Ok(Asked { verdict, passed: Some(merged) });
            }
            (false, _) => Verdict { kind, evidence: None, detail: what, checks, not_before },
        };
        Ok(Asked { verdict, passed: None })
    }
}

fn with(verdict: Verdict, more: &str) -> Verdict {
    Verdict { detail: format!("{}; {more}", verdict.detail), ..verdict }
}
