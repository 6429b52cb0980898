//! The agent at the other end: over its sockets, or over a listener of the tailnet. Every read has a limit in bytes and
//! time; a log or the events are followed as long as the agent answers beside it.

use std::error::Error as _;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use pull_agent_protocol::{CONTROL_SOCKET_NAME, DEFAULT_PORT, Problem, Status};
use reqwest::{Method, StatusCode};
use serde::de::DeserializeOwned;

use super::error::{Error, Failure};

/// Time for a connection.
const CONNECT: Duration = Duration::from_secs(5);
/// Time for an answer that waits for nothing.
const ANSWER: Duration = Duration::from_secs(15);
/// Largest document: a history of thousands fits.
const DOCUMENT: usize = 8 << 20;
/// A stream that is silent for so long makes us ask whether the agent is still there.
const SILENCE: Duration = Duration::from_secs(60);

/// One agent.
#[derive(Debug)]
pub(super) struct Client {
    place: Place,
    open: reqwest::Client,
    control: Option<reqwest::Client>,
}

#[derive(Clone, Debug)]
enum Place {
    Socket(PathBuf),
    Host(String),
}

/// An answer with a body that was read whole.
#[derive(Debug)]
pub(super) struct Response {
    pub(super) status: StatusCode,
    pub(super) body: String,
}

impl Response {
    /// Reads the document.
    pub(super) fn read<T: DeserializeOwned>(&self) -> Result<T, Error> {
        serde_json::from_str(&self.body)
            .map_err(|error| Error::failed(format!("the agent's answer is not understood: {error}")))
    }
}

impl Client {
    /// The agent behind a socket.
    pub(super) fn local(socket: &Path) -> Result<Self, Error> {
        let over = |path: &Path| http(|builder| builder.unix_socket(path.to_owned()));
        Ok(Self {
            place: Place::Socket(socket.to_owned()),
            open: over(socket)?,
            control: Some(over(&socket.with_file_name(CONTROL_SOCKET_NAME))?),
        })
    }

    /// The agent behind the listener of a host, `NAME[:PORT]`.
    pub(super) fn remote(host: &str) -> Result<Self, Error> {
        let place = Place::Host(authority(host)?);
        Ok(Self { place, open: http(|builder| builder)?, control: None })
    }

    /// Reads a document.
    pub(super) async fn get(&self, path: &str) -> Result<Response, Error> {
        self.get_within(path, ANSWER).await.and_then(good)
    }

    /// Reads a document whose status code is part of the answer, and that may take so long.
    pub(super) async fn get_within(&self, path: &str, time: Duration) -> Result<Response, Error> {
        self.whole(&self.open, Method::GET, path, None, time).await
    }

    /// Reads the status.
    pub(super) async fn status(&self) -> Result<Status, Error> {
        self.get("/v1/status").await?.read()
    }

    /// Sends what carries no authority.
    pub(super) async fn post(&self, path: &str, body: String) -> Result<Response, Error> {
        self.whole(&self.open, Method::POST, path, Some(body), ANSWER).await.and_then(good)
    }

    /// Sends what changes things.
    pub(super) async fn change(&self, path: &str, body: String) -> Result<Response, Error> {
        match &self.control {
            Some(control) => self.whole(control, Method::POST, path, Some(body), ANSWER).await.and_then(good),
            None => {
                let Place::Host(host) = &self.place else { return Err(Error::failed("no control socket")) };
                let name = host.rsplit_once(':').map_or(host.as_str(), |(name, _)| name);
                let message = "what changes things goes over the local socket of the host only";
                Err(Error::new(Failure::Denied, message).with_hint(format!("ssh {name} sudo agentctl …")))
            }
        }
    }

