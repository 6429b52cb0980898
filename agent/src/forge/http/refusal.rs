//! An answer of the forge that is no list, and what the operator can do about it.

use pull_agent_core::Millis;
use reqwest::StatusCode;
use serde::Deserialize;

use super::credential::Credential;
use super::dialect::{Denied, Dialect};
use crate::text;

/// An answer of the forge that is no list.
#[derive(Debug, thiserror::Error)]
#[error("the forge answered {}{}: {advice}", .denied.status, in_brackets(.denied.message.as_deref()))]
pub(crate) struct Refusal {
    denied: Denied,
    /// What the operator can do, or what happens by itself.
    advice: String,
}

impl Refusal {
    /// `credential` is what was asked with; `wait` is how long the forge wants to be left alone.
    pub(super) fn new(
        dialect: &dyn Dialect,
        denied: Denied,
        credential: Option<&Credential>,
        wait: Option<Millis>,
    ) -> Self {
        let advice = match denied.status {
            _ if is_limit(dialect, &denied) => rate_limited(wait, credential),
            StatusCode::UNAUTHORIZED => unauthorized(credential),
            StatusCode::FORBIDDEN | StatusCode::UNAVAILABLE_FOR_LEGAL_REASONS => {
                dialect.forbidden(&denied, credential)
            }
            StatusCode::NOT_FOUND => not_found(credential),
            _ => "it is asked again later".to_owned(),
        };
        Self { denied, advice }
    }

    /// What the forge answered.
    pub(crate) const fn denied(&self) -> &Denied {
        &self.denied
    }
}

/// Whether this is a rate limit: 429 is one everywhere.
pub(super) fn is_limit(dialect: &dyn Dialect, denied: &Denied) -> bool {
    denied.status == StatusCode::TOO_MANY_REQUESTS || dialect.is_limit(denied)
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

fn rate_limited(wait: Option<Millis>, credential: Option<&Credential>) -> String {
    let wait = wait.map_or_else(|| "later".to_owned(), |wait| format!("in {} s", wait.0.div_ceil(1000)));
    let hint = match credential {
        Some(_) => "",
        None => "; with a token (gate.token_file) the limit is higher",
    };
    format!("it is the rate limit, so it is asked again {wait}{hint}")
}

fn unauthorized(credential: Option<&Credential>) -> String {
    match credential {
        Some(credential) => credential.unknown(),
        None => "it wants a token: set gate.token_file".to_owned(),
    }
}

fn not_found(credential: Option<&Credential>) -> String {
    match credential {
        Some(credential) => {
            format!("gate.repository or gate.api_url is wrong, or {credential} may not see that repository")
        }
        None => "gate.repository or gate.api_url is wrong, or the repository is private: set gate.token_file"
            .to_owned(),
    }
}

fn in_brackets(text: Option<&str>) -> String {
    text.map(|text| format!(" ({text})")).unwrap_or_default()
}
