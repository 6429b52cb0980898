//! A commit's own check runs, by whichever API the token may use: that of check runs, or that of GitHub Actions, which a
//! fine-grained token can read and which knows workflows.

use std::sync::PoisonError;

use pull_agent_core::{Revision, Verdict};

use super::dialect::{is_unknown_commit, refuses, refuses_check_runs};
use super::error::AskError;
use super::runs::{GITHUB_ACTIONS, Run, same_commit};
use super::{GitHub, judge, runs, with};
use crate::forge::http::{HttpError, Question};
use crate::settings::GateApi;

/// So many check suites are told apart by their workflows; each costs a request.
const MOST_SUITES: usize = 10;

impl GitHub {
    /// Judges by a commit's own check runs.
    pub(super) async fn own(
        &self,
        question: &mut Question<'_>,
        revision: &Revision,
    ) -> Result<Verdict, AskError> {
        if !self.reads_jobs(question) {
            match self.by_check_runs(question, revision).await {
                Err(AskError::Http(HttpError::Refused(refusal)))
                    if self.may_read_jobs()
                        && refuses_check_runs(&refusal)
                        && question.leave_alone().is_none() =>
                {
                    tracing::info!(%refusal, "the jobs of GitHub Actions are read instead of check runs");
                    *self.refused_token.lock().unwrap_or_else(PoisonError::into_inner) = question.token();
                }
                answer => return answer,
            }
        }
        self.by_jobs(question, revision).await
    }

    /// Whether the jobs of GitHub Actions are read instead of check runs.
    pub(super) fn reads_jobs(&self, question: &Question<'_>) -> bool {
        let refused = *self.refused_token.lock().unwrap_or_else(PoisonError::into_inner);
        match self.gate.api {
            GateApi::Actions => true,
            GateApi::Checks => false,
            GateApi::Auto => refused.is_some() && refused == question.token(),
        }
    }

    /// Jobs are check runs of GitHub Actions and of no other app.
    fn may_read_jobs(&self) -> bool {
        self.gate.api == GateApi::Auto && self.gate.app_id.is_none_or(|app| app == GITHUB_ACTIONS)
    }

    async fn by_jobs(&self, question: &mut Question<'_>, revision: &Revision) -> Result<Verdict, AskError> {
        let runs = self.actions.check_runs(question, &self.repository, revision).await?;
        let mut verdict = judge::judge(&self.gate.checks, self.gate.app_id, &runs);
        if judge::lacks_runs(&verdict) {
            verdict = self.naming(verdict, &runs);
        }
        Ok(match self.gate.api {
            GateApi::Auto => {
                with(verdict, "the token cannot read check runs, so the jobs of GitHub Actions were read")
            }
            GateApi::Actions | GateApi::Checks => verdict,
        })
    }

    async fn by_check_runs(
        &self,
        question: &mut Question<'_>,
        revision: &Revision,
    ) -> Result<Verdict, AskError> {
        let names = &self.gate.checks;
        let first = self.repository.check_runs(&self.gate, revision);
        let mut runs = match question.list(&self.runs, first, |body| runs::read(body, names)).await {
            Err(HttpError::Refused(refusal)) if is_unknown_commit(refusal.denied()) => {
                return Ok(judge::unknown_commit(names, refusal.to_string()));
            }
            runs => runs?,
        };
        same_commit(revision, &runs)?;
        let told_apart = self.tell_workflows_apart(question, &mut runs).await?;
        let verdict = judge::judge(names, self.gate.app_id, &runs);
        Ok(if told_apart {
            verdict
        } else {
            with(verdict, "an older run of that name did not pass, and its workflow cannot be told")
        })
    }

    /// Where runs of one name contradict each other: asks which workflows made them. False when that cannot be told; the newest
    /// run decides then.
    async fn tell_workflows_apart(
        &self,
        question: &mut Question<'_>,
        runs: &mut [Run],
    ) -> Result<bool, AskError> {
        let suites = judge::contested(&self.gate.checks, self.gate.app_id, runs);
        if suites.len() > MOST_SUITES {
            return Ok(false);
        }
        let mut found = Vec::new();
        for suite in suites {
            match self.actions.workflow_of(question, &self.repository, suite).await {
                Ok(workflow) => found.push((suite, workflow)),
                Err(AskError::Http(HttpError::Refused(refusal)))
                    if refuses(&refusal) && question.leave_alone().is_none() =>
                {
                    tracing::debug!(%refusal, "workflows cannot be told apart");
                    return Ok(false);
                }
                Err(error) => return Err(error),
            }
        }
        for run in runs {
            let workflow = found.iter().find(|(suite, _)| run.suite() == Some(*suite));
            run.workflow = workflow.and_then(|(_, workflow)| workflow.clone());
        }
        Ok(true)
    }
}
