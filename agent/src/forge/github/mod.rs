//! What GitHub says of a commit: its named check runs, read and judged. Only `success` passes.
//!
//! The rooms: `runs` lists the check runs of one commit, `judge` turns them into a verdict. Evidence of another kind than
//! the commit's own (its pull request's) is one more room beside `runs`, with the same `judge`.

mod dialect;
mod error;
mod judge;
mod runs;

use pull_agent_core::{Revision, Verdict};

use super::http::{Dialect, HttpError, List, Place, Question};
use crate::settings::GithubGate;
use dialect::{GithubDialect, is_unknown_commit};
pub(crate) use error::AskError;
pub use error::NewError;
use runs::{Repository, Run};

/// One repository on GitHub, and the checks that are to pass there.
#[derive(Debug)]
pub(crate) struct GitHub {
    gate: GithubGate,
    repository: Repository,
    runs: List<Run>,
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
        Ok(Self { gate: gate.clone(), repository, runs: List::of("check runs") })
    }

    /// Where it is asked.
    pub(crate) fn place(&self) -> Place {
        Place {
            root: self.repository.api(),
            ca_file: self.gate.ca_file.clone(),
            token_file: self.gate.token_file.clone(),
        }
    }

    /// Judges a revision by the check runs that GitHub has of it now.
    ///
    /// # Errors
    /// When they cannot be had. A commit that GitHub does not have yet is no error: it is *pending*.
    pub(crate) async fn verdict(
        &self,
        question: &mut Question<'_>,
        revision: &Revision,
    ) -> Result<Verdict, AskError> {
        let names = &self.gate.checks;
        let first = self.repository.check_runs(&self.gate, revision);
        let runs = match question.list(&self.runs, first, |body| runs::read(body, names)).await {
            Err(HttpError::Refused(refusal)) if is_unknown_commit(refusal.denied()) => {
                return Ok(judge::unknown_commit(names, refusal.to_string()));
            }
            runs => runs::all_of(revision, runs?)?,
        };
        Ok(judge::judge(names, self.gate.app_id, &runs))
    }
}