    /// Opens an answer that goes on.
    pub(super) async fn stream(&self, path: &str) -> Result<Stream<'_>, Error> {
        let response = self.send(&self.open, Method::GET, path, None, None).await?;
        if response.status().is_success() {
            return Ok(Stream { client: self, response });
        }
        let answer = read(response, ANSWER).await.map_err(|error| self.lost(&error))?;
        Err(refusal(&answer))
    }

    async fn whole(
        &self,
        over: &reqwest::Client,
        method: Method,
        path: &str,
        body: Option<String>,
        time: Duration,
    ) -> Result<Response, Error> {
        let response = self.send(over, method, path, body, Some(time)).await?;
        read(response, time).await.map_err(|error| self.lost(&error))
    }

    async fn send(
        &self,
        over: &reqwest::Client,
        method: Method,
        path: &str,
        body: Option<String>,
        time: Option<Duration>,
    ) -> Result<reqwest::Response, Error> {
        let authority = match &self.place {
            Place::Socket(_) => "localhost",
            Place::Host(host) => host.as_str(),
        };
        let control = self.control.as_ref().is_some_and(|control| std::ptr::eq(control, over));
        let mut request = over.request(method, format!("http://{authority}{path}"));
        if let Some(body) = body {
            request = request.header(reqwest::header::CONTENT_TYPE, "application/json").body(body);
        }
        let sent = request.send();
        // A stream has no end, but its head has.
        match tokio::time::timeout(time.unwrap_or(ANSWER), sent).await {
            Ok(Ok(response)) => Ok(response),
            Ok(Err(error)) => Err(self.unreachable(&error, control)),
            Err(_) => Err(self.slow()),
        }
    }

    fn unreachable(&self, error: &reqwest::Error, control: bool) -> Error {
        let kind = io_kind(error);
        match &self.place {
            Place::Socket(socket) => {
                let socket = if control { &socket.with_file_name(CONTROL_SOCKET_NAME) } else { socket };
                let shown = socket.display();
                match kind {
                    Some(io::ErrorKind::PermissionDenied) => {
                        Error::new(Failure::Denied, format!("not permitted to use {shown}"))
                            .with_hint(who_may(socket))
                    }
                    Some(io::ErrorKind::NotFound) => {
                        Error::new(Failure::Unreachable, format!("no agent answers: {shown} does not exist"))
                            .with_hint("systemctl status pull-agent")
                    }
                    Some(_) | None => Error::new(
                        Failure::Unreachable,
                        format!("no agent answers at {shown}: {}", cause(error)),
                    )
                    .with_hint("systemctl status pull-agent"),
                }
            }
            Place::Host(host) => {
                let message = format!("no listener answers at {host}: {}", cause(error));
                Error::new(Failure::Unreachable, message)
                    .with_hint("on that host: systemctl status pull-agent-listener")
            }
        }
    }

    fn slow(&self) -> Error {
        Error::new(Failure::Unreachable, format!("{} does not answer in time", self.name()))
    }

    fn lost(&self, error: &ReadError) -> Error {
        Error::new(Failure::Unreachable, format!("the answer of {} broke off: {error}", self.name()))
    }

    fn name(&self) -> String {
        match &self.place {
            Place::Socket(socket) => socket.display().to_string(),
            Place::Host(host) => host.clone(),
        }
    }
}

/// An answer that goes on.
#[derive(Debug)]
pub(super) struct Stream<'c> {
    client: &'c Client,
    response: reqwest::Response,
}

impl Stream<'_> {
    /// Returns the next bytes, none at the end. A long silence is no error as long as the agent answers beside it.
    pub(super) async fn next(&mut self) -> Result<Option<Vec<u8>>, Error> {
        loop {
            match tokio::time::timeout(SILENCE, self.response.chunk()).await {
                Ok(Ok(chunk)) => return Ok(chunk.map(Into::into)),
                Ok(Err(error)) => return Err(self.client.lost(&ReadError::Network(error))),
                Err(_) => drop(self.client.status().await?),
            }
        }
    }
}

