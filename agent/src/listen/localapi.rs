//! Two questions to tailscaled's LocalAPI (`ipn/localapi/localapi.go` of tailscale): is it running, and who is it at the
//! other end of this connection. Reads are open to every local user.

use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Bytes;
use hyper::header::HOST;
use hyper::{Request, StatusCode};
use serde::Deserialize;

use super::unix::{self, UnixError};

/// The only `Host` that the LocalAPI answers to.
const LOCALAPI_HOST: &str = "local-tailscaled.sock";
/// For both questions together. A hit takes about a millisecond, a miss up to 0.4 s.
const TIMEOUT: Duration = Duration::from_secs(3);
/// Longest answer; one with a node's capabilities has some kilobytes.
const LONGEST: usize = 256 * 1024;
/// The state in which tailscaled's word counts: one that was taken `down` still answers for its old peers.
const RUNNING: &str = "Running";

/// Who is at the other end.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Peer {
    /// Id that stays with the node.
    pub(super) stable_id: String,
    /// Full name of the node.
    pub(super) name: String,
    /// With their `tag:`; empty for a node of a user.
    pub(super) tags: Vec<String>,
    /// Of the node's user; says nothing on a node with tags.
    pub(super) login: String,
}

/// Why it is not known who calls.
#[derive(Debug, thiserror::Error)]
pub(super) enum LocalApiError {
    #[error("tailscaled did not answer within {} s", TIMEOUT.as_secs())]
    Slow,
    #[error("the question for {question} cannot be written")]
    Target {
        question: &'static str,
        #[source]
        source: hyper::http::uri::InvalidUri,
    },
    #[error("tailscaled is not reachable")]
    Unreachable(#[source] UnixError),
    #[error("tailscaled is in state {0:?}, not {RUNNING}")]
    NotRunning(String),
    #[error("tailscaled answered {status} to {question}")]
    Status { question: &'static str, status: StatusCode },
    #[error("the answer of tailscaled to {question} broke off or is too long")]
    Body {
        question: &'static str,
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    #[error("tailscaled did not understand {question} as we do")]
    Json {
        question: &'static str,
        #[source]
        source: serde_json::Error,
    },
}

/// Asks who `peer` is, while its connection is open: behind userspace networking only the port tells callers apart. None
/// when tailscaled runs and knows nobody there.
///
/// The state is asked first. tailscaled answers "nobody" for some moments after its start too, but is not `Running` then.
pub(super) async fn whois(socket: &Path, peer: SocketAddr) -> Result<Option<Peer>, LocalApiError> {
    let questions = async {
        let (status, body) = get(socket, "status", "/localapi/v0/status?peers=false").await?;
        if status != StatusCode::OK {
            return Err(LocalApiError::Status { question: "status", status });
        }
        let state: StatusAnswer = parse("status", &body)?;
        if state.backend_state != RUNNING {
            return Err(LocalApiError::NotRunning(state.backend_state));
        }
        let (status, body) =
            get(socket, "whois", &format!("/localapi/v0/whois?addr={peer}&proto=tcp")).await?;
        match status {
            StatusCode::OK => Ok(Some(parse::<WhoisAnswer>("whois", &body)?.into())),
            StatusCode::NOT_FOUND => Ok(None),
            status => Err(LocalApiError::Status { question: "whois", status }),
        }
    };
    tokio::time::timeout(TIMEOUT, questions).await.unwrap_or(Err(LocalApiError::Slow))
}

async fn get(
    socket: &Path,
    question: &'static str,
    target: &str,
) -> Result<(StatusCode, Bytes), LocalApiError> {
    let mut request = Request::new(Full::default());
    *request.uri_mut() = target.parse().map_err(|source| LocalApiError::Target { question, source })?;
    request.headers_mut().insert(HOST, hyper::header::HeaderValue::from_static(LOCALAPI_HOST));
    let (response, _connection) = unix::send(socket, request).await.map_err(LocalApiError::Unreachable)?;
    let status = response.status();
    let body = Limited::new(response.into_body(), LONGEST)
        .collect()
        .await
        .map_err(|source| LocalApiError::Body { question, source })?;
    Ok((status, body.to_bytes()))
}

fn parse<'a, T: Deserialize<'a>>(question: &'static str, body: &'a [u8]) -> Result<T, LocalApiError> {
    serde_json::from_slice(body).map_err(|source| LocalApiError::Json { question, source })
}

#[derive(Deserialize)]
struct StatusAnswer {
    #[serde(rename = "BackendState")]
    backend_state: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct WhoisAnswer {
    node: Node,
    user_profile: Option<UserProfile>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Node {
    #[serde(rename = "StableID", default)]
    stable_id: String,
    #[serde(default)]
    name: String,
    tags: Option<Vec<String>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct UserProfile {
    #[serde(default)]
    login_name: String,
}

impl From<WhoisAnswer> for Peer {
    fn from(answer: WhoisAnswer) -> Self {
        Self {
            stable_id: answer.node.stable_id,
            name: answer.node.name,
            tags: answer.node.tags.unwrap_or_default(),
            login: answer.user_profile.map(|profile| profile.login_name).unwrap_or_default(),
        }
    }
}
