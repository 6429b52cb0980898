//! The log of one deployment, as text, to its end or as long as it grows.

use std::io::SeekFrom;
use std::path::PathBuf;
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::extract::{Path, Query, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use futures_util::stream;
use serde::Deserialize;
use tokio::fs::File;
use tokio::io::{AsyncReadExt, AsyncSeekExt};
use tokio::sync::OwnedSemaphorePermit;

use super::problem::problem;
use super::{Api, places};

/// Bytes per read.
const CHUNK: u64 = 32 * 1024;
/// Between two looks at a log that grows.
const LOOK_AGAIN: Duration = Duration::from_millis(300);

#[derive(Debug, Default, Deserialize)]
pub(super) struct Wish {
    /// "1": go on until the deployment has ended.
    follow: Option<String>,
    /// Only so many bytes from the end.
    tail: Option<u64>,
}

pub(super) async fn log(
    State(api): State<Api>,
    Path(id): Path<String>,
    Query(wish): Query<Wish>,
) -> Response {
    let known = id.parse().ok().and_then(|id| Some((id, api.log_file(id)?)));
    let Some((id, path)) = known else {
        return problem(StatusCode::NOT_FOUND, format!("no deployment {id} is known"));
    };
    let file = match open(&path, wish.tail).await {
        Ok(file) => file,
        Err(error) => {
            return problem(
                StatusCode::NOT_FOUND,
                format!("the log of deployment {id} cannot be read: {error}"),
            );
        }
    };
    let follow = wish.follow.is_some_and(|follow| follow == "1" || follow == "true");
    let place = match follow.then(places::waiter).transpose() {
        Ok(place) => place,
        Err(refused) => return refused,
    };
    let reader = Reader { _place: place, api, id, file, follow };
    let body = Body::from_stream(stream::try_unfold(reader, Reader::next));
    ([(header::CONTENT_TYPE, "text/plain; charset=utf-8")], body).into_response()
}

impl Api {
    /// Where the log of a deployment is, if that is in progress or in the history.
    pub(super) fn log_file(&self, id: u64) -> Option<PathBuf> {
        let snapshot = self.snapshot();
        let state = &snapshot.state;
        let known = state.deployment().is_some_and(|deployment| deployment.id.0 == id)
            || state.ledger().history.iter().any(|record| record.id.0 == id);
        known.then(|| snapshot.settings.state.log(id))
    }

    pub(super) fn is_in_progress(&self, id: u64) -> bool {
        self.snapshot().state.deployment().is_some_and(|deployment| deployment.id.0 == id)
    }
}

async fn open(path: &std::path::Path, tail: Option<u64>) -> std::io::Result<File> {
    let mut file = File::open(path).await?;
    if let Some(tail) = tail {
        let length = file.metadata().await?.len();
        file.seek(SeekFrom::Start(length.saturating_sub(tail))).await?;
    }
    Ok(file)
}

struct Reader {
    _place: Option<OwnedSemaphorePermit>,
    api: Api,
    id: u64,
    file: File,
    follow: bool,
}

impl Reader {
    async fn next(mut self) -> std::io::Result<Option<(Bytes, Self)>> {
        loop {
            // Asked before the read: what was written before the deployment ended is read after that was known.
            let grows = self.follow && self.api.is_in_progress(self.id);
            let mut chunk = Vec::new();
            (&mut self.file).take(CHUNK).read_to_end(&mut chunk).await?;
            if !chunk.is_empty() {
                return Ok(Some((chunk.into(), self)));
            }
            if !grows {
                return Ok(None);
            }
            tokio::time::sleep(LOOK_AGAIN).await;
        }
    }
}
