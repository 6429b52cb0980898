//! The token for the forge: read afresh for every question, so that a rotated one needs no restart.

use std::path::Path;
use std::sync::Arc;

use reqwest::header::HeaderValue;

use super::error::HttpError;
use crate::secret::{SecretError, Token};

/// Key of the configuration that names its file.
pub(super) const KEY: &str = "gate.token_file";

/// A bearer token, or the lack of one.
#[derive(Debug, Default)]
pub(super) struct Secret {
    token: Option<Arc<Token>>,
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
        self.token.as_ref().map(|token| token.fingerprint())
    }

    /// Takes the token out of what the forge may have echoed.
    pub(super) fn hide(&self, text: &mut String) {
        if let Some(token) = &self.token {
            *text = token.redact(text);
        }
    }
}

impl From<Arc<Token>> for Secret {
    fn from(token: Arc<Token>) -> Self {
        Self { token: Some(token) }
    }
}

/// Reads the token file.
pub(super) async fn read(path: &Path) -> Result<Secret, HttpError> {
    let token = Token::read_apart(KEY, path).await?;
    let unusable = |why| Err(SecretError::Unusable { key: KEY, path: path.to_owned(), why }.into());
    if token.has_white_space() {
        return unusable("holds more than a token: there is white space in it");
    }
    if token.bearer().is_err() {
        return unusable("holds characters that no token has");
    }
    Ok(Secret { token: Some(Arc::new(token)) })
}

#[cfg(test)]
mod tests {
    use super::*;

    const TOKEN: &str = "ghs_never-to-be-seen";

    #[tokio::test]
    async fn nothing_that_can_be_printed_holds_the_token() {
        let dir = tempfile::tempdir().expect("a temporary directory");
        let path = dir.path().join("token");
        std::fs::write(&path, TOKEN).expect("written");
        let secret = read(&path).await.expect("a token");
        let printed = format!("{secret:?} {:?}", secret.header());
        assert!(!printed.contains(TOKEN), "{printed}");
    }
}
