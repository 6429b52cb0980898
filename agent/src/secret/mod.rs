//! Secrets: read from their files afresh at each use, never shown, and cleared from memory when they go. What a peer echoes of
//! one is taken out here too. (What travels in a header is copied by the HTTP client, which does not clear its memory.)

mod echo;
mod file;
mod signing_key;

use std::borrow::Cow;
use std::hash::{BuildHasher as _, RandomState};
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use reqwest::header::{HeaderValue, InvalidHeaderValue};
use secrecy::zeroize::Zeroizing;
use secrecy::{ExposeSecret as _, SecretString};

use crate::loopback::is_readable_on_the_way;
pub(crate) use signing_key::SigningKey;

/// User name that goes with a token; GitHub, Forgejo and GitLab take any name.
const TOKEN_USER: &str = "x-access-token";

/// Why a secret cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum SecretError {
    /// The file cannot be read.
    #[error("{key} = {} cannot be read", shown(path))]
    Unreadable {
        /// Key of the configuration.
        key: &'static str,
        path: PathBuf,
        #[source]
        source: std::io::Error,
    },
    /// What is in the file is no such secret.
    #[error("{key} = {} {why}", shown(path))]
    Unusable {
        /// Key of the configuration.
        key: &'static str,
        path: PathBuf,
        /// What is wrong, without a word of the content: "is empty".
        why: &'static str,
    },
    /// It would travel readable.
    #[error("{key} is not sent over plain http to {host}, where others can read it: use https")]
    PlainHttp {
        /// Key of the configuration.
        key: &'static str,
        /// Host of the URL that the secret would be sent to.
        host: String,
    },
}

/// A path of the configuration, for a message. A secret that somebody typed in its place is none, and is not shown.
pub(crate) fn shown(path: &Path) -> Cow<'_, str> {
    if path.is_absolute() { path.to_string_lossy() } else { "(not shown: it is no absolute path)".into() }
}

/// Refuses to send the secret of `key` where others can read it: over plain http to another machine.
pub(crate) fn may_go(key: &'static str, scheme: &str, host: &str) -> Result<(), SecretError> {
    if is_readable_on_the_way(scheme, host) {
        return Err(SecretError::PlainHttp { key, host: host.to_owned() });
    }
    Ok(())
}

/// A token: one line of a file.
#[derive(Debug)]
pub(crate) struct Token(SecretString);

impl Token {
    /// Reads the token of `key`; the last newline of its file does not count. Blocks for as long as the file takes.
    ///
    /// # Errors
    /// When the file cannot be read, or holds nothing or more than one line.
    pub(crate) fn read(key: &'static str, path: &Path) -> Result<Self, SecretError> {
        let text = file::read(path).map_err(|source| SecretError::Unreadable {
            key,
            path: path.to_owned(),
            source,
        })?;
        let unusable = |why| Err(SecretError::Unusable { key, path: path.to_owned(), why });
        let token = text.strip_suffix('\n').unwrap_or(&text);
        let token = token.strip_suffix('\r').unwrap_or(token);
        if token.is_empty() {
            return unusable("is empty");
        }
        if token.contains(char::is_control) {
            return unusable("must hold the token alone on one line");
        }
        Ok(Self(SecretString::from(token)))
    }

    /// Does the same on a thread of its own: a secret may lie on a file system that does not answer.
    ///
    /// # Errors
    /// As [`Self::read`].
    pub(crate) async fn read_apart(key: &'static str, path: &Path) -> Result<Self, SecretError> {
        let file = path.to_owned();
        let read = tokio::task::spawn_blocking(move || Self::read(key, &file)).await;
        read.unwrap_or_else(|panic| {
            let source = std::io::Error::other(panic);
            Err(SecretError::Unreadable { key, path: path.to_owned(), source })
        })
    }

    /// Takes one that a forge handed out; none where it holds what no token has.
    pub(crate) fn handed_out(text: String) -> Option<Self> {
        let token = Self(SecretString::from(text));
        let usable =
            !token.0.expose_secret().is_empty() && !token.has_white_space() && token.bearer().is_ok();
        usable.then_some(token)
    }

    /// Whether there is white space in it, as no forge makes them.
    pub(crate) fn has_white_space(&self) -> bool {
        self.0.expose_secret().contains(char::is_whitespace)
    }

    /// Value of `Authorization` with the token as bearer (RFC 6750), marked as sensitive.
    ///
    /// # Errors
    /// When it holds characters that no header field can have.
    pub(crate) fn bearer(&self) -> Result<HeaderValue, InvalidHeaderValue> {
        sensitive(&format!("Bearer {}", self.0.expose_secret()))
    }

