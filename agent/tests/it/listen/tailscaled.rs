//! A stand-in for tailscaled's LocalAPI: a table of peers, a state, and ways to be broken. It refuses what the real one
//! refuses: another Host, a Referer or an Origin, an address without a port.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Body;
use axum::extract::{Query, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use serde_json::{Value, json};
use tokio::net::UnixListener;

/// How it answers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Manner {
    #[default]
    Well,
    /// Never.
    Hangs,
    /// 200 with something that is no JSON.
    Garbage,
    /// 200 with JSON that lacks what counts.
    Empty,
    /// 200 without an end.
    Endless,
    /// 500.
    Broken,
}

#[derive(Debug, Default)]
struct Table {
    state: String,
    manner: Manner,
    peers: BTreeMap<String, Value>,
    questions: Vec<String>,
}

/// Handle of the stand-in; clones share its table.
#[derive(Clone, Debug)]
pub(super) struct Tailscaled {
    table: Arc<Mutex<Table>>,
}

impl Tailscaled {
    /// Starts on `path`, `Running`, without any peer.
    pub(super) fn start(path: &Path) -> Self {
        let table = Table { state: "Running".to_owned(), ..Table::default() };
        let this = Self { table: Arc::new(Mutex::new(table)) };
        let router = Router::new()
            .route("/localapi/v0/status", get(status))
            .route("/localapi/v0/whois", get(whois))
            .with_state(this.clone());
        let listener = UnixListener::bind(path).unwrap();
        tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        this
    }

    pub(super) fn state(&self, state: &str) {
        state.clone_into(&mut self.table.lock().unwrap().state);
    }

    pub(super) fn manner(&self, manner: Manner) {
        self.table.lock().unwrap().manner = manner;
    }

    /// Whoever comes from loopback is a node with these tags.
    pub(super) fn tagged(&self, tags: &[&str]) {
        self.peer(json!({
            "Node": { "ID": 7, "StableID": "n7CNTRL", "Name": "ci-7.tail1234.ts.net.", "User": 1, "Tags": tags },
            "UserProfile": { "ID": 1, "LoginName": "tagged-devices", "DisplayName": "Tagged Devices" },
            "CapMap": { "https://tailscale.com/cap/ingress": null },
        }));
    }

    /// Whoever comes from loopback is a node of this user.
    pub(super) fn login(&self, login: &str) {
        self.peer(json!({
            "Node": { "ID": 8, "StableID": "n8CNTRL", "Name": "laptop.tail1234.ts.net.", "User": 2 },
            "UserProfile": { "ID": 2, "LoginName": login, "DisplayName": "Somebody" },
            "CapMap": null,
        }));
    }

    pub(super) fn peer(&self, answer: Value) {
        let loopback = ["127.0.0.1", "::1"].map(|address| (address.to_owned(), answer.clone()));
        self.table.lock().unwrap().peers.extend(loopback);
    }

    /// The `addr` of every whois so far.
    pub(super) fn questions(&self) -> Vec<String> {
        self.table.lock().unwrap().questions.clone()
    }
}

async fn status(State(tailscaled): State<Tailscaled>, headers: HeaderMap) -> Response {
    let state = tailscaled.table.lock().unwrap().state.clone();
    let answer = json!({ "Version": "1.102.5", "BackendState": state, "Self": { "Online": true } });
    respond(&tailscaled, &headers, StatusCode::OK, answer).await
}

async fn whois(
    State(tailscaled): State<Tailscaled>,
    Query(query): Query<BTreeMap<String, String>>,
    headers: HeaderMap,
) -> Response {
    let address = query.get("addr").cloned().unwrap_or_default();
    let Ok(peer) = address.parse::<std::net::SocketAddr>() else {
        return (StatusCode::BAD_REQUEST, "invalid 'addr' parameter").into_response();
    };
    assert_eq!(
        query.get("proto").map(String::as_str),
        Some("tcp"),
        "a miss without proto takes twice as long"
    );
    let found = {
        let mut table = tailscaled.table.lock().unwrap();
        table.questions.push(address.clone());
        table.peers.get(&peer.ip().to_string()).cloned()
    };
    match found {
        Some(answer) => respond(&tailscaled, &headers, StatusCode::OK, answer).await,
        None => (StatusCode::NOT_FOUND, format!("no match for {address}")).into_response(),
    }
}

async fn respond(
    tailscaled: &Tailscaled,
    headers: &HeaderMap,
    status: StatusCode,
    answer: Value,
) -> Response {
    let host = headers.get("host").and_then(|host| host.to_str().ok());
    if host != Some("local-tailscaled.sock")
        || headers.contains_key("referer")
        || headers.contains_key("origin")
    {
        return (StatusCode::FORBIDDEN, "invalid localapi request").into_response();
    }
    let manner = tailscaled.table.lock().unwrap().manner;
    match manner {
        Manner::Well => (status, answer.to_string()).into_response(),
        Manner::Hangs => std::future::pending().await,
        Manner::Garbage => "<html>".into_response(),
        Manner::Empty => "{}".into_response(),
        Manner::Endless => Body::from_stream(futures_util::stream::repeat_with(|| {
            Ok::<_, std::convert::Infallible>(vec![b' '; 65536])
        }))
        .into_response(),
        Manner::Broken => (StatusCode::INTERNAL_SERVER_ERROR, "no").into_response(),
    }
}
