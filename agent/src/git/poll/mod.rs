//! The poll: which revision the branch is at. Over http(s) one POST on a kept connection, a few hundred bytes and well
//! below a millisecond; any other way through a child, as nothing else could be stopped in the midst of a read.

mod error;
mod pkt;

use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use pull_agent_core::Revision;
use reqwest::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, LOCATION, USER_AGENT};
use reqwest::{Client, RequestBuilder, Response, StatusCode};
use tokio::time::{Instant, timeout_at};

pub use error::PollError;

use super::child::{self, Completed, Request};
use super::credentials::token_apart;
use super::moved::{GREETING, Moved, REDIRECTS, redirected};
use super::remote::{Remote, Transport};
use crate::secret::Token;
use crate::settings::Source;
use crate::{text, tls};

/// One poll takes at most this long.
pub const POLL_TIMEOUT: Duration = Duration::from_secs(30);

/// A kept connection that is dead without a word (an address that changed, a state table that was cleared) is given up
/// after this share of the time, so that a new one is tried within the same poll.
const KEPT_SHARE: u32 = 3;

/// The answer is one line; a branch name may be long, and refs with the same beginning come along.
const MAX_ANSWER: usize = 64 * 1024;

/// Longer than any poll interval with its back-off: the connection is kept from poll to poll.
const KEEP_IDLE: Duration = Duration::from_secs(15 * 60);

/// Some servers look for `git/` before they speak the smart protocol.
const GIT_USER_AGENT: &str = concat!("git/2 (pull-agent/", env!("CARGO_PKG_VERSION"), ")");

/// What is asked for below the address of a repository (gitprotocol-http(5)).
const SERVICE: &str = "/git-upload-pack";

const REQUEST_TYPE: &str = "application/x-git-upload-pack-request";
const RESULT_TYPE: &str = "application/x-git-upload-pack-result";

/// Asks one remote for the tip of one branch, again and again. Secrets are read at each poll; a changed file of trust
/// anchors counts from the next new connection on.
#[derive(Debug)]
pub struct Poller {
    program: PathBuf,
    remote: Remote,
    moved: Moved,
    body: Vec<u8>,
    limit: Duration,
    client: Option<Client>,
}

impl Poller {
    /// Prepares polls of the source's branch. `program` is this program's own file, for remotes that are asked by a
    /// child (`<program> fetch`).
    #[must_use]
    pub fn new(source: &Source, program: &Path) -> Self {
        let remote = Remote::of(source);
        let body = pkt::request(&remote.reference());
        let moved = Moved::default();
        Self { program: program.to_owned(), remote, moved, body, limit: POLL_TIMEOUT, client: None }
    }

    /// Says where the last good poll found the repository.
    #[must_use]
    pub fn moved(&self) -> Moved {
        self.moved.clone()
    }

    /// Allows one poll another time than [`POLL_TIMEOUT`].
    #[must_use]
    pub const fn with_limit(mut self, limit: Duration) -> Self {
        self.limit = limit;
        self
    }

    /// Returns the revision that the branch is at now. Dropping the future ends the poll and a child of it.
    ///
    /// # Errors
    /// One sentence of what went wrong; the next poll begins with a new connection.
    pub async fn poll(&mut self) -> Result<Revision, PollError> {
        match self.remote.transport() {
            Transport::Http => self.poll_http().await,
            Transport::Ssh | Transport::Other => self.poll_child().await,
        }
    }

    async fn poll_child(&self) -> Result<Revision, PollError> {
        let request = Request::Poll { remote: self.remote.clone() };
        match child::run(&self.program, &request, self.limit).await {
            Ok(Completed::Tip(Some(revision))) => Ok(revision),
            Ok(Completed::Tip(None) | Completed::Fetched(_) | Completed::Below(_) | Completed::Proof(_)) => {
                Err(PollError::MissingBranch { reference: self.remote.reference() })
            }
            Err(source) => Err(PollError::Child { url: self.remote.url.clone(), source }),
        }
    }

