//! GitHub's way of speaking HTTP
//! (docs.github.com/rest/using-the-rest-api/rate-limits-for-the-rest-api, …/troubleshooting-the-rest-api).

use std::path::Path;

use reqwest::StatusCode;
use reqwest::header::RETRY_AFTER;

use crate::forge::http::{Denied, Dialect, Quota, Refusal};
use crate::{secret, text};

/// The media type, and the version whose shapes are read here (docs.github.com/rest/about-the-rest-api/api-versions).
const FIELDS: &[(&str, &str)] =
    &[("accept", "application/vnd.github+json"), ("x-github-api-version", "2022-11-28")];

const QUOTA: Quota = Quota { remaining: "x-ratelimit-remaining", reset: "x-ratelimit-reset" };

/// Permissions that would have been enough, "checks=read".
const ACCEPTED: &str = "x-accepted-github-permissions";

/// GitHub, the public one or an Enterprise Server.
#[derive(Debug)]
pub(super) struct GithubDialect;

impl Dialect for GithubDialect {
    fn fields(&self) -> &'static [(&'static str, &'static str)] {
        FIELDS
    }

    fn quota(&self) -> Quota {
        QUOTA
    }

    /// GitHub uses 403 for its primary and secondary limits, as it does for a missing permission.
    fn is_limit(&self, denied: &Denied) -> bool {
        let permission = denied.headers.contains_key(ACCEPTED) || denied.says("not accessible");
        denied.status == StatusCode::FORBIDDEN
            && !permission
            && (denied.says("rate limit")
                || denied.headers.contains_key(RETRY_AFTER)
                || QUOTA.left(&denied.headers) == Some(0))
    }

    fn forbidden(&self, denied: &Denied, token_file: Option<&Path>) -> String {
        let Some(path) = token_file else {
            return "it wants a token that may read check runs: set gate.token_file".to_owned();
        };
        let path = secret::shown(path);
        let needed = denied.headers.get(ACCEPTED).and_then(|value| value.to_str().ok());
        let needed = needed.map_or_else(|| "checks=read".to_owned(), text::clean);
        if denied.says("personal access token") && needed.contains("checks") {
            return format!(
                "the token in {path} lacks the permission {needed}, which a fine-grained personal access token \
                 cannot have: use a token of a GitHub App, or a classic one with the scope repo"
            );
        }
        format!("the token in {path} lacks the permission {needed}")
    }
}

/// Whether there is nothing to learn of a commit's pull request: a token that may read check runs may not be one that may read pull
/// requests, which GitHub says by 403 or 404, and the commit may be unknown yet.
pub(super) fn refuses_pulls(refusal: &Refusal) -> bool {
    let denied = refusal.denied();
    matches!(denied.status, StatusCode::FORBIDDEN | StatusCode::NOT_FOUND) || is_unknown_commit(denied)
}

/// GitHub's word for a commit that it does not have, which a commit pushed a moment ago may be.
pub(super) fn is_unknown_commit(denied: &Denied) -> bool {
    denied.status == StatusCode::UNPROCESSABLE_ENTITY
        && denied.message.as_deref().is_some_and(|message| message.starts_with("No commit found"))
}
