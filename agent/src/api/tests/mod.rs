//! The routes without a socket: a request goes into the router, and what the loop hears and shows is the test's.

mod changes;
mod metrics;
mod nudge;
mod reads;
mod revisions;
mod routes;

use std::sync::Arc;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::Extension;
use axum::http::{HeaderMap, Method, Request, StatusCode, header};
use hyper::service::Service;
use hyper_util::service::TowerToHyperService;
use pull_agent_protocol::{PROBLEM_CONTENT_TYPE, Problem, Progress};
use serde::de::DeserializeOwned;
use tokio::sync::{mpsc, watch};

use super::serve::LocalUser;
use super::{Api, control_routes, open_routes};
use crate::channels::{Counters, Input, Snapshot};
use crate::checks::ForgeStats;
use crate::lab::Lab;

/// Both sockets' routes, and the other ends of the loop's channels.
struct Desk {
    api: Api,
    shown: watch::Sender<Arc<Snapshot>>,
    progress: watch::Sender<Option<Progress>>,
    heard: mpsc::Receiver<Input>,
    counters: Arc<Counters>,
}

/// An answer, read to its end.
#[derive(Debug)]
struct Answer {
    status: StatusCode,
    headers: HeaderMap,
    body: Vec<u8>,
}

impl Desk {
    /// What is shown is the state of this lab.
    fn of(lab: &Lab) -> Self {
        Self::showing(snapshot(lab))
    }

    fn showing(snapshot: Snapshot) -> Self {
        let (shown, snapshots) = watch::channel(Arc::new(snapshot));
        let (progress, progresses) = watch::channel(None);
        let (inputs, heard) = mpsc::channel(1);
        let counters = Arc::<Counters>::default();
        let api = Api::new(snapshots, progresses, inputs, Arc::clone(&counters));
        Self { api, shown, progress, heard, counters }
    }

    fn show(&self, lab: &Lab) {
        self.shown.send_replace(Arc::new(snapshot(lab)));
    }

    fn open(&self) -> Router {
        open_routes(self.api.clone())
    }

    /// The routes of `control.sock`, asked by somebody whom the kernel does not name.
    fn control(&self) -> Router {
        control_routes(self.api.clone()).layer(Extension(LocalUser { uid: None }))
    }

    async fn get(&self, path: &str) -> Answer {
        ask(self.open(), Method::GET, path, "").await
    }
}

fn snapshot(lab: &Lab) -> Snapshot {
    Snapshot {
        settings: Arc::clone(&lab.settings),
        status: lab.status(),
        state: lab.state().clone(),
        forge: ForgeStats::default(),
        remote_frozen: false,
    }
}

async fn ask(router: Router, method: Method, path: &str, body: &str) -> Answer {
    let request = Request::builder().method(method).uri(path).body(Body::from(body.to_owned()));
    answer(router, request.expect("a request")).await
}

async fn answer(router: Router, request: Request<Body>) -> Answer {
    let Ok(response) = TowerToHyperService::new(router).call(request).await;
    let (parts, body) = response.into_parts();
    let body = to_bytes(body, 1 << 20).await.expect("a body").to_vec();
    Answer { status: parts.status, headers: parts.headers, body }
}

impl Answer {
    #[track_caller]
    fn json<T: DeserializeOwned>(&self) -> T {
        let text = String::from_utf8_lossy(&self.body);
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error}: {} {text}", self.status))
    }

    fn text(&self) -> String {
        String::from_utf8(self.body.clone()).expect("text")
    }

    /// The problem that this is, which must be one in every respect.
    #[track_caller]
    fn problem(&self, status: u16) -> Problem {
        assert_eq!(self.status, status, "{self:?}");
        assert_eq!(self.headers.get(header::CONTENT_TYPE).expect("a type"), PROBLEM_CONTENT_TYPE);
        let problem: Problem = self.json();
        assert_eq!(problem.status, status);
        assert_eq!(Some(problem.title.as_str()), self.status.canonical_reason());
        problem
    }
}
