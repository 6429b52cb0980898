//! The token: read afresh for every question, so that a rotated one needs no restart, and never shown.

use std::fmt;
use std::hash::{BuildHasher as _, RandomState};
use std::path::Path;
use std::sync::LazyLock;

use pull_agent_core::Verdict;
use reqwest::header::HeaderValue;

use super::error::AskError;
use crate::secret;

/// What stands where the token stood.
const HIDDEN: &str = "[token]";

/// A bearer token, or the lack of one.
#[derive(Default)]
pub(super) struct Secret {
    token: String,
    header: Option<HeaderValue>,
}

impl Secret {
    /// Value of `Authorization`, marked as sensitive.
    pub(super) fn header(&self) -> Option<HeaderValue> {
        self.header.clone()
    }

    /// Tells answers to one token from those to another, in memory only. A forge's ETag is valid for one token.
    pub(super) fn fingerprint(&self) -> u64 {
        static KEYS: LazyLock<RandomState> = LazyLock::new(RandomState::new);
        KEYS.hash_one(&self.token)
    }

    /// Takes the token out of everything that a forge may have echoed.
    pub(super) fn redact(&self, verdict: &mut Verdict) {
        if self.token.is_empty() {
            return;
        }
        let hide = |text: &mut String| {
            if text.contains(&self.token) {
                *text = text.replace(&self.token, HIDDEN);
            }
        };
        hide(&mut verdict.detail);
        for check in &mut verdict.checks {
            hide(&mut check.status);
            check.conclusion.as_mut().map(hide);
            check.url.as_mut().map(hide);
        }
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.header.is_some() { "Secret(set)" } else { "Secret(none)" })
    }
}

/// Reads the token file; its last newline does not count.
pub(super) async fn read(path: Option<&Path>) -> Result<Secret, AskError> {
    let Some(path) = path else { return Ok(Secret::default()) };
    let unreadable = |source| AskError::TokenUnreadable { path: path.to_owned(), source };
    let unusable = |why| AskError::TokenUnusable { path: path.to_owned(), why };
    let file = path.to_owned();
    let read = tokio::task::spawn_blocking(move || secret::read(&file)).await;
    let text = read.unwrap_or_else(|panic| Err(std::io::Error::other(panic))).map_err(unreadable)?;
    let token = text.strip_suffix('\n').unwrap_or(&text);
    let token = token.strip_suffix('\r').unwrap_or(token).to_owned();
    if token.is_empty() {
        return Err(unusable("is empty"));
    }
    if token.contains(char::is_whitespace) {
        return Err(unusable("holds more than a token: there is white space in it"));
    }
    let mut header = HeaderValue::try_from(format!("Bearer {token}"))
        .map_err(|_| unusable("holds characters that no token has"))?;
    header.set_sensitive(true);
    Ok(Secret { token, header: Some(header) })
}
