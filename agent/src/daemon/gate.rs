//! The verdict on a revision, the proof by git that goes with it, and the newest green one of several.

use std::collections::VecDeque;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use pull_agent_core::{BelowTip, Evidence, GreenCommit, Revision, Verdict, VerdictKind};

use crate::checks::{Asked, Checks, Merged};
use crate::git::{self, Below};
use crate::settings::Settings;
use crate::text;

/// A look at the commits below a tip asks the forge at most so often.
const MOST_CALLS: u64 = 10;

/// So many proofs are remembered.
const MOST_PROOFS: usize = 32;

/// What helps where a pull request's checks are green and prove nothing.
const WAYS_OUT: &str =
    "let CI run on pushes to the branch too, or require branches to be up to date before merging";

/// What proves a revision, under one set of settings.
#[derive(Clone, Debug)]
pub(super) struct Gate {
    /// Who is asked; none: every commit counts as green.
    pub(super) checks: Option<Arc<Checks>>,
    pub(super) settings: Arc<Settings>,
    /// This program's own file.
    pub(super) program: PathBuf,
    pub(super) proofs: Proofs,
}

/// What was proven, or was not: commits do not change, so neither does this.
#[derive(Clone, Debug, Default)]
pub(super) struct Proofs(Arc<Mutex<VecDeque<Known>>>);

#[derive(Clone, Debug)]
struct Known {
    commit: Revision,
    head: Revision,
    /// Why it is not proven; none when it is.
    unproven: Option<String>,
}

impl Proofs {
    fn of(&self, commit: &Revision, head: &Revision) -> Option<Known> {
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known.iter().find(|known| known.commit == *commit && known.head == *head).cloned()
    }

    fn note(&self, known: Known) {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.truncate(MOST_PROOFS - 1);
        all.push_front(known);
    }
}

impl Gate {
    /// Asks the forge, and proves what it says of a pull request.
    pub(super) async fn verdict(&self, revision: &Revision) -> Verdict {
        match &self.checks {
            Some(checks) => match checks.ask(revision).await {
                Asked { verdict, passed: None } => verdict,
                Asked { verdict, passed: Some(merged) } => self.proven(revision, verdict, &merged).await,
            },
            None => Verdict {
                kind: VerdictKind::Off,
                evidence: None,
                detail: "no checks are asked for (gate.forge = \"none\")".to_owned(),
                checks: Vec::new(),
                not_before: None,
            },
        }
    }

    /// The checks of a pull request are green: so is the commit if it has the tree that they were about.
    async fn proven(&self, revision: &Revision, verdict: Verdict, merged: &Merged) -> Verdict {
        let known = match self.proofs.of(revision, &merged.head) {
            Some(known) => known,
            None => match self.prove(revision, merged).await {
                Ok(unproven) => {
                    let (commit, head) = (revision.clone(), merged.head.clone());
                    let known = Known { commit, head, unproven };
                    self.proofs.note(known.clone());
                    known
                }
                Err(why) => {
                    let detail = format!("{}, but its commits cannot be looked at: {why}", verdict.detail);
                    let (kind, detail) = (VerdictKind::Unavailable, text::sentence(&detail));
                    return Verdict { kind, detail, ..verdict };
                }
            },
        };
        match known.unproven {
            None => Verdict { kind: VerdictKind::Green, evidence: Some(Evidence::PullRequest), ..verdict },
            Some(why) => {
                let detail = format!("{}, but {why}; {WAYS_OUT}", verdict.detail);
                Verdict { kind: VerdictKind::Unproven, detail: text::sentence(&detail), ..verdict }
            }
        }
    }

    async fn prove(&self, revision: &Revision, merged: &Merged) -> Result<Option<String>, String> {
        let (source, repository) = (&self.settings.source, self.settings.state.repository());
        let base = merged.base.as_ref();
        let proof = git::prove(&self.program, source, &repository, revision, &merged.head, base).await;
        proof.map_err(|error| crate::error::chain(&error))
    }