    async fn poll_http(&mut self) -> Result<Revision, PollError> {
        let end = Instant::now() + self.limit;
        if let Some(client) = self.client.take() {
            let give_up = Instant::now() + self.limit / KEPT_SHARE;
            match self.ask_until(&client, give_up).await {
                Err(PollError::Network { .. } | PollError::BrokeOff { .. } | PollError::TimedOut { .. }) => {}
                result => return self.keep(client, result),
            }
        }
        let client = self.connect()?;
        let result = self.ask_until(&client, end).await;
        self.keep(client, result)
    }

    /// After an error the next poll begins with a new connection.
    fn keep(&mut self, client: Client, result: Result<Revision, PollError>) -> Result<Revision, PollError> {
        self.client = result.is_ok().then_some(client);
        result
    }

    fn connect(&self) -> Result<Client, PollError> {
        let host = self.remote.scheme_and_host().map(|(_, host)| host).unwrap_or_default();
        tls::client_builder(&host, self.remote.ca_file.as_deref())
            .map_err(PollError::Tls)?
            .pool_idle_timeout(KEEP_IDLE)
            .pool_max_idle_per_host(1)
            .tcp_nodelay(true)
            .build()
            .map_err(|source| PollError::Client { url: self.remote.url.clone(), source })
    }

    async fn ask_until(&self, client: &Client, end: Instant) -> Result<Revision, PollError> {
        let begun = AtomicBool::new(false);
        match timeout_at(end, self.ask(client, &begun)).await {
            Ok(result) => result,
            Err(_) => Err(PollError::TimedOut {
                url: self.remote.url.clone(),
                after: self.limit,
                begun: begun.into_inner(),
            }),
        }
    }

    /// `begun` becomes true with the head of an answer.
    async fn ask(&self, client: &Client, begun: &AtomicBool) -> Result<Revision, PollError> {
        let configured = self.remote.url.trim_end_matches('/');
        let mut at = configured.to_owned();
        for _ in 0..REDIRECTS {
            match self.ask_at(&at, client, begun).await {
                Err(PollError::Redirect { to: Some(to), .. }) if to != at => at = to,
                Err(PollError::Status { url, status }) if may_have_moved(status) => {
                    match self.greeted_elsewhere(&at, client).await {
                        Some(to) if to != at => at = to,
                        Some(_) | None => return Err(PollError::Status { url, status }),
                    }
                }
                Ok(tip) => {
                    self.moved.set((at != configured).then_some(at));
                    return Ok(tip);
                }
                Err(error) => return Err(error),
            }
        }
        Err(PollError::RedirectsEndless { url: self.remote.url.clone(), last: at })
    }

    async fn ask_at(&self, at: &str, client: &Client, begun: &AtomicBool) -> Result<Revision, PollError> {
        let request = client
            .post(format!("{at}{SERVICE}"))
            .header(USER_AGENT, GIT_USER_AGENT)
            .header("git-protocol", "version=2")
            .header(CONTENT_TYPE, REQUEST_TYPE)
            .header(ACCEPT, RESULT_TYPE)
            .body(self.body.clone());
        let token = token_apart(&self.remote).await.map_err(PollError::Credentials)?;
        let request = with_token(request, token.as_ref())?;
        let result = match self.answer(at, request, begun).await {
            Err(PollError::Nothing) => Err(self.why_nothing(at, client, token.as_ref()).await),
            result => result,
        };
        match token {
            Some(token) => result.map_err(|error| error.redacted(&token)),
            None => result,
        }
    }

    async fn answer(
        &self,
        at: &str,
        request: RequestBuilder,
        begun: &AtomicBool,
    ) -> Result<Revision, PollError> {
        let url = || self.remote.url.clone();
        let response = request
            .send()
            .await
            .map_err(|error| PollError::Network { url: url(), source: error.without_url() })?;
        begun.store(true, Relaxed);
        self.check_head(at, &response)?;
        let reference = self.remote.reference();
        match self.read(response).await? {
            (answer, true) => pkt::tip(&answer, &reference),
            (answer, false) => match pkt::tip_in_beginning(&answer, &reference) {
                Ok(Some(tip)) => Ok(tip),
                Ok(None) | Err(PollError::Garbled { .. }) => {
                    Err(PollError::TooLong { url: url(), limit: MAX_ANSWER })
                }
                Err(error) => Err(error),
            },
        }
    }

