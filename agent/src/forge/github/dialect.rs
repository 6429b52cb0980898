//! GitHub's way of speaking HTTP
//! (docs.github.com/rest/using-the-rest-api/rate-limits-for-the-rest-api, …/troubleshooting-the-rest-api).

use reqwest::StatusCode;
use reqwest::header::RETRY_AFTER;

use crate::forge::http::{Credential, Denied, Dialect, Quota, Refusal};
use crate::text;

/// The media type, and the version whose shapes are read here (docs.github.com/rest/about-the-rest-api/api-versions).
const FIELDS: &[(&str, &str)] =
    &[("accept", "application/vnd.github+json"), ("x-github-api-version", "2022-11-28")];

const QUOTA: Quota = Quota { remaining: "x-ratelimit-remaining", reset: "x-ratelimit-reset" };

/// Permissions that would have been enough, "checks=read".
const ACCEPTED: &str = "x-accepted-github-permissions";

/// In the refusal of a personal access token that lacks a permission.
const NOT_BY_PERSONAL_TOKEN: &str = "not accessible by personal access token";

/// The organisation wants single sign-on, which the token was not authorised for.
const SSO: &str = "x-github-sso";

/// Words of a refusal that a person has to clear, and what that person can do. The first that fits counts
/// (docs.github.com: troubleshooting-the-rest-api, managing-allowed-ip-addresses, setting a personal access token policy).
const REASONS: [(&str, &str); 5] = [
    (
        "saml enforcement",
        "the organisation wants single sign-on: authorise the token for it on GitHub's page of tokens",
    ),
    (
        "ip allow list",
        "the organisation only allows addresses of its IP allow list: put the address of this host there",
    ),
    ("access blocked", "GitHub has blocked the repository: its owner has to clear that with GitHub"),
    (
        "suspended",
        "the installation of the GitHub App is suspended: an owner of the organisation can end that in its settings",
    ),
    (
        "forbids access via",
        "the organisation does not allow this kind of token, or not for so long: use a token of a GitHub App",
    ),
];

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
            && reason(denied).is_none()
            && (denied.says("rate limit")
                || denied.headers.contains_key(RETRY_AFTER)
                || QUOTA.left(&denied.headers) == Some(0))
    }

    fn forbidden(&self, denied: &Denied, credential: Option<&Credential>) -> String {
        if let Some(reason) = reason(denied) {
            return reason.to_owned();
        }
        let Some(credential) = credential else {
            return "it wants a token that may read check runs: set gate.token_file".to_owned();
        };
        let needed = denied.headers.get(ACCEPTED).and_then(|value| value.to_str().ok());
        let needed = needed.map_or_else(|| "checks=read".to_owned(), text::clean);
        if denied.says(NOT_BY_PERSONAL_TOKEN) && needed.contains("checks") {
            return format!(
                "{credential} lacks the permission {needed}, which a fine-grained personal access token \
                 cannot have: give it Actions: read and set gate.api = \"auto\", or use a token of a GitHub App, or \
                 a classic one with the scope repo"
            );
        }
        format!("{credential} lacks the permission {needed}")
    }
}

/// What has to be cleared by a person, and is no permission of the token.
fn reason(denied: &Denied) -> Option<&'static str> {
    let sso = denied.headers.contains_key(SSO).then_some(REASONS[0].1);
    sso.or_else(|| REASONS.iter().find(|(words, _)| denied.says(words)).map(|(_, advice)| *advice))
}

/// Whether the token may not read this, which GitHub says by 403 or 404.
pub(super) fn refuses(refusal: &Refusal) -> bool {
    matches!(refusal.denied().status, StatusCode::FORBIDDEN | StatusCode::NOT_FOUND)
}

/// Whether this is a token that may not read check runs, whatever permissions it is given: a fine-grained one.
pub(super) fn refuses_check_runs(refusal: &Refusal) -> bool {
    refusal.denied().status == StatusCode::FORBIDDEN && refusal.denied().says(NOT_BY_PERSONAL_TOKEN)
}

/// Whether there is nothing to learn of a commit's pull request: a token that may read check runs may not be one that may read pull
/// requests, and the commit may be unknown yet.
pub(super) fn refuses_pulls(refusal: &Refusal) -> bool {
    refuses(refusal) || is_unknown_commit(refusal.denied())
}

/// GitHub's word for a commit that it does not have, which a commit pushed a moment ago may be.
pub(super) fn is_unknown_commit(denied: &Denied) -> bool {
    denied.status == StatusCode::UNPROCESSABLE_ENTITY
        && denied.message.as_deref().is_some_and(|message| message.starts_with("No commit found"))
}
