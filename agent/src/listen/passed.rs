//! The body of an answer of the daemon, on its way to the caller.

use std::pin::Pin;
use std::task::{Context, Poll};

use hyper::body::{Body as HttpBody, Bytes, Frame, Incoming, SizeHint};
use tokio::sync::OwnedSemaphorePermit;
use tokio_util::sync::{CancellationToken, WaitForCancellationFutureOwned};

use super::unix::Connection;

/// Body of the daemon's answer. When it is dropped, so is the connection to the daemon.
pub(super) struct Passed {
    inner: Incoming,
    _connection: Connection,
    _place: Option<OwnedSemaphorePermit>,
    stop: Pin<Box<WaitForCancellationFutureOwned>>,
}

impl Passed {
    /// `place` is held until the body ends; `stop` ends one that has no end of its own.
    pub(super) fn new(
        inner: Incoming,
        connection: Connection,
        place: Option<OwnedSemaphorePermit>,
        stop: &CancellationToken,
    ) -> Self {
        let stop = Box::pin(stop.clone().cancelled_owned());
        Self { inner, _connection: connection, _place: place, stop }
    }
}

impl HttpBody for Passed {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        let frame = Pin::new(&mut self.inner).poll_frame(context);
        // A body without an end would hold up the stop; one with a length is finished first.
        if frame.is_pending() && self.inner.size_hint().exact().is_none() {
            return match self.stop.as_mut().poll(context) {
                Poll::Ready(()) => Poll::Ready(None),
                Poll::Pending => Poll::Pending,
            };
        }
        frame
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}
