//! Server-sent events of the agent: bytes in, events out. The format is that of the HTML standard, section 9.2.6, as far as
//! the agent writes it: `event`, `data`, comments.

use pull_agent_protocol::{Progress, Status};
use serde::Deserialize;

/// Longest event. A status is a few kilobytes.
const LONGEST: usize = 1 << 20;

/// What the agent tells.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Told {
    /// The status has changed. The document is there as it came, too.
    Status(Box<Status>, String),
    /// The build went on, or ended.
    Progress(Option<Progress>),
    /// One line of the log of a deployment.
    Log(LogLine),
}

/// One line of a log.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub(super) struct LogLine {
    /// Number of the deployment.
    pub(super) deployment: u64,
    /// Without its end.
    pub(super) line: String,
}

/// Why the stream cannot be read on.
#[derive(Debug, thiserror::Error)]
pub(super) enum EventError {
    /// One event is too long.
    #[error("an event is longer than {LONGEST} bytes")]
    Long,
    /// Its data is not the document that its name says.
    #[error("an event {name} is not understood")]
    Data {
        /// Name of the event.
        name: String,
        /// What is wrong with it.
        source: serde_json::Error,
    },
}

/// The part of the stream that is not a whole event yet.
#[derive(Debug, Default)]
pub(super) struct Reader {
    rest: Vec<u8>,
    name: String,
    data: String,
}

impl Reader {
    /// Takes bytes and returns the events that are whole now; those of unknown names are left out.
    pub(super) fn feed(&mut self, bytes: &[u8]) -> Result<Vec<Told>, EventError> {
        self.rest.extend_from_slice(bytes);
        let mut events = Vec::new();
        while let Some(end) = self.rest.iter().position(|byte| *byte == b'\n') {
            let line: Vec<u8> = self.rest.drain(..=end).collect();
            let line = String::from_utf8_lossy(&line);
            events.extend(self.line(line.trim_end_matches(['\n', '\r']))?);
        }
        if self.rest.len() + self.data.len() > LONGEST { Err(EventError::Long) } else { Ok(events) }
    }

    fn line(&mut self, line: &str) -> Result<Option<Told>, EventError> {
        if line.is_empty() {
            let (name, data) = (std::mem::take(&mut self.name), std::mem::take(&mut self.data));
            return told(name, data);
        }
        let (field, value) = line.split_once(':').unwrap_or((line, ""));
        let value = value.strip_prefix(' ').unwrap_or(value);
        match field {
            "event" => value.clone_into(&mut self.name),
            "data" => {
                if !self.data.is_empty() {
                    self.data.push('\n');
                }
                self.data.push_str(value);
            }
            _ => {}
        }
        Ok(None)
    }
}

fn told(name: String, data: String) -> Result<Option<Told>, EventError> {
    let read = match name.as_str() {
        "status" => serde_json::from_str(&data).map(|status| Some(Told::Status(Box::new(status), data))),
        "progress" => serde_json::from_str(&data).map(|progress| Some(Told::Progress(progress))),
        "log" => serde_json::from_str(&data).map(|line| Some(Told::Log(line))),
        _ => Ok(None),
    };
    read.map_err(|source| EventError::Data { name, source })
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOG: &str = ": hello\n\nevent: log\ndata: {\"deployment\": 3,\ndata: \"line\": \"x\"}\n\nevent: later\ndata: 1\n\nevent: progress\r\ndata: null\r\n\r\n";

    #[test]
    fn events_come_whole_however_they_are_cut() {
        let expected = [Told::Log(LogLine { deployment: 3, line: "x".to_owned() }), Told::Progress(None)];
        for size in 1..LOG.len() {
            let mut reader = Reader::default();
            let events: Vec<_> =
                LOG.as_bytes().chunks(size).flat_map(|chunk| reader.feed(chunk).expect("good")).collect();
            assert_eq!(events, expected, "in pieces of {size}");
        }
    }

    #[test]
    fn what_is_too_long_or_wrong_is_an_error() {
        let mut reader = Reader::default();
        assert!(matches!(reader.feed(&vec![b'x'; LONGEST + 1]), Err(EventError::Long)));
        let wrong = Reader::default().feed(b"event: status\ndata: {}\n\n");
        assert!(matches!(wrong, Err(EventError::Data { name, .. }) if name == "status"));
    }
}
