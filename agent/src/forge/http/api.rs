//! One request to the forge, with everything around it: header fields, redirects, bounds, counters, and how long the forge
//! wants to be left alone. Never sends the token to another host.

use std::path::PathBuf;
use std::time::Duration;

use jiff::Timestamp;
use pull_agent_core::{Budget, Millis};
use reqwest::header::{AUTHORIZATION, ETAG, IF_NONE_MATCH, LINK, LOCATION};
use reqwest::{Client, Method, Response, StatusCode, Url};

use super::credential::Credential;
use super::dialect::{Denied, Dialect};
use super::error::HttpError;
use super::refusal::{self, Refusal};
use super::stats::SharedStats;
use super::token::{self, Secret};
use super::{Bounds, Place, body, limits, link};
use crate::{secret, text, tls};

/// A renamed repository is one redirect, a moved one on top of it another.
const REDIRECTS: usize = 4;

/// A connection outlives the pause between two looks at a check that runs, and no more: idle memory is small.
const KEEP_CONNECTION: Duration = Duration::from_secs(20);

/// An error's body is read so far; it is only wanted for its message.
const MESSAGE_BODY: usize = 16 * 1024;

/// The forge, as far as HTTP goes.
#[derive(Debug)]
pub(super) struct Api {
    dialect: &'static dyn Dialect,
    root: Url,
    ca_file: Option<PathBuf>,
    credential: Option<Credential>,
    bounds: Bounds,
    stats: SharedStats,
    client: Option<Made>,
    /// Status of the answer whose body is being read; none while an answer is waited for.
    status: Option<StatusCode>,
    leave_alone: Option<Millis>,
    /// Requests of this question that count, and what was left after the last of them.
    counted: u64,
    budget: Option<Budget>,
}

/// A client and the trust anchors that it was made with.
#[derive(Debug)]
struct Made {
    client: Client,
    anchors: Option<Vec<u8>>,
}

/// What a conditional GET brought (RFC 9110, section 13).
#[derive(Debug)]
pub(super) enum Conditional {
    /// 304: what was said before is still so.
    NotModified,
    /// 200.
    Modified {
        /// The whole body.
        body: Vec<u8>,
        /// To ask again with.
        etag: Option<String>,
        /// `Link` with `rel="next"`, not yet looked at.
        next: Option<String>,
    },
}

/// What a POST brought.
pub(crate) struct Posted {
    /// The whole body. It may hold a secret, so this cannot be printed.
    pub(crate) body: Vec<u8>,
    /// What the forge's clock showed.
    pub(crate) date: Option<Timestamp>,
}

/// With fewer requests left only what must be asked is.
const ROOM: u64 = 30;

impl Api {
    pub(super) fn new(
        dialect: &'static dyn Dialect,
        place: Place,
        bounds: Bounds,
        stats: SharedStats,
    ) -> Self {
        let Place { root, ca_file, credential } = place;
        Self {
            dialect,
            root,
            ca_file,
            credential,
            bounds,
            stats,
            client: None,
            status: None,
            leave_alone: None,
            counted: 0,
            budget: None,
        }
    }

    /// Whether the rate limit leaves room for more than what must be asked; so it does where the forge names none.
    pub(super) fn has_room(&self) -> bool {
        self.stats.get().ratelimit_remaining.is_none_or(|remaining| remaining >= ROOM)
    }

    /// Begins a new question.
    pub(super) fn begin(&mut self) {
        self.status = None;
        self.leave_alone = None;
        self.counted = 0;
        self.budget = None;
    }

    /// The longest wait that an answer to this question asked for.
    pub(super) const fn leave_alone(&self) -> Option<Millis> {
        self.leave_alone
    }

    /// The wait that leaves half of what the forge still allows.
    pub(super) fn pace(&self) -> Option<Millis> {
        self.budget.and_then(|budget| budget.pace(self.counted))
    }

    /// What is to be said when the time of the question is over, at whatever point it was.
    pub(super) fn given_up(&self) -> HttpError {
        let limit = self.bounds.total;
        match self.status {
            Some(status) => HttpError::Slow { status, limit },
            None => {
                self.stats.count("error");
                HttpError::Silent { host: self.host(), limit }
            }
        }
    }

    /// Asks for this address, with the ETag of what was answered before.
    pub(super) async fn get(
        &mut self,
        secret: &Secret,
        url: &Url,
        etag: Option<&str>,
    ) -> Result<Conditional, HttpError> {
        self.may_send(secret)?;
        let mut at = url.clone();
        let mut status = StatusCode::OK;
        for _ in 0..=REDIRECTS {
            let response = self.send(secret, Method::GET, &at, etag).await?;
            status = response.status();
            match status {
                StatusCode::MOVED_PERMANENTLY
                | StatusCode::FOUND
                | StatusCode::TEMPORARY_REDIRECT
                | StatusCode::PERMANENT_REDIRECT => at = self.redirected(&at, &response)?,
                StatusCode::OK => return self.fresh(response).await,
                StatusCode::NOT_MODIFIED if etag.is_some() => return Ok(Conditional::NotModified),
                StatusCode::NOT_MODIFIED => return Err(HttpError::UnaskedNotModified),
                _ => return Err(self.refused(secret, response).await),
            }
        }
        Err(HttpError::TooManyRedirects { status })
    }

