//! An answer of the forge that is no list, and what the operator can do about it.

use std::path::Path;

use pull_agent_core::Millis;
use reqwest::StatusCode;
use reqwest::header::{HeaderMap, RETRY_AFTER};
use serde::Deserialize;

use super::limits;
use crate::{secret, text};

/// Permissions that would have been enough, "checks=read".
const ACCEPTED: &str = "x-accepted-github-permissions";

/// An answer of the forge that is no list.
#[derive(Debug, thiserror::Error)]
#[error("the forge answered {status}{}: {advice}", in_brackets(.message.as_deref()))]
pub(super) struct Refusal {
    status: StatusCode,
    /// `message` of the body, cleaned and cut.
    message: Option<String>,
    /// What the operator can do, or what happens by itself.
    advice: String,
}

impl Refusal {
    /// `token_file` is that of the token which was sent; `wait` is how long the forge wants to be left alone.
    pub(super) fn new(
        status: StatusCode,
        headers: &HeaderMap,
        message: Option<String>,
        token_file: Option<&Path>,
        wait: Option<Millis>,
    ) -> Self {
        let limit = is_limit(status, headers, message.as_deref());
        let advice = match status {
            _ if limit => rate_limited(wait, token_file),
            StatusCode::UNAUTHORIZED => unauthorized(token_file),
            StatusCode::FORBIDDEN => forbidden(headers, message.as_deref(), token_file),
            StatusCode::NOT_FOUND => not_found(token_file),
            _ => "it is asked again later".to_owned(),
        };
        Self { status, message, advice }
    }

    /// GitHub's word for a commit that it does not have, which a commit pushed a moment ago may be.
    pub(super) fn is_unknown_commit(&self) -> bool {
        self.status == StatusCode::UNPROCESSABLE_ENTITY
            && self.message.as_deref().is_some_and(|m| m.starts_with("No commit found"))
    }
}

/// Whether this is a rate limit, primary or secondary; GitHub uses 403 for both, as it does for a missing permission.
pub(super) fn is_limit(status: StatusCode, headers: &HeaderMap, message: Option<&str>) -> bool {
    let told = |word: &str| message.is_some_and(|m| m.to_ascii_lowercase().contains(word));
    let permission = headers.contains_key(ACCEPTED) || told("not accessible");
    status == StatusCode::TOO_MANY_REQUESTS
        || status == StatusCode::FORBIDDEN
            && !permission
            && (told("rate limit")
                || headers.contains_key(RETRY_AFTER)
                || limits::remaining(headers) == Some(0))
}

/// Reads `message` of an error's body; none where there is none, as in a page of a proxy.
pub(super) fn message(body: &[u8]) -> Option<String> {
    #[derive(Deserialize)]
    struct Body {
        message: String,
    }
    let Body { message } = serde_json::from_slice(body).ok()?;
    let words = message.split_whitespace().collect::<Vec<_>>().join(" ");
    Some(text::clean(&words)).filter(|message| !message.is_empty())
}

fn rate_limited(wait: Option<Millis>, token_file: Option<&Path>) -> String {
    let wait = wait.map_or_else(|| "later".to_owned(), |wait| format!("in {} s", wait.0.div_ceil(1000)));
    let hint = match token_file {
        Some(_) => "",
        None => "; with a token (gate.token_file) the limit is higher",
    };
    format!("it is the rate limit, so it is asked again {wait}{hint}")
}

fn unauthorized(token_file: Option<&Path>) -> String {
    match token_file {
        Some(path) => {
            format!("the token in {} is not valid, or not any more: put a new one there", secret::shown(path))
        }
        None => "it wants a token: set gate.token_file".to_owned(),
    }
}

fn forbidden(headers: &HeaderMap, message: Option<&str>, token_file: Option<&Path>) -> String {
    let Some(path) = token_file else {
        return "it wants a token that may read check runs: set gate.token_file".to_owned();
    };
    let path = secret::shown(path);
    let needed = headers.get(ACCEPTED).and_then(|value| value.to_str().ok());
    let needed = needed.map_or_else(|| "checks=read".to_owned(), text::clean);
    if message.is_some_and(|m| m.contains("personal access token")) {
        return format!(
            "the token in {path} lacks the permission {needed}, which a fine-grained personal access token cannot \
             have: use a token of a GitHub App, or a classic one with the scope repo"
        );
    }
    format!("the token in {path} lacks the permission {needed}")
}

fn not_found(token_file: Option<&Path>) -> String {
    match token_file {
        Some(path) => format!(
            "gate.repository or gate.api_url is wrong, or the token in {} may not see that repository",
            secret::shown(path)
        ),
        None => "gate.repository or gate.api_url is wrong, or the repository is private: set gate.token_file"
            .to_owned(),
    }
}

fn in_brackets(text: Option<&str>) -> String {
    text.map(|text| format!(" ({text})")).unwrap_or_default()
}
