//! What every kind of forge says in a way of its own.

use std::fmt;

use reqwest::StatusCode;
use reqwest::header::HeaderMap;

use super::credential::Credential;
use super::limits::Quota;

/// How one kind of forge is spoken to, and how its answers are to be understood.
pub(crate) trait Dialect: fmt::Debug + Send + Sync {
    /// Header fields of every request, beside those of the token and of the cache.
    fn fields(&self) -> &'static [(&'static str, &'static str)];

    /// Where it tells what its rate limit still allows.
    fn quota(&self) -> Quota;

    /// Whether this is a rate limit, for another status than 429.
    fn is_limit(&self, denied: &Denied) -> bool;

    /// What the operator can do about a 403 that is no rate limit, or a 451. `credential` is what was asked with.
    fn forbidden(&self, denied: &Denied, credential: Option<&Credential>) -> String;
}

/// An answer that is neither what was asked for nor a redirect.
#[derive(Debug)]
pub(crate) struct Denied {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    /// `message` of the body, cleaned and cut.
    pub(crate) message: Option<String>,
}

impl Denied {
    /// Whether the message holds these words, which are in lower case.
    pub(crate) fn says(&self, words: &str) -> bool {
        self.message.as_deref().is_some_and(|message| message.to_ascii_lowercase().contains(words))
    }
}
