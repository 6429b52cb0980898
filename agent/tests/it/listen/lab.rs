//! A listener with everything around it, and a client that says exactly what it is told to.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use pull_agent::listen::{Limits, Server};
use pull_agent::settings::{Allow, ListenSettings, Nudge};
use pull_agent_protocol::Problem;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::daemon::Daemon;
use super::tailscaled::Tailscaled;

/// Nothing here takes so long; it turns a hang into a failure.
const PATIENCE: Duration = Duration::from_secs(20);

/// The settings of a listener whose neighbours have their sockets in `directory`.
pub(super) fn settings(directory: &Path, allow: Vec<Allow>) -> ListenSettings {
    ListenSettings {
        host: "yggdrasil".to_owned(),
        nudge: Nudge { listen: Vec::new(), allow, tailscaled_socket: directory.join("tailscaled.sock") },
        socket: directory.join("agent.sock"),
        group: "pull-agent".to_owned(),
    }
}

/// One listener on loopback and its neighbours.
pub(super) struct Lab {
    pub(super) address: SocketAddr,
    pub(super) tailscaled: Tailscaled,
    pub(super) daemon: Daemon,
    pub(super) stop: CancellationToken,
    pub(super) served: JoinHandle<()>,
    pub(super) directory: tempfile::TempDir,
}

impl Lab {
    /// Whoever reaches it is allowed.
    pub(super) async fn open() -> Self {
        Self::with(vec![Allow::Any], Limits::default()).await
    }

    pub(super) async fn allowing(allow: Vec<Allow>) -> Self {
        Self::with(allow, Limits::default()).await
    }

    /// The same on `::1`.
    pub(super) async fn allowing_over_ipv6(allow: Vec<Allow>) -> Self {
        Self::on("[::1]:0", allow, Limits::default()).await
    }

    pub(super) async fn with(allow: Vec<Allow>, limits: Limits) -> Self {
        Self::on("127.0.0.1:0", allow, limits).await
    }

    async fn on(address: &str, allow: Vec<Allow>, limits: Limits) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let settings = settings(directory.path(), allow);
        let tailscaled = Tailscaled::start(&settings.nudge.tailscaled_socket);
        let daemon = Daemon::start(&settings.socket);
        let listener = TcpListener::bind(address).await.unwrap();
        let address = listener.local_addr().unwrap();
        let stop = CancellationToken::new();
        let served = tokio::spawn(Server::new(settings, limits, stop.clone()).serve(listener));
        Self { address, tailscaled, daemon, stop, served, directory }
    }

    pub(super) fn tailscaled_socket(&self) -> PathBuf {
        self.directory.path().join("tailscaled.sock")
    }

    pub(super) fn daemon_socket(&self) -> PathBuf {
        self.directory.path().join("agent.sock")
    }

    pub(super) async fn connect(&self) -> Client {
        Client(TcpStream::connect(self.address).await.unwrap())
    }

    /// `GET target`, as curl would send it.
    pub(super) async fn get(&self, target: &str) -> Answer {
        self.send(&format!("GET {target} HTTP/1.1\r\nHost: {}\r\n\r\n", self.address)).await
    }

    /// `POST target` with a body.
    pub(super) async fn post(&self, target: &str, body: &str) -> Answer {
        let length = body.len();
        self.send(&format!(
            "POST {target} HTTP/1.1\r\nHost: {}\r\nContent-Length: {length}\r\n\r\n{body}",
            self.address
        ))
        .await
    }

    /// These very bytes on a connection of their own.
    pub(super) async fn send(&self, text: &str) -> Answer {
        let mut client = self.connect().await;
        client.write(text).await;
        client.answer().await
    }
}

impl Drop for Lab {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

/// One connection.
pub(super) struct Client(pub(super) TcpStream);

impl Client {
    pub(super) async fn write(&mut self, text: &str) {
        self.0.write_all(text.as_bytes()).await.unwrap();
    }

    /// Reads one answer: its head, and a body of its Content-Length, or what there is of one without an end.
    pub(super) async fn answer(&mut self) -> Answer {
        let mut read = Vec::new();
        loop {
            if let Some(answer) = parse(&read) {
                return answer;
            }
            let mut buffer = [0; 4096];
            let count = within(self.0.read(&mut buffer)).await.unwrap();
            assert_ne!(count, 0, "closed after {:?}", String::from_utf8_lossy(&read));
            read.extend_from_slice(&buffer[..count]);
        }
    }

    /// Everything until the listener closes the connection, by an end or a reset.
    pub(super) async fn rest(&mut self) -> String {
        let mut read = Vec::new();
        let mut buffer = [0; 4096];
        while let Ok(count) = within(self.0.read(&mut buffer)).await {
            if count == 0 {
                break;
            }
            read.extend_from_slice(&buffer[..count]);
        }
        String::from_utf8(read).unwrap()
    }
}

/// What came back.
#[derive(Clone, Debug)]
#[must_use]
pub(super) struct Answer {
    pub(super) status: u16,
    /// Names in lower case.
    pub(super) head: String,
    pub(super) body: String,
}

impl Answer {
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
    }

    /// The problem, which every error of ours must be.
    pub(super) fn problem(&self) -> Problem {
        assert_eq!(self.header("content-type"), Some("application/problem+json"), "{self:?}");
        let problem: Problem = serde_json::from_str(&self.body).unwrap();
        assert_eq!(problem.status, self.status);
        assert!(!problem.title.is_empty() && !problem.detail.is_empty(), "{problem:?}");
        problem
    }

    /// Asserts the status of a problem and a part of its sentence.
    pub(super) fn refused(&self, status: u16, part: &str) {
        assert_eq!(self.status, status, "{self:?}");
        let detail = self.problem().detail;
        assert!(detail.contains(part), "{detail:?} does not say {part:?}");
    }

    /// Asserts that it is the daemon's.
    pub(super) fn passed(&self) {
        assert_eq!((self.status, self.body.as_str()), (202, r#"{"from":"the daemon"}"#), "{self:?}");
    }
}

fn parse(read: &[u8]) -> Option<Answer> {
    let text = std::str::from_utf8(read).unwrap();
    let (head, body) = text.split_once("\r\n\r\n")?;
    let (first, fields) = head.split_once("\r\n").unwrap_or((head, ""));
    let status = first.split(' ').nth(1).unwrap().parse().unwrap();
    let answer = Answer { status, head: fields.to_owned(), body: body.to_owned() };
    match answer.header("content-length") {
        Some(length) => (body.len() == length.parse::<usize>().unwrap()).then_some(answer),
        None => Some(answer),
    }
}

/// Fails instead of hanging.
pub(super) async fn within<T>(future: impl Future<Output = T>) -> T {
    tokio::time::timeout(PATIENCE, future).await.expect("it hangs")
}

/// Waits until something is so.
pub(super) async fn until(what: impl Fn() -> bool) {
    within(async {
        while !what() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    })
    .await;
}