#[derive(Debug, thiserror::Error)]
enum ReadError {
    #[error("{}", cause(_0))]
    Network(#[source] reqwest::Error),
    #[error("it is larger than {DOCUMENT} bytes")]
    Large,
    #[error("it takes too long")]
    Slow,
    #[error("it is not text")]
    NotText,
}

fn http(at: impl FnOnce(reqwest::ClientBuilder) -> reqwest::ClientBuilder) -> Result<reqwest::Client, Error> {
    install_cryptography();
    // Only plain http is spoken, so no trust anchors are read from the disk.
    let builder = reqwest::Client::builder()
        .no_proxy()
        .http1_only()
        .tls_certs_only([])
        .connect_timeout(CONNECT)
        .redirect(reqwest::redirect::Policy::none());
    at(builder)
        .build()
        .map_err(|error| Error::failed(format!("no HTTP client could be made: {}", cause(&error))))
}

/// reqwest makes no client without a provider of cryptography, not even for plain http, as soon as its TLS is compiled
/// in; and one build of the daemon and this program compiles it in for both.
fn install_cryptography() {
    // An error means that there is one: both sockets' clients are made here.
    drop(rustls::crypto::ring::default_provider().install_default());
}

async fn read(mut response: reqwest::Response, time: Duration) -> Result<Response, ReadError> {
    let status = response.status();
    let whole = async {
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(ReadError::Network)? {
            if body.len() + chunk.len() > DOCUMENT {
                return Err(ReadError::Large);
            }
            body.extend_from_slice(&chunk);
        }
        String::from_utf8(body).map_err(|_| ReadError::NotText)
    };
    let body = tokio::time::timeout(time, whole).await.map_err(|_| ReadError::Slow)??;
    Ok(Response { status, body })
}

fn good(answer: Response) -> Result<Response, Error> {
    if answer.status.is_success() { Ok(answer) } else { Err(refusal(&answer)) }
}

/// The agent's own sentence for what it did not do.
pub(super) fn refusal(answer: &Response) -> Error {
    let failure = match answer.status {
        StatusCode::FORBIDDEN | StatusCode::UNAUTHORIZED => Failure::Denied,
        StatusCode::BAD_GATEWAY | StatusCode::SERVICE_UNAVAILABLE | StatusCode::GATEWAY_TIMEOUT => {
            Failure::Unreachable
        }
        _ => Failure::Failed,
    };
    match serde_json::from_str::<Problem>(&answer.body) {
        Ok(Problem { detail, hint, .. }) => {
            let error = Error::new(failure, detail);
            match hint {
                Some(hint) => error.with_hint(hint),
                None => error,
            }
        }
        Err(_) => Error::new(failure, format!("the agent answered {}", answer.status)),
    }
}

fn authority(host: &str) -> Result<String, Error> {
    let wrong = || Error::new(Failure::Usage, format!("{host:?} is no NAME or NAME:PORT"));
    let bare_v6 = host.parse::<std::net::Ipv6Addr>().is_ok();
    let named = if bare_v6 { format!("[{host}]") } else { host.to_owned() };
    let url = reqwest::Url::parse(&format!("http://{named}/")).map_err(|_| wrong())?;
    let plain =
        url.username().is_empty() && url.password().is_none() && url.path() == "/" && url.query().is_none();
    let name = url.host_str().filter(|_| plain).ok_or_else(wrong)?;
    // A URL drops port 80, since it is the default of http; ours is another.
    let port = match url.port() {
        Some(port) => port,
        None if named.ends_with(":80") => 80,
        None => DEFAULT_PORT,
    };
    Ok(format!("{name}:{port}"))
}

/// Who may use a socket, as the command that helps.
fn who_may(socket: &Path) -> String {
    use std::os::unix::fs::MetadataExt as _;
    let gid = std::fs::metadata(socket).ok().map(|metadata| nix::unistd::Gid::from_raw(metadata.gid()));
    let group =
        gid.filter(|gid| gid.as_raw() != 0).and_then(|gid| nix::unistd::Group::from_gid(gid).ok().flatten());
    match group {
        Some(group) => format!("use sudo, or become a member of the group {}", group.name),
        None => "use sudo".to_owned(),
    }
}

fn io_kind(error: &reqwest::Error) -> Option<io::ErrorKind> {
    let mut source = error.source();
    while let Some(inner) = source {
        if let Some(error) = inner.downcast_ref::<io::Error>() {
            return Some(error.kind());
        }
        source = inner.source();
    }
    None
}

/// The innermost reason: what the outer layers add says nothing to an operator.
fn cause(error: &reqwest::Error) -> String {
    let mut deepest: &dyn std::error::Error = error;
    while let Some(inner) = deepest.source() {
        deepest = inner;
    }
    deepest.to_string()
}

#[cfg(test)]
mod tests {
    use super::authority;

    #[test]
    fn a_host_has_a_port() {
        for (written, read) in [
            ("yggdrasil", "yggdrasil:7319"),
            ("yggdrasil.example.ts.net:80", "yggdrasil.example.ts.net:80"),
            ("100.101.102.103", "100.101.102.103:7319"),
            ("[::1]:81", "[::1]:81"),
            ("::1", "[::1]:7319"),
        ] {
            assert_eq!(authority(written).expect("good"), read);
        }
        for written in ["", "a/b", "u@h", "h:x", "h:1:2", "a b", "h?x"] {
            assert!(authority(written).is_err(), "{written}");
        }
    }
}
