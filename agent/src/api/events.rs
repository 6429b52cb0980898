//! Server-sent events: `status` with each change, `progress` of a build, `log` with each line of the running deployment.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use futures_util::stream;
use pull_agent_protocol::Progress;
use serde::Serialize;
use tokio::fs::File;
use tokio::io::AsyncReadExt;
use tokio::sync::{OwnedSemaphorePermit, mpsc, watch};

use super::{Api, places};
use crate::channels::Snapshot;

/// Events that wait for a slow reader; then the writer waits with it.
const QUEUE: usize = 64;
/// Between two looks at the log.
const LOOK_AGAIN: Duration = Duration::from_millis(300);
/// Longest log line on the wire; the rest of it follows as a line of its own.
const LINE_BYTES: usize = 4096;

pub(super) async fn events(State(api): State<Api>) -> Response {
    let place = match places::reader() {
        Ok(place) => place,
        Err(refused) => return refused,
    };
    let (sender, receiver) = mpsc::channel(QUEUE);
    tokio::spawn(Writer::new(api, sender, place).write());
    let events = stream::unfold(receiver, |mut receiver| async move {
        receiver.recv().await.map(|event| (Ok::<_, Infallible>(event), receiver))
    });
    Sse::new(events).keep_alive(KeepAlive::default()).into_response()
}

struct Writer {
    api: Api,
    snapshots: watch::Receiver<Arc<Snapshot>>,
    progress: watch::Receiver<Option<Progress>>,
    sender: mpsc::Sender<Event>,
    log: Option<Tail>,
    _place: OwnedSemaphorePermit,
}

/// The log of the running deployment, as far as it was told.
struct Tail {
    deployment: u64,
    file: Option<File>,
    unfinished: Vec<u8>,
}

/// One line of a log on the wire.
#[derive(Serialize)]
struct LogLine {
    deployment: u64,
    line: String,
}

/// The reader has hung up.
struct Gone;

impl Writer {
    fn new(api: Api, sender: mpsc::Sender<Event>, place: OwnedSemaphorePermit) -> Self {
        let (mut snapshots, mut progress) = (api.snapshots.clone(), api.progress.clone());
        // The first event is the status as it is, which tells the progress too.
        snapshots.mark_changed();
        progress.mark_unchanged();
        Self { api, snapshots, progress, sender, log: None, _place: place }
    }

    async fn write(mut self) {
        while self.step().await.is_ok() {}
    }

    async fn step(&mut self) -> Result<(), Gone> {
        tokio::select! {
            biased;
            changed = self.snapshots.changed() => {
                changed.map_err(|_| Gone)?;
                let snapshot = Arc::clone(&self.snapshots.borrow_and_update());
                // What the deployment wrote comes before the news that it has ended.
                self.tell_log().await?;
                self.follow(&snapshot);
                self.tell("status", &self.api.status_of(&snapshot)).await
            }
            changed = self.progress.changed() => {
                changed.map_err(|_| Gone)?;
                self.tell_log().await?;
                let progress = self.progress.borrow_and_update().clone();
                self.tell("progress", &progress).await
            }
            () = self.sender.closed() => Err(Gone),
            () = tokio::time::sleep(LOOK_AGAIN), if self.log.is_some() => self.tell_log().await,
        }
    }

    fn follow(&mut self, snapshot: &Snapshot) {
        let current = snapshot.state.deployment().map(|deployment| deployment.id.0);
        if self.log.as_ref().map(|tail| tail.deployment) != current {
            self.log = current.map(|deployment| Tail { deployment, file: None, unfinished: Vec::new() });
        }
    }

    async fn tell_log(&mut self) -> Result<(), Gone> {
        let Some(mut tail) = self.log.take() else { return Ok(()) };
        let path = self.api.log_file(tail.deployment);
        while let Some(line) = tail.next_line(path.as_deref()).await {
            self.tell("log", &LogLine { deployment: tail.deployment, line }).await?;
        }
        self.log = Some(tail);
        Ok(())
    }

    async fn tell(&self, name: &str, data: &impl Serialize) -> Result<(), Gone> {
        // Written from the types, whose fields then come in the order of the documents.
        let event = Event::default().event(name).json_data(data).map_err(|_| Gone)?;
        self.sender.send(event).await.map_err(|_| Gone)
    }
}

impl Tail {
    /// Returns the next whole line, or none for now.
    async fn next_line(&mut self, path: Option<&std::path::Path>) -> Option<String> {
        if self.file.is_none() {
            self.file = File::open(path?).await.ok();
        }
        loop {
            let end = self.unfinished.iter().position(|byte| *byte == b'\n');
            if let Some(end) = end.filter(|end| *end <= LINE_BYTES) {
                let line: Vec<u8> = self.unfinished.drain(..=end).collect();
                return Some(String::from_utf8_lossy(&line).trim_end().to_owned());
            }
            if self.unfinished.len() > LINE_BYTES {
                let line: Vec<u8> = self.unfinished.drain(..LINE_BYTES).collect();
                return Some(String::from_utf8_lossy(&line).into_owned());
            }
            let mut chunk = [0; LINE_BYTES];
            let read = self.file.as_mut()?.read(&mut chunk).await.ok()?;
            if read == 0 {
                return None;
            }
            self.unfinished.extend_from_slice(&chunk[..read]);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;

    /// Writes to a log and returns the lines that it then has to tell.
    async fn lines(tail: &mut Tail, path: &std::path::Path, text: &str) -> Vec<String> {
        let mut log = std::fs::File::options().append(true).create(true).open(path).expect("a log");
        log.write_all(text.as_bytes()).expect("written");
        let mut lines = Vec::new();
        while let Some(line) = tail.next_line(Some(path)).await {
            lines.push(line);
        }
        lines
    }

    fn tail() -> Tail {
        Tail { deployment: 1, file: None, unfinished: Vec::new() }
    }

    #[tokio::test]
    async fn a_line_is_told_when_it_has_its_end() {
        let folder = tempfile::tempdir().expect("a folder");
        let (path, mut tail) = (folder.path().join("1.log"), tail());
        assert_eq!(tail.next_line(Some(&path)).await, None, "there is no log yet");
        assert_eq!(lines(&mut tail, &path, "one\ntw").await, ["one"]);
        assert_eq!(lines(&mut tail, &path, "o").await, [""; 0]);
        assert_eq!(lines(&mut tail, &path, "\n\nthree\n").await, ["two", "", "three"]);
    }

    #[tokio::test]
    async fn a_line_without_end_comes_in_pieces() {
        let folder = tempfile::tempdir().expect("a folder");
        let (path, mut tail) = (folder.path().join("1.log"), tail());
        let pieces = lines(&mut tail, &path, &"x".repeat(LINE_BYTES * 2 + 1)).await;
        assert_eq!(pieces, ["x".repeat(LINE_BYTES), "x".repeat(LINE_BYTES)]);
        assert_eq!(lines(&mut tail, &path, "\n").await, ["x"]);
    }
}
