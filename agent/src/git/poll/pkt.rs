//! The two messages of a poll over http: the request for one ref and its answer, in the pkt-lines of gitprotocol-v2(5).
//! Pure: bytes in, bytes out.

use gix::protocol::transport::packetline::PacketLineRef;
use gix::protocol::transport::packetline::blocking_io::encode;
use gix::protocol::transport::packetline::decode::{Stream, streaming};
use pull_agent_core::Revision;

use super::PollError;
use crate::text::first_line;

/// Returns the body of the `ls-refs` request for refs that begin with `reference`.
pub(super) fn request(reference: &str) -> Vec<u8> {
    let mut body = Vec::with_capacity(128);
    let lines = [
        encode::text_to_write(b"command=ls-refs", &mut body),
        encode::text_to_write(b"object-format=sha1", &mut body),
        encode::delim_to_write(&mut body),
        encode::text_to_write(format!("ref-prefix {reference}").as_bytes(), &mut body),
        encode::flush_to_write(&mut body),
    ];
    debug_assert!(lines.iter().all(Result::is_ok), "a vector takes every byte");
    body
}

/// Finds the revision of `reference` in an answer. Other refs with the same beginning are passed over, whatever bytes
/// their names have.
///
/// # Errors
/// When the server says so, the answer is cut or garbled, or the ref is missing or of no object.
pub(super) fn tip(mut answer: &[u8], reference: &str) -> Result<Revision, PollError> {
    let mut found = None;
    loop {
        let (line, used) = match streaming(answer) {
            Ok(Stream::Complete { line, bytes_consumed }) => (line, bytes_consumed),
            Ok(Stream::Incomplete { .. }) => return Err(PollError::Cut),
            Err(_) => return Err(PollError::Garbled { text: first_line(answer) }),
        };
        answer = &answer[used..];
        let data = match line {
            PacketLineRef::Flush => break,
            PacketLineRef::Delimiter | PacketLineRef::ResponseEnd => {
                return Err(PollError::Garbled { text: "a delimiter where a ref should be".to_owned() });
            }
            PacketLineRef::Data(data) => data,
        };
        if let Some(error) = line.check_error() {
            return Err(server_error(error.0));
        }
        if let Some(id) = id_of(data, reference)? {
            found = Some(id);
        }
    }
    found.ok_or_else(|| PollError::MissingBranch { reference: reference.to_owned() })
}

/// Reads one line `<id> <full name>[ attributes]`; none when it is about another ref.
fn id_of(data: &[u8], reference: &str) -> Result<Option<Revision>, PollError> {
    let line = data.strip_suffix(b"\n").unwrap_or(data);
    let mut words = line.split(|byte| *byte == b' ');
    let (Some(id), Some(name)) = (words.next(), words.next()) else {
        return Err(PollError::Garbled { text: first_line(line) });
    };
    if name != reference.as_bytes() {
        return Ok(None);
    }
    let id = String::from_utf8_lossy(id);
    Revision::parse(&id)
        .map(Some)
        .map_err(|source| PollError::NoCommit { reference: reference.to_owned(), source })
}

/// A server that does not know version 2 reads the command as an object id and says so.
fn server_error(text: &[u8]) -> PollError {
    let text = first_line(text);
    if text.contains("expected to get") && text.contains("ls-refs") {
        return PollError::ProtocolVersion;
    }
    PollError::Server { text }
}

#[cfg(test)]
mod tests;
