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
pub(super) fn tip(answer: &[u8], reference: &str) -> Result<Revision, PollError> {
    // What git prints when it does not know version 2 goes to its log, and nothing to the client.
    if answer.is_empty() {
        return Err(PollError::Nothing);
    }
    match scan(answer, reference)? {
        (_, false) => Err(PollError::Cut),
        (Some(tip), true) => Ok(tip),
        (None, true) => Err(PollError::MissingBranch { reference: reference.to_owned() }),
    }
}

/// The same in the beginning of an answer that is longer than it is read: a server lists refs by name, so that the one comes
/// before all that only begin like it. None when it is not there.
///
/// # Errors
/// As [`tip`].
pub(super) fn tip_in_beginning(answer: &[u8], reference: &str) -> Result<Option<Revision>, PollError> {
    scan(answer, reference).map(|(tip, _)| tip)
}

/// The revision of the ref, as far as the answer goes, and whether it goes to its end.
fn scan(mut answer: &[u8], reference: &str) -> Result<(Option<Revision>, bool), PollError> {
    let mut found: Option<Revision> = None;
    loop {
        let (line, used) = match streaming(answer) {
            Ok(Stream::Complete { line, bytes_consumed }) => (line, bytes_consumed),
            Ok(Stream::Incomplete { .. }) => return Ok((found, false)),
            Err(_) => return Err(PollError::Garbled { text: first_line(answer) }),
        };
        answer = &answer[used..];
        let data = match line {
            PacketLineRef::Flush => return Ok((found, true)),
            PacketLineRef::Delimiter | PacketLineRef::ResponseEnd => {
                return Err(PollError::Garbled { text: "a delimiter where a ref should be".to_owned() });
            }
            PacketLineRef::Data(data) => data,
        };
        if let Some(error) = line.check_error() {
            return Err(server_error(error.0));
        }
        let Some(id) = id_of(data, reference)? else { continue };
        if let Some(other) = found.replace(id.clone()).filter(|other| *other != id) {
            return Err(PollError::Garbled {
                text: format!("{reference} is said to be at {other} and at {id}"),
            });
        }
    }
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
    if text.contains("object format") {
        return PollError::ObjectFormat;
    }
    if text.contains("expected to get") && text.contains("ls-refs") {
        return PollError::ProtocolVersion;
    }
    PollError::Server { text }
}

#[cfg(test)]
mod tests;