    /// git asks for the greeting first, and some servers redirect that alone.
    async fn greeted_elsewhere(&self, at: &str, client: &Client) -> Option<String> {
        let token = token_apart(&self.remote).await.ok()?;
        let response = greeting(at, client, token.as_ref()).await?;
        let location = response.headers().get(LOCATION)?.to_str().ok()?;
        let to = redirected(response.status(), at, GREETING, location)?;
        (!token.is_some_and(|token| token.is_in(&to))).then_some(to)
    }

    /// A server that answers with nothing says in its greeting what it is.
    async fn why_nothing(&self, at: &str, client: &Client, token: Option<&Token>) -> PollError {
        let Some(response) = greeting(at, client, token).await else { return PollError::Nothing };
        let Ok((greeting, _)) = self.read(response).await else { return PollError::Nothing };
        let says = |text: &[u8]| greeting.windows(text.len()).any(|found| found == text);
        if says(b"object-format=sha256") {
            PollError::ObjectFormat
        } else if says(b"service=git-upload-pack") && !says(b"version 2") {
            PollError::ProtocolVersion
        } else {
            PollError::Nothing
        }
    }

    fn check_head(&self, at: &str, response: &Response) -> Result<(), PollError> {
        let url = self.remote.url.clone();
        let status = response.status();
        let header = |name| {
            response.headers().get(name).map(|value| text::first_line(value.as_bytes())).unwrap_or_default()
        };
        if status.is_redirection() {
            let location = header(LOCATION);
            let to = redirected(status, at, SERVICE, &location);
            return Err(PollError::Redirect { url, status: status.as_u16(), location, to });
        }
        if status != StatusCode::OK {
            return Err(PollError::Status { url, status: status.as_u16() });
        }
        let found = header(CONTENT_TYPE);
        // Parameters and the case of letters mean nothing (RFC 9110, section 8.3.1), and what has none is looked into.
        let essence = found.split(';').next().unwrap_or_default().trim();
        if essence.is_empty() || essence.eq_ignore_ascii_case(RESULT_TYPE) {
            Ok(())
        } else {
            Err(PollError::ContentType { url, found })
        }
    }

    /// Reads an answer, of one that is too long the beginning; says whether it is whole.
    async fn read(&self, mut response: Response) -> Result<(Vec<u8>, bool), PollError> {
        let mut answer = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(|error| self.broke_off(error))? {
            let room = MAX_ANSWER - answer.len();
            answer.extend_from_slice(&chunk[..chunk.len().min(room)]);
            if chunk.len() > room {
                return Ok((answer, false));
            }
        }
        Ok((answer, true))
    }

    fn broke_off(&self, error: reqwest::Error) -> PollError {
        PollError::BrokeOff { url: self.remote.url.clone(), source: error.without_url() }
    }
}

/// Asks for the greeting; none where nothing comes.
async fn greeting(at: &str, client: &Client, token: Option<&Token>) -> Option<Response> {
    let url = format!("{at}{GREETING}?service=git-upload-pack");
    let request = client.get(url).header(USER_AGENT, GIT_USER_AGENT).header("git-protocol", "version=2");
    with_token(request, token).ok()?.send().await.ok()
}

/// Whether an answer may be that of an address where there is no repository any more.
const fn may_have_moved(status: u16) -> bool {
    matches!(status, 404 | 405 | 410)
}

fn with_token(request: RequestBuilder, token: Option<&Token>) -> Result<RequestBuilder, PollError> {
    let Some(token) = token else { return Ok(request) };
    let value =
        token.basic().map_err(|_| PollError::Garbled { text: "the token cannot be a header".to_owned() })?;
    Ok(request.header(AUTHORIZATION, value))
}
