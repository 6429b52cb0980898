//! One question to a forge: a token, one span of time, and as many requests as it takes.

use std::sync::Arc;

use pull_agent_core::Millis;
use reqwest::Url;
use tokio::sync::{Mutex, MutexGuard};
use tokio::time::{Instant, timeout_at};

use super::api::{Api, Conditional, Posted};
use super::cache::Remembered;
use super::credential::Credential;
use super::dialect::Dialect;
use super::error::HttpError;
use super::list::{List, Page};
use super::stats::SharedStats;
use super::token::{self, Secret};
use super::{Bounds, Place};
use crate::secret::Token;

/// A forge that is asked one question at a time.
#[derive(Debug)]
pub(crate) struct Http {
    credential: Option<Credential>,
    bounds: Bounds,
    /// Held for a whole question, so that requests go one after the other, as forges ask for.
    api: Mutex<Api>,
}

/// A question that has begun. Nobody else asks until it is dropped.
#[derive(Debug)]
pub(crate) struct Question<'a> {
    api: MutexGuard<'a, Api>,
    secret: Secret,
    pages: usize,
    end: Instant,
}

impl Http {
    /// Nothing is asked and no file is read yet.
    pub(crate) fn new(
        dialect: &'static dyn Dialect,
        place: Place,
        bounds: Bounds,
        stats: SharedStats,
    ) -> Self {
        let credential = place.credential.clone();
        Self { credential, bounds, api: Mutex::new(Api::new(dialect, place, bounds, stats)) }
    }

    /// Reads the token afresh and waits for an earlier question to end. The time of the question runs from here on.
    ///
    /// # Errors
    /// When the token cannot be used, or the time is over before anything could be asked.
    pub(crate) async fn begin(&self) -> Result<Question<'_>, HttpError> {
        let end = Instant::now() + self.bounds.total;
        let begin = async {
            let secret = match &self.credential {
                Some(Credential::TokenFile(path)) => token::read(path).await?,
                // Who knows how apps get their tokens sets it, with [`Question::use_token`].
                Some(Credential::App { .. }) | None => Secret::default(),
            };
            Ok((self.api.lock().await, secret))
        };
        let (mut api, secret) = timeout_at(end, begin).await.unwrap_or(Err(HttpError::NotBegun))?;
        api.begin();
        Ok(Question { api, secret, pages: self.bounds.pages, end })
    }
}

impl Question<'_> {
    /// Returns the rows of all pages of a list, `first` being the address of the first page. `read` takes the rows that
    /// matter out of one body; what it made of a page that has not changed since is not read again.
    ///
    /// # Errors
    /// When one page cannot be had or read, or the time of the question is over: part of a list proves nothing.
    pub(crate) async fn list<R: Clone>(
        &mut self,
        list: &List<R>,
        first: Url,
        read: impl Fn(&[u8]) -> serde_json::Result<Vec<R>>,
    ) -> Result<Vec<R>, HttpError> {
        let end = self.end;
        match timeout_at(end, self.all_pages(list, first, read)).await {
            Ok(result) => result,
            Err(_) => Err(self.api.given_up()),
        }
    }

    /// Whether something that only helps people may be asked as well.
    pub(crate) fn has_room(&self) -> bool {
        self.api.has_room()
    }

    /// The longest wait that an answer to this question asked for.
    pub(crate) fn leave_alone(&self) -> Option<Millis> {
        self.api.leave_alone()
    }

    /// The wait that leaves half of what the forge still allows.
    pub(crate) fn pace(&self) -> Option<Millis> {
        self.api.pace()
    }

    /// Asks with this token from now on, and takes it out of what is echoed.
    pub(crate) fn use_token(&mut self, token: Arc<Token>) {
        self.secret = token.into();
    }

    /// When the time of the question is over.
    pub(crate) const fn end(&self) -> Instant {
        self.end
    }

    /// Makes something at the forge: 201 and its body.
    ///
    /// # Errors
    /// When the forge answers anything else, or the time of the question is over.
    pub(crate) async fn post(&mut self, url: &Url) -> Result<Posted, HttpError> {
        match timeout_at(self.end, self.api.post(&self.secret, url)).await {
            Ok(result) => result,
            Err(_) => Err(self.api.given_up()),
        }
    }

    /// Tells one token from another, in memory only; none without a token.
    pub(crate) fn token(&self) -> Option<u64> {
        self.secret.fingerprint()
    }

    /// Takes the token out of what the forge may have echoed.
    pub(crate) fn hide_token(&self, text: &mut String) {
        self.secret.hide(text);
    }

    /// Returns the rows of the first page of a list alone, where the rest does not matter.
    ///
    /// # Errors
    /// As [`Self::list`].
    pub(crate) async fn first_page<R: Clone>(
        &mut self,
        list: &List<R>,
        first: Url,
        read: impl Fn(&[u8]) -> serde_json::Result<Vec<R>>,
    ) -> Result<Vec<R>, HttpError> {
        match timeout_at(self.end, self.page(list, &first, read)).await {
            Ok(result) => result.map(|page| page.rows),
            Err(_) => Err(self.api.given_up()),
        }
    }

    async fn all_pages<R: Clone>(
        &mut self,
        list: &List<R>,
        first: Url,
        read: impl Fn(&[u8]) -> serde_json::Result<Vec<R>>,
    ) -> Result<Vec<R>, HttpError> {
        let mut rows = Vec::new();
        let mut url = first;
        for _ in 0..self.pages {
            let page = self.page(list, &url, &read).await?;
            rows.extend(page.rows);
            match page.next {
                Some(next) => url = self.api.next_page(&url, &next)?,
                None => return Ok(rows),
            }
        }
        Err(HttpError::TooManyPages { what: list.what(), limit: self.pages })
    }

    async fn page<R: Clone>(
        &mut self,
        list: &List<R>,
        url: &Url,
        read: impl Fn(&[u8]) -> serde_json::Result<Vec<R>>,
    ) -> Result<Page<R>, HttpError> {
        let token = self.secret.fingerprint();
        let known = list.known(token, url);
        let etag = known.as_ref().map(|known| known.etag.as_str());
        match (self.api.get(&self.secret, url, etag).await?, known) {
            (Conditional::NotModified, Some(known)) => Ok(known.value),
            (Conditional::NotModified, None) => Err(HttpError::UnaskedNotModified),
            (Conditional::Modified { body, etag, next }, _) => {
                let rows = read(&body).map_err(|source| HttpError::not_a_list(list.what(), source))?;
                let page = Page { rows, next };
                if let Some(etag) = etag {
                    list.remember(token, url.clone(), Remembered { etag, value: page.clone() });
                }
                Ok(page)
            }
        }
    }
}
