//! Reads a body up to a bound. The bound in time is the whole question's.

use reqwest::Response;

use super::error::HttpError;

/// Reads at most `limit` bytes; false when there would have been more.
pub(super) async fn read(mut response: Response, limit: usize) -> Result<(Vec<u8>, bool), HttpError> {
    let status = response.status();
    let mut body = Vec::new();
    loop {
        let piece = response.chunk().await;
        let piece = piece.map_err(|source| HttpError::BrokeOff { status, source: source.without_url() })?;
        let Some(piece) = piece else { return Ok((body, true)) };
        let room = limit.saturating_sub(body.len());
        body.extend_from_slice(&piece[..piece.len().min(room)]);
        if piece.len() > room {
            return Ok((body, false));
        }
    }
}