    /// Makes something at this address, without a body. Redirects are not followed.
    pub(super) async fn post(&mut self, secret: &Secret, url: &Url) -> Result<Posted, HttpError> {
        self.may_send(secret)?;
        let response = self.send(secret, Method::POST, url, None).await?;
        if response.status() != StatusCode::CREATED {
            return Err(self.refused(secret, response).await);
        }
        let (status, limit) = (response.status(), MESSAGE_BODY);
        let date = limits::date_of(response.headers());
        let (body, whole) = body::read(response, limit).await?;
        if whole { Ok(Posted { body, date }) } else { Err(HttpError::TooLarge { status, limit }) }
    }

    /// The address of the next page, when it is on the same host as the first.
    pub(super) fn next_page(&self, at: &Url, link: &str) -> Result<Url, HttpError> {
        let foreign = || HttpError::ForeignPage { found: text::clean(link) };
        let next = at.join(link).map_err(|_| foreign())?;
        if next.origin() == self.root.origin() { Ok(next) } else { Err(foreign()) }
    }

    fn may_send(&self, secret: &Secret) -> Result<(), HttpError> {
        let host = self.root.host_str().unwrap_or_default();
        if secret.is_set() { Ok(secret::may_go(token::KEY, self.root.scheme(), host)?) } else { Ok(()) }
    }

    async fn send(
        &mut self,
        secret: &Secret,
        method: Method,
        url: &Url,
        etag: Option<&str>,
    ) -> Result<Response, HttpError> {
        self.status = None;
        let mut request = self.client().await?.request(method, url.clone());
        for (name, value) in self.dialect.fields() {
            request = request.header(*name, *value);
        }
        if let Some(token) = secret.header() {
            request = request.header(AUTHORIZATION, token);
        }
        if let Some(etag) = etag {
            request = request.header(IF_NONE_MATCH, etag);
        }
        let response = request.send().await.map_err(|source| {
            self.stats.count("error");
            HttpError::Unreachable { host: self.host(), source: source.without_url() }
        })?;
        let (status, headers) = (response.status(), response.headers());
        self.status = Some(status);
        self.stats.count(status.as_str());
        let quota = self.dialect.quota();
        if let Some(remaining) = quota.left(headers) {
            self.stats.remaining(remaining);
        }
        self.leave_alone = self.leave_alone.max(quota.leave_alone(status, headers));
        self.budget = quota.budget(headers);
        // What has not changed costs nothing of the limit, but only where a token is sent.
        if status != StatusCode::NOT_MODIFIED || !secret.is_set() {
            self.counted += 1;
        }
        Ok(response)
    }

    /// The client, made anew when the trust anchors changed.
    async fn client(&mut self) -> Result<&Client, HttpError> {
        let anchors = match &self.ca_file {
            // A file that cannot be read is told of by the builder below.
            Some(path) => tokio::fs::read(path).await.ok(),
            None => None,
        };
        let made = match self.client.take() {
            Some(made) if made.anchors == anchors && (anchors.is_some() || self.ca_file.is_none()) => made,
            Some(_) | None => {
                let host = self.root.host_str().unwrap_or_default();
                let builder = tls::client_builder(host, self.ca_file.as_deref())
                    .map_err(HttpError::Tls)?
                    .http1_only()
                    .pool_max_idle_per_host(1)
                    .pool_idle_timeout(KEEP_CONNECTION);
                Made { client: builder.build().map_err(HttpError::Client)?, anchors }
            }
        };
        Ok(&self.client.insert(made).client)
    }

    /// Where a redirect leads, when the token may go there: the same host, scheme and port.
    fn redirected(&self, at: &Url, response: &Response) -> Result<Url, HttpError> {
        let status = response.status();
        let location = response.headers().get(LOCATION).and_then(|value| value.to_str().ok());
        let location = location.ok_or(HttpError::RedirectNowhere { status })?;
        let foreign = || HttpError::ForeignRedirect { status, found: text::clean(location) };
        let to = at.join(location).map_err(|_| foreign())?;
        if to.origin() == self.root.origin() { Ok(to) } else { Err(foreign()) }
    }

    async fn fresh(&self, response: Response) -> Result<Conditional, HttpError> {
        let status = response.status();
        let etag = response.headers().get(ETAG).and_then(|value| value.to_str().ok()).map(str::to_owned);
        let links = response.headers().get_all(LINK);
        let next = links.iter().filter_map(|value| value.to_str().ok()).find_map(link::next);
        let limit = self.bounds.body;
        let (body, whole) = body::read(response, limit).await?;
        if whole {
            Ok(Conditional::Modified { body, etag, next })
        } else {
            Err(HttpError::TooLarge { status, limit })
        }
    }

    async fn refused(&mut self, secret: &Secret, response: Response) -> HttpError {
        let (status, headers) = (response.status(), response.headers().clone());
        // The status says enough when the message does not come.
        let message =
            body::read(response, MESSAGE_BODY).await.ok().and_then(|(body, _)| refusal::message(&body));
        let denied = Denied { status, headers, message };
        if refusal::is_limit(self.dialect, &denied) {
            self.leave_alone = self.leave_alone.or(Some(limits::UNTOLD));
        }
        let credential = self.credential.as_ref().filter(|_| secret.is_set());
        Box::new(Refusal::new(self.dialect, denied, credential, self.leave_alone)).into()
    }

    fn host(&self) -> String {
        let host = self.root.host_str().unwrap_or_default();
        self.root.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"))
    }
}
