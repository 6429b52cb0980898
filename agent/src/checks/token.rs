//! The token for the forge: read afresh for every question, so that a rotated one needs no restart.

use std::path::Path;

use pull_agent_core::Verdict;
use reqwest::header::HeaderValue;

use super::error::AskError;
use crate::secret::{SecretError, Token};

/// Key of the configuration that names its file.
pub(super) const KEY: &str = "gate.token_file";

/// A bearer token, or the lack of one.
#[derive(Debug, Default)]
pub(super) struct Secret {
    token: Option<Token>,
}

impl Secret {
    /// Value of `Authorization`, marked as sensitive.
    pub(super) fn header(&self) -> Option<HeaderValue> {
        // That it can be one was looked at when it was read.
        self.token.as_ref().and_then(|token| token.bearer().ok())
    }

    /// Whether there is one.
    pub(super) const fn is_set(&self) -> bool {
        self.token.is_some()
    }

    /// Tells answers to one token from those to another, in memory only. A forge's ETag is valid for one token.
    pub(super) fn fingerprint(&self) -> Option<u64> {
        self.token.as_ref().map(Token::fingerprint)
    }

    /// Takes the token out of everything that a forge may have echoed.
    pub(super) fn redact(&self, verdict: &mut Verdict) {
        let Some(token) = &self.token else { return };
        let hide = |text: &mut String| *text = token.redact(text);
        hide(&mut verdict.detail);
        for check in &mut verdict.checks {
            hide(&mut check.status);
            check.conclusion.as_mut().map(hide);
            check.url.as_mut().map(hide);
        }
    }
}

/// Reads the token file.
pub(super) async fn read(path: Option<&Path>) -> Result<Secret, AskError> {
    let Some(path) = path else { return Ok(Secret::default()) };
    let token = Token::read_apart(KEY, path).await?;
    let unusable = |why| Err(SecretError::Unusable { key: KEY, path: path.to_owned(), why }.into());
    if token.has_white_space() {
        return unusable("holds more than a token: there is white space in it");
    }
    if token.bearer().is_err() {
        return unusable("holds characters that no token has");
    }
    Ok(Secret { token: Some(token) })
}
