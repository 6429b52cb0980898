//! An agent of canned answers on two sockets, which remembers what it was asked.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Bytes;
use axum::extract::{Request, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use tempfile::TempDir;
use tokio::net::{TcpListener, UnixListener};
use tokio::sync::oneshot;

/// One answer.
#[derive(Clone, Debug)]
pub(super) struct Canned {
    pub(super) code: u16,
    pub(super) kind: &'static str,
    pub(super) body: String,
}

/// The agent, as long as it is held.
#[derive(Debug)]
pub(super) struct Agent {
    pub(super) directory: TempDir,
    pub(super) port: u16,
    state: Shared,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<std::thread::JoinHandle<()>>,
}

#[derive(Clone, Debug, Default)]
struct Shared(Arc<Mutex<Inner>>);

#[derive(Debug, Default)]
struct Inner {
    answers: HashMap<String, Vec<Canned>>,
    asked: Vec<String>,
}

impl Agent {
    /// Serves `agent.sock` and `control.sock` in a directory of its own, and the former's routes on a port too.
    pub(super) fn start() -> Self {
        let directory = tempfile::tempdir().expect("a directory");
        let state = Shared::default();
        let (stop, stopped) = oneshot::channel();
        let (ready, is_ready) = std::sync::mpsc::channel();
        let (path, shared) = (directory.path().to_owned(), state.clone());
        let thread = std::thread::spawn(move || {
            let runtime =
                tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
            runtime.block_on(async {
                let bind = |name: &str| UnixListener::bind(path.join(name)).expect("a socket");
                let tcp = TcpListener::bind("127.0.0.1:0").await.expect("a port");
                let port = tcp.local_addr().expect("an address").port();
                let router = |place| Router::new().fallback(answer).with_state((place, shared.clone()));
                let open = axum::serve(bind("agent.sock"), router("open"));
                let control = axum::serve(bind("control.sock"), router("control"));
                let remote = axum::serve(tcp, router("remote"));
                ready.send(port).expect("the test waits");
                tokio::select! {
                    _ = open.into_future() => {}
                    _ = control.into_future() => {}
                    _ = remote.into_future() => {}
                    _ = stopped => {}
                }
            });
        });
        let port = is_ready.recv().expect("it serves");
        Self { directory, port, state, stop: Some(stop), thread: Some(thread) }
    }

    /// Adds an answer to what is asked as "METHOD /path?query"; the last one is given again and again.
    pub(super) fn answers(&self, request: &str, code: u16, body: impl ToString) -> &Self {
        self.answers_as(request, code, "application/json", body)
    }

    pub(super) fn answers_as(
        &self,
        request: &str,
        code: u16,
        kind: &'static str,
        body: impl ToString,
    ) -> &Self {
        let canned = Canned { code, kind, body: body.to_string() };
        self.state.0.lock().expect("whole").answers.entry(request.to_owned()).or_default().push(canned);
        self
    }

    pub(super) fn socket(&self) -> PathBuf {
        self.directory.path().join("agent.sock")
    }

    /// What it was asked: "SOCKET METHOD /path BODY".
    pub(super) fn asked(&self) -> Vec<String> {
        self.state.0.lock().expect("whole").asked.clone()
    }
}

impl Drop for Agent {
    fn drop(&mut self) {
        if let Some(stop) = self.stop.take() {
            drop(stop);
        }
        if let Some(thread) = self.thread.take() {
            assert!(thread.join().is_ok() || std::thread::panicking(), "the agent of canned answers died");
        }
    }
}

async fn answer(State((place, state)): State<(&'static str, Shared)>, request: Request) -> Response {
    let name = format!("{} {}", request.method(), request.uri().path_and_query().expect("a path"));
    let body: Bytes = axum::body::to_bytes(request.into_body(), 1 << 20).await.expect("a body");
    let body = String::from_utf8_lossy(&body).into_owned();
    let mut inner = state.0.lock().expect("whole");
    inner.asked.push(format!("{place} {name} {body}").trim_end().to_owned());
    let Some(answers) = inner.answers.get_mut(&name) else {
        let problem =
            format!(r#"{{"title": "Not Found", "status": 404, "detail": "no canned answer to {name}"}}"#);
        return (StatusCode::NOT_FOUND, [(header::CONTENT_TYPE, "application/problem+json")], problem)
            .into_response();
    };
    let canned = if answers.len() > 1 { answers.remove(0) } else { answers[0].clone() };
    let code = StatusCode::from_u16(canned.code).expect("a status code");
    (code, [(header::CONTENT_TYPE, canned.kind)], canned.body).into_response()
}
