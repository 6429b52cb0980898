//! Bodies that do not end as they should.

use std::time::Duration;

use axum::body::{Body, Bytes};
use futures_util::stream::{self, StreamExt};

/// One byte at a time.
pub(crate) fn drip(body: &Bytes, ms: u64) -> Body {
    let pieces: Vec<Bytes> = (0..body.len()).map(|at| body.slice(at..=at)).collect();
    Body::from_stream(stream::iter(pieces).then(move |piece| async move {
        tokio::time::sleep(Duration::from_millis(ms)).await;
        Ok::<_, std::io::Error>(piece)
    }))
}

/// The first bytes, and then the connection breaks.
pub(crate) fn cut(body: &Bytes, after: usize) -> Body {
    let head = body.slice(..after.min(body.len()));
    let broken = std::io::Error::other("cut by a fault");
    // A short sleep between the two lets the bytes go out before the connection is dropped.
    let pieces = stream::iter([Ok(head), Err(broken)]).then(|piece| async move {
        if piece.is_err() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        piece
    });
    Body::from_stream(pieces)
}

/// Nothing, and no end.
pub(crate) fn silent() -> Body {
    Body::from_stream(stream::pending::<Result<Bytes, std::io::Error>>())
}

/// The start of a right body, and no end.
pub(crate) fn endless() -> Body {
    let piece = Bytes::from(vec![b' '; 64 * 1024]);
    let start = Bytes::from_static(b"{\"total_count\": 1, \"check_runs\": [");
    let rest = stream::repeat_with(move || Ok(piece.clone()));
    Body::from_stream(stream::iter([Ok::<_, std::io::Error>(start)]).chain(rest))
}