    /// Value of `Authorization` with the token as password (RFC 7617), marked as sensitive.
    ///
    /// # Errors
    /// None in fact: base64 can stand in a header field.
    pub(crate) fn basic(&self) -> Result<HeaderValue, InvalidHeaderValue> {
        sensitive(&self.basic_field())
    }

    /// The same as text, for gitoxide.
    pub(crate) fn basic_field(&self) -> Zeroizing<String> {
        Zeroizing::new(format!("Basic {}", *self.encoded()))
    }

    fn encoded(&self) -> Zeroizing<String> {
        let pair = Zeroizing::new(format!("{TOKEN_USER}:{}", self.0.expose_secret()));
        Zeroizing::new(STANDARD.encode(pair.as_bytes()))
    }

    /// Tells answers to one token from those to another, in memory only. A forge's ETag is valid for one token.
    pub(crate) fn fingerprint(&self) -> u64 {
        static KEYS: LazyLock<RandomState> = LazyLock::new(RandomState::new);
        KEYS.hash_one(self.0.expose_secret())
    }

    /// Takes the token, in the forms in which it is sent, out of what a peer said: that may be an echo of what it was told.
    pub(crate) fn redact(&self, text: &str) -> String {
        echo::hide(&echo::hide(text, &self.encoded()), self.0.expose_secret())
    }

    /// Whether a peer's words hold the token.
    pub(crate) fn is_in(&self, text: &str) -> bool {
        self.redact(text) != text
    }
}

fn sensitive(value: &str) -> Result<HeaderValue, InvalidHeaderValue> {
    let mut value = HeaderValue::from_bytes(value.as_bytes())?;
    value.set_sensitive(true);
    Ok(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn token(content: &str) -> Result<Token, SecretError> {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("token");
        std::fs::write(&path, content).expect("written");
        Token::read("gate.token_file", &path)
    }

    #[test]
    fn a_token_loses_its_newline_and_nothing_else() {
        for content in ["s3cret ", "s3cret \n", "s3cret \r\n"] {
            assert_eq!(token(content).expect("a token").0.expose_secret(), "s3cret ");
        }
    }

    #[test]
    fn an_odd_file_is_an_error_without_its_content() {
        for (content, why) in
            [("", "is empty"), ("\n", "is empty"), ("s3cret\nmore\n", "one line"), ("s3\rcret\n", "one line")]
        {
            let error = token(content).expect_err("no token");
            assert!(error.to_string().contains(why), "{error}");
            // Not "s3", which the random name of the folder may hold.
            assert!(!format!("{error:?}{error}").contains("cret"), "{error}");
        }
        let error = Token::read("gate.token_file", Path::new("/nonexistent/token")).expect_err("no file");
        assert_eq!(error.to_string(), "gate.token_file = /nonexistent/token cannot be read");
    }

    #[test]
    fn a_secret_in_the_place_of_its_path_is_not_shown() {
        let error = Token::read("gate.token_file", Path::new("ghs_secret")).expect_err("no file");
        assert!(
            error.to_string().contains("gate.token_file") && !error.to_string().contains("ghs"),
            "{error}"
        );
    }

    #[test]
    fn nothing_that_can_be_printed_holds_it() {
        let token = token("s3cret\n").expect("a token");
        let headers = [token.bearer(), token.basic()].map(|header| header.expect("a value"));
        assert_eq!(headers[0].as_bytes(), b"Bearer s3cret");
        assert_eq!(headers[1].as_bytes(), b"Basic eC1hY2Nlc3MtdG9rZW46czNjcmV0");
        let printed = format!("{token:?} {headers:?}");
        assert!(!printed.contains("s3cret") && !printed.contains("eC1hY2"), "{printed}");
    }

    #[test]
    fn an_echo_is_hidden_in_every_form() {
        let token = token("s3cret-and-long\n").expect("a token");
        let sent = token.basic_field();
        let said = format!("you sent s3cret-and-long as {}", *sent);
        assert_eq!(token.redact(&said), "you sent [token] as Basic [token]");
        assert_eq!(token.redact("nothing of it"), "nothing of it");
    }

    #[test]
    fn it_does_not_go_where_others_can_read_it() {
        let error = may_go("gate.token_file", "http", "git.example.org").expect_err("readable");
        assert!(error.to_string().contains("gate.token_file is not sent over plain http to git.example.org"));
        may_go("gate.token_file", "http", "localhost").expect("this machine");
        may_go("gate.token_file", "https", "git.example.org").expect("sealed");
    }
}