    /// Asks about these commits one after the other, until one is green or enough was asked.
    ///
    /// # Errors
    /// The forge's own sentence, when it cannot be asked.
    pub(super) async fn newest_green(&self, commits: Vec<Below>) -> Result<BelowTip, String> {
        let before = self.calls();
        for Below { revision, subject, author } in commits {
            if self.calls().saturating_sub(before) >= MOST_CALLS {
                break;
            }
            let verdict = self.verdict(&revision).await;
            if verdict.kind.passes() {
                let green = Some(GreenCommit { revision, subject, author, verdict });
                return Ok(BelowTip { green, not_before: None });
            }
            if verdict.not_before.is_some() {
                return Ok(BelowTip { green: None, not_before: verdict.not_before });
            }
            if verdict.kind == VerdictKind::Unavailable {
                return Err(verdict.detail);
            }
        }
        Ok(BelowTip { green: None, not_before: None })
    }

    /// Calls to the forge so far. One at a time asks, but for a look at the tip that may come in between: then fewer of the
    /// others are asked about.
    fn calls(&self) -> u64 {
        self.checks.as_ref().map_or(0, |checks| checks.stats().requests.values().sum())
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use pull_agent_forge::{Forge, GITHUB_ACTIONS};

    use super::*;
    use crate::settings::{Accept, GateApi, GithubGate};

    const REPOSITORY: &str = "poby/infra";
    const CHECK: &str = "build (yggdrasil)";

    fn gate(forge: &Forge) -> Gate {
        let settings = GithubGate {
            api_url: forge.url(),
            repository: REPOSITORY.to_owned(),
            branch: "main".to_owned(),
            checks: vec![CHECK.to_owned()],
            app_id: Some(GITHUB_ACTIONS),
            accept: Accept::Commit,
            api: GateApi::Auto,
            app: None,
            newest_green_after: None,
            max_age: Duration::from_secs(600),
            timeout: Duration::from_secs(7200),
            token_file: None,
            ca_file: None,
        };
        let checks = Some(Arc::new(Checks::new(&settings).expect("good settings")));
        let settings = Arc::clone(&crate::lab::Lab::new().settings);
        Gate { checks, settings, program: PathBuf::from("/nowhere"), proofs: Proofs::default() }
    }

    /// So many commits, newest first, of which CI has said this.
    fn line(forge: &Forge, conclusions: &[Option<&str>]) -> Vec<Below> {
        let commit = |(number, conclusion): (usize, &Option<&str>)| {
            let revision = Revision::parse(&format!("{:040x}", number + 1)).expect("an id");
            let status = if conclusion.is_some() { "completed" } else { "in_progress" };
            forge.set_check(REPOSITORY, revision.as_str(), CHECK, status, *conclusion);
            Below { revision, subject: format!("commit {number}"), author: "poby".to_owned() }
        };
        conclusions.iter().enumerate().map(commit).collect()
    }

    async fn newest_green(forge: &Forge, conclusions: &[Option<&str>]) -> Option<String> {
        let found = gate(forge).newest_green(line(forge, conclusions)).await.expect("an answer");
        found.green.map(|green| green.subject)
    }

    #[tokio::test]
    async fn the_newest_green_one_is_found() {
        let forge = Forge::start().await.expect("a port");
        let success = Some("success");
        let found = newest_green(&forge, &[None, Some("failure"), success, success]).await;
        assert_eq!(found.as_deref(), Some("commit 2"));
        assert_eq!(newest_green(&forge, &[None, None]).await, None);
        assert_eq!(newest_green(&forge, &[]).await, None);
    }

    #[tokio::test]
    async fn a_look_asks_ten_times_at_most() {
        let forge = Forge::start().await.expect("a port");
        let mut conclusions = vec![None; 11];
        conclusions[10] = Some("success");
        assert_eq!(newest_green(&forge, &conclusions).await, None);
        assert_eq!(forge.requests().len(), 10);
        assert_eq!(newest_green(&forge, &conclusions[1..]).await.as_deref(), Some("commit 9"));
    }

    #[tokio::test]
    async fn a_forge_that_cannot_be_asked_ends_the_look() {
        let gone = Forge::start().await.expect("a port");
        let (gate, line) = (gate(&gone), line(&gone, &[None, None]));
        drop(gone);
        gate.newest_green(line).await.expect_err("nobody answers");
    }
}
