//! A stand-in for the daemon's two local sockets. It notes what comes, and nothing may come to the one that changes things.

use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use futures_util::StreamExt;
use tokio::net::UnixListener;

/// A request as it came to `agent.sock`.
#[derive(Clone, Debug)]
pub(super) struct Seen {
    /// `METHOD target`
    pub(super) line: String,
    pub(super) headers: HeaderMap,
    pub(super) body: String,
}

/// Handle of the stand-in; clones share what was seen.
#[derive(Clone, Debug, Default)]
pub(super) struct Daemon {
    seen: Arc<Mutex<Vec<Seen>>>,
    control: Arc<AtomicUsize>,
    open: Arc<AtomicUsize>,
}

impl Daemon {
    /// Starts on `socket`, with `control.sock` beside it.
    pub(super) fn start(socket: &Path) -> Self {
        let this = Self::default();
        let router = Router::new()
            .route("/v1/events", get(events))
            .route("/v1/revisions/{sha}", get(revision))
            .fallback(other)
            .with_state(this.clone());
        let listener = UnixListener::bind(socket).unwrap();
        tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        let control = UnixListener::bind(socket.with_file_name("control.sock")).unwrap();
        let count = Arc::clone(&this.control);
        tokio::spawn(async move {
            while control.accept().await.is_ok() {
                count.fetch_add(1, Ordering::SeqCst);
            }
        });
        this
    }

    /// Everything that came to `agent.sock`, as `METHOD target`. Fails when anything came to `control.sock`.
    pub(super) fn lines(&self) -> Vec<String> {
        self.seen().into_iter().map(|seen| seen.line).collect()
    }

    pub(super) fn seen(&self) -> Vec<Seen> {
        assert_eq!(self.control.load(Ordering::SeqCst), 0, "the listener opened control.sock");
        self.seen.lock().unwrap().clone()
    }

    /// Answers without an end that are open now.
    pub(super) fn open(&self) -> usize {
        self.open.load(Ordering::SeqCst)
    }

    async fn note(&self, request: Request) {
        let (head, body) = request.into_parts();
        let body = axum::body::to_bytes(body, 1 << 20).await.unwrap();
        self.seen.lock().unwrap().push(Seen {
            line: format!("{} {}", head.method, head.uri),
            headers: head.headers,
            body: String::from_utf8(body.to_vec()).unwrap(),
        });
    }
}

/// Counts as open until it is dropped.
struct Open(Arc<AtomicUsize>);

impl Open {
    fn new(daemon: &Daemon) -> Self {
        daemon.open.fetch_add(1, Ordering::SeqCst);
        Self(Arc::clone(&daemon.open))
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

/// One event, and then nothing more while it is open.
async fn events(State(daemon): State<Daemon>, request: Request) -> Response {
    daemon.note(request).await;
    let open = Open::new(&daemon);
    let first =
        futures_util::stream::iter([Ok::<_, std::convert::Infallible>("event: status\ndata: {}\n\n")]);
    let rest = futures_util::stream::pending();
    let stream = first.chain(rest).map(move |event| {
        let _kept = &open;
        event
    });
    ([("content-type", "text/event-stream")], Body::from_stream(stream)).into_response()
}

/// With `wait` it never answers.
async fn revision(State(daemon): State<Daemon>, request: Request) -> Response {
    let waits = request.uri().query().is_some_and(|query| query.contains("wait"));
    daemon.note(request).await;
    let _open = Open::new(&daemon);
    if waits {
        std::future::pending::<()>().await;
    }
    (StatusCode::CONFLICT, r#"{"version":1,"state":"refused"}"#).into_response()
}

async fn other(State(daemon): State<Daemon>, request: Request) -> Response {
    daemon.note(request).await;
    let headers =
        [("content-type", "application/json"), ("connection", "x-own"), ("x-own", "1"), ("x-kept", "1")];
    (StatusCode::ACCEPTED, headers, r#"{"from":"the daemon"}"#).into_response()
}
