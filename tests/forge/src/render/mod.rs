//! Bodies in the shapes of GitHub's description of its API. Fields that it requires are all there; what the stand-in
//! knows nothing of has an ordinary value.

mod check;
mod commit;
mod pull;
mod repository;
mod workflow;

use serde_json::{Value, json};

pub(crate) use check::{check_run, job};
pub(crate) use commit::{commit, git_ref};
pub(crate) use pull::{pull, pull_simple};
pub(crate) use workflow::workflow_run;

/// A moment before everything that the stand-in tells of.
const LONG_AGO: &str = "2020-01-01T00:00:00Z";

/// What every body needs: where its links lead, and in which repository it is.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Place<'a> {
    /// Scheme, host and port.
    pub(crate) origin: &'a str,
    /// `owner/name`.
    pub(crate) repository: &'a str,
    /// Number of the repository.
    pub(crate) id: u64,
    pub(crate) private: bool,
}

impl Place<'_> {
    fn api(&self, rest: &str) -> String {
        format!("{}/repos/{}{rest}", self.origin, self.repository)
    }

    fn web(&self, rest: &str) -> String {
        format!("https://github.com/{}{rest}", self.repository)
    }

    fn owner(&self) -> &str {
        self.repository.split('/').next().unwrap_or_default()
    }

    fn name(&self) -> &str {
        self.repository.split('/').nth(1).unwrap_or_default()
    }
}

/// `node_id`: opaque, but one for each thing.
fn node_id(kind: &str, id: u64) -> String {
    format!("{kind}_stand{id:08}")
}

/// A user, as `simple-user` has it.
fn user(origin: &str, login: &str) -> Value {
    let api = format!("{origin}/users/{login}");
    json!({
        "login": login, "id": 1, "node_id": node_id("U", 1),
        "avatar_url": "https://avatars.githubusercontent.com/u/1?v=4", "gravatar_id": "",
        "url": api, "html_url": format!("https://github.com/{login}"),
        "followers_url": format!("{api}/followers"), "following_url": format!("{api}/following{{/other_user}}"),
        "gists_url": format!("{api}/gists{{/gist_id}}"), "starred_url": format!("{api}/starred{{/owner}}{{/repo}}"),
        "subscriptions_url": format!("{api}/subscriptions"), "organizations_url": format!("{api}/orgs"),
        "repos_url": format!("{api}/repos"), "events_url": format!("{api}/events{{/privacy}}"),
        "received_events_url": format!("{api}/received_events"), "type": "User", "site_admin": false
    })
}
