//! What a test may set, in Rust and as JSON: the same words in both.

use serde::{Deserialize, Serialize};

use crate::fault::Fault;

/// `app.id` of GitHub Actions.
pub const GITHUB_ACTIONS: u64 = 15368;

/// Everything at once: the file of `--world` and the body of `PUT /_control/world`.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[expect(missing_docs, reason = "the names say it")]
pub struct Document {
    /// Repositories; one that is only named elsewhere is public.
    pub repositories: Vec<RepositorySpec>,
    /// Tokens; with none, any bearer token is taken and may do everything.
    pub tokens: Vec<TokenSpec>,
    pub apps: Vec<AppSpec>,
    pub commits: Vec<CommitSpec>,
    pub checks: Vec<CheckSpec>,
    pub pulls: Vec<PullSpec>,
    pub faults: Vec<Fault>,
    /// The primary rate limit.
    pub rate_limit: Option<RateLimitSpec>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "the names say it")]
pub struct RepositorySpec {
    /// `owner/name`.
    pub repository: String,
    /// Without a token that may read it, it is 404.
    #[serde(default)]
    pub private: bool,
    /// A commit id that was never set is no commit (422), as on GitHub. Else every full id is one.
    #[serde(default)]
    pub known_commits_only: bool,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "the names say it")]
pub struct TokenSpec {
    /// The secret.
    pub token: String,
    /// What kind, which decides the words of a refusal.
    #[serde(default)]
    pub kind: TokenKind,
    /// `checks`, `contents`, `pull_requests` …, all for reading; none = all.
    #[serde(default)]
    pub permissions: Option<Vec<String>>,
    /// `owner/name` of the private repositories it may see; none = all.
    #[serde(default)]
    pub repositories: Option<Vec<String>>,
    /// Answered 401.
    #[serde(default)]
    pub expired: bool,
}

/// A GitHub App with one installation. Its key is the one that the stand-in has for all.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "the names say it")]
pub struct AppSpec {
    pub id: u64,
    pub installation_id: u64,
    /// Of its tokens, as those of [`TokenSpec`].
    #[serde(default)]
    pub permissions: Option<Vec<String>>,
    /// Its tokens are good for so long.
    #[serde(default = "an_hour")]
    pub token_seconds: i64,
    /// It gets no more tokens.
    #[serde(default)]
    pub suspended: bool,
}

const fn an_hour() -> i64 {
    3600
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[expect(missing_docs, reason = "the names say it")]
pub enum TokenKind {
    /// Installation of a GitHub App.
    #[default]
    App,
    /// Personal access token with scopes: all permissions.
    Classic,
    /// Personal access token with permissions. `checks` is not among those that it can have.
    FineGrained,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "the names say it")]
pub struct CommitSpec {
    /// `owner/name`.
    pub repository: String,
    /// Full commit id.
    pub revision: String,
    /// Full tree id; made up from the commit id when empty.
    #[serde(default)]
    pub tree: String,
    /// Full commit ids.
    #[serde(default)]
    pub parents: Vec<String>,
    /// The whole message.
    #[serde(default)]
    pub message: String,
    /// Refs that point here from now on: `heads/main`, `tags/v1`.
    #[serde(default)]
    pub refs: Vec<String>,
}

/// A check run, or a change of the newest one of that name in that suite.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "the names say it")]
pub struct CheckSpec {
    /// `owner/name`.
    pub repository: String,
    /// Full commit id that it hangs on.
    pub revision: String,
    pub name: String,
    /// Any word; when left out `completed` with a conclusion and `queued` without.
    #[serde(default)]
    pub status: Option<String>,
    /// Any word.
    #[serde(default)]
    pub conclusion: Option<String>,
    /// App that made it; 0 = no app is named in the answer.
    #[serde(default = "github_actions")]
    pub app_id: u64,
    /// Any label: runs of another label belong to another check suite of that app.
    #[serde(default = "default_suite")]
    pub suite: String,
    /// Makes a new run in the same suite, as "re-run jobs" does; the older one is then hidden by `filter=latest`.
    #[serde(default)]
    pub rerun: bool,
    /// RFC 3339; now, when left out.
    #[serde(default)]
    pub started_at: Option<String>,
    /// File of the workflow that made this suite, where the app is GitHub Actions. The first check run of a suite decides.
    #[serde(default = "default_workflow")]
    pub workflow: String,
}

const fn github_actions() -> u64 {
    GITHUB_ACTIONS
}

fn default_suite() -> String {
    "push".to_owned()
}

fn default_workflow() -> String {
    ".github/workflows/ci.yml".to_owned()
}

impl CheckSpec {
    /// A queued run of GitHub Actions in the suite `push`.
    #[must_use]
    pub fn new(repository: &str, revision: &str, name: &str) -> Self {
        Self {
            repository: repository.to_owned(),
            revision: revision.to_owned(),
            name: name.to_owned(),
            status: None,
            conclusion: None,
            app_id: GITHUB_ACTIONS,
            suite: default_suite(),
            rerun: false,
            started_at: None,
            workflow: default_workflow(),
        }
    }

    /// With this status, which may be no word of GitHub's.
    #[must_use]
    pub fn status(mut self, status: &str) -> Self {
        self.status = Some(status.to_owned());
        self
    }

    /// With this conclusion, which may be no word of GitHub's.
    #[must_use]
    pub fn conclusion(mut self, conclusion: Option<&str>) -> Self {
        self.conclusion = conclusion.map(str::to_owned);
        self
    }

    /// Made by this app.
    #[must_use]
    pub const fn app(mut self, id: u64) -> Self {
        self.app_id = id;
        self
    }

    /// In the check suite with this label.
    #[must_use]
    pub fn suite(mut self, label: &str) -> Self {
        label.clone_into(&mut self.suite);
        self
    }

    /// Made by the workflow of this file.
    #[must_use]
    pub fn workflow(mut self, path: &str) -> Self {
        path.clone_into(&mut self.workflow);
        self
    }

    /// As a new run.
    #[must_use]
    pub const fn rerun(mut self) -> Self {
        self.rerun = true;
        self
    }

    /// Started at this time.
    #[must_use]
    pub fn started_at(mut self, time: &str) -> Self {
        self.started_at = Some(time.to_owned());
        self
    }
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "the names say it")]
pub struct PullSpec {
    /// `owner/name`.
    pub repository: String,
    pub number: u64,
    /// First line.
    #[serde(default)]
    pub title: String,
    /// Branch that it comes from.
    pub head_ref: String,
    /// Tip of that branch.
    pub head_sha: String,
    /// Branch that it goes to.
    #[serde(default = "main_branch")]
    pub base_ref: String,
    /// Tip of that branch when the request was last looked at.
    #[serde(default)]
    pub base_sha: String,
    /// What it became: set = merged. Before the merge GitHub names its test merge commit here.
    #[serde(default)]
    pub merge_commit_sha: Option<String>,
    #[serde(default)]
    pub merged: bool,
    /// Commits that it brought besides `merge_commit_sha` and `head_sha`.
    #[serde(default)]
    pub commits: Vec<String>,
}

fn main_branch() -> String {
    "main".to_owned()
}

/// The primary rate limit, one for all tokens.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RateLimitSpec {
    /// Requests an hour.
    pub limit: u64,
    /// Requests left; at 0 every request is refused.
    pub remaining: u64,
    /// Seconds from now until it is full again.
    pub reset_in: u64,
}
