//! The check runs that hang on one commit: `GET /repos/{owner}/{repo}/commits/{ref}/check-runs`
//! (docs.github.com/rest/checks/runs). Read leniently: only what is used must be right.

use pull_agent_core::Revision;
use reqwest::Url;
use serde::Deserialize;

use super::error::{AskError, NewError};
use crate::forge::http;
use crate::settings::GithubGate;

/// The app that makes the check runs of GitHub Actions.
pub(super) const GITHUB_ACTIONS: u64 = 15368;

/// Where the API of one repository is.
#[derive(Clone, Debug)]
pub(super) struct Repository {
    api: Url,
    owner: String,
    name: String,
}

/// One check run, as far as it matters.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub(super) struct Run {
    pub(super) id: u64,
    pub(super) name: Option<String>,
    pub(super) head_sha: Option<String>,
    pub(super) status: Option<String>,
    pub(super) conclusion: Option<String>,
    pub(super) started_at: Option<String>,
    pub(super) html_url: Option<String>,
    pub(super) details_url: Option<String>,
    pub(super) check_suite: Option<Numbered>,
    pub(super) app: Option<Numbered>,
    /// File of the workflow that made it, where that was asked for.
    #[serde(skip)]
    pub(super) workflow: Option<String>,
}

/// Something of which only the number matters.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub(super) struct Numbered {
    pub(super) id: Option<u64>,
}

impl Run {
    /// Number of its check suite.
    pub(super) fn suite(&self) -> Option<u64> {
        self.check_suite.and_then(|suite| suite.id)
    }
}

impl Repository {
    /// `api_url` is the root of the API, `repository` is `owner/name`.
    pub(super) fn new(api_url: &str, repository: &str) -> Result<Self, NewError> {
        let api = http::root(api_url).ok_or_else(|| NewError::ApiUrl { url: api_url.to_owned() })?;
        match repository.split_once('/') {
            Some((owner, name)) if !owner.is_empty() && !name.is_empty() && !name.contains('/') => {
                Ok(Self { api, owner: owner.to_owned(), name: name.to_owned() })
            }
            Some(_) | None => Err(NewError::Repository { repository: repository.to_owned() }),
        }
    }

    /// Root of the API.
    pub(super) fn api(&self) -> Url {
        self.api.clone()
    }

    /// The first page of the check runs of a commit. A single name is asked for by name: the list of a large repository
    /// is long, and every check run in it has kilobytes.
    pub(super) fn check_runs(&self, gate: &GithubGate, revision: &Revision) -> Url {
        let mut url = self.of_commit(revision, "check-runs");
        let mut query = vec![("filter", "latest".to_owned()), ("per_page", "100".to_owned())];
        if let Some(app) = gate.app_id {
            query.push(("app_id", app.to_string()));
        }
        if let [name] = gate.checks.as_slice() {
            query.push(("check_name", name.clone()));
        }
        let mut encoded = url.query_pairs_mut();
        encoded.extend_pairs(query);
        drop(encoded);
        // "+" is a space only in forms; a space that is written %20 is one everywhere.
        let query = url.query().map(|q| q.replace('+', "%20"));
        url.set_query(query.as_deref());
        url
    }
}

impl Repository {
    /// The newest check runs of a commit, whoever made them and whatever they are called.
    pub(super) fn all_check_runs(&self, revision: &Revision) -> Url {
        let mut url = self.of_commit(revision, "check-runs");
        url.set_query(Some("filter=latest&per_page=50"));
        url
    }

    /// The first page of the pull requests of which a commit is known.
    pub(super) fn pulls(&self, revision: &Revision) -> Url {
        let mut url = self.of_commit(revision, "pulls");
        url.set_query(Some("per_page=100"));
        url
    }

    fn of_commit(&self, revision: &Revision, what: &str) -> Url {
        self.below(&["commits", revision.as_str(), what])
    }

    /// Where tokens of an installation of an App are made.
    pub(super) fn installation_tokens(&self, installation: u64) -> Url {
        let mut url = self.api.clone();
        if let Ok(mut segments) = url.path_segments_mut() {
            let id = installation.to_string();
            segments.pop_if_empty().extend(["app", "installations", &id, "access_tokens"]);
        }
        url
    }

    /// An address below that of the repository.
    pub(super) fn below(&self, path: &[&str]) -> Url {
        let mut url = self.api.clone();
        if let Ok(mut segments) = url.path_segments_mut() {
            segments.pop_if_empty().extend(["repos", &self.owner, &self.name]).extend(path);
        }
        url
    }
}

/// Takes the named check runs out of one page.
pub(super) fn read(body: &[u8], names: &[String]) -> serde_json::Result<Vec<Run>> {
    let mut check_runs = read_all(body)?;
    check_runs.retain(|run| run.name.as_ref().is_some_and(|name| names.contains(name)));
    Ok(check_runs)
}

/// Takes all check runs out of one page.
pub(super) fn read_all(body: &[u8]) -> serde_json::Result<Vec<Run>> {
    #[derive(Deserialize)]
    struct Body {
        check_runs: Vec<Run>,
    }
    serde_json::from_slice(body).map(|Body { check_runs }| check_runs)
}

/// A verdict is on one revision: what a forge says of another one, or does not say of which, counts for nothing.
pub(super) fn same_commit(revision: &Revision, runs: &[Run]) -> Result<(), AskError> {
    match runs.iter().find(|run| run.head_sha.as_deref() != Some(revision.as_str())) {
        Some(Run { head_sha: Some(found), .. }) => {
            Err(AskError::OtherCommit { found: crate::text::clean(found) })
        }
        Some(Run { head_sha: None, .. }) => Err(AskError::NoCommit),
        None => Ok(()),
    }
}
