//! One HTTP request over a Unix socket, on a connection of its own: when the answer is dropped, the connection is closed
//! and the other side knows. A pool would save some microseconds and cost that.

use std::io;
use std::path::{Path, PathBuf};

use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::client::conn::http1;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use tokio::net::UnixStream;
use tokio_util::task::AbortOnDropHandle;

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub(super) enum UnixError {
    /// Nobody listens there, or it may not be opened.
    #[error("cannot connect to {}", path.display())]
    Connect {
        path: PathBuf,
        #[source]
        source: io::Error,
    },
    /// The other side broke off, or does not speak HTTP.
    #[error("no HTTP answer from {}", path.display())]
    Talk {
        path: PathBuf,
        #[source]
        source: hyper::Error,
    },
}

/// The connection that an answer's body is read from; dropping it closes it.
#[derive(Debug)]
pub(super) struct Connection {
    _task: AbortOnDropHandle<()>,
}

/// Sends `request`, whose target is a path, and returns the head of the answer. The caller bounds it in time.
pub(super) async fn send(
    path: &Path,
    request: Request<Full<Bytes>>,
) -> Result<(Response<Incoming>, Connection), UnixError> {
    let stream = UnixStream::connect(path)
        .await
        .map_err(|source| UnixError::Connect { path: path.to_owned(), source })?;
    let talk = |source| UnixError::Talk { path: path.to_owned(), source };
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.map_err(talk)?;
    let task = AbortOnDropHandle::new(tokio::spawn(async move {
        if let Err(error) = connection.await {
            tracing::debug!(%error, "connection to a local socket ended");
        }
    }));
    let response = sender.send_request(request).await.map_err(talk)?;
    Ok((response, Connection { _task: task }))
}
