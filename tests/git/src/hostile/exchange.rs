//! HTTP/1.1, as little of it as git clients use.

use std::io::{BufRead, Read as _};

/// A request that was read whole.
#[derive(Debug)]
pub(super) struct Request {
    /// First line and headers, without the empty line.
    pub(super) head: String,
    pub(super) body: Vec<u8>,
}

/// Reads one request; none when the connection ends first.
pub(super) fn read_request(reader: &mut impl BufRead) -> std::io::Result<Option<Request>> {
    let mut head = String::new();
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line)? == 0 {
            return Ok(None);
        }
        if line.trim_end().is_empty() {
            break;
        }
        head.push_str(&line);
    }
    let body = if header(&head, "transfer-encoding").is_some_and(|value| value.contains("chunked")) {
        read_chunks(reader)?
    } else {
        let length = header(&head, "content-length").and_then(|value| value.parse().ok()).unwrap_or(0);
        let mut body = vec![0; length];
        reader.read_exact(&mut body)?;
        body
    };
    Ok(Some(Request { head, body }))
}

fn read_chunks(reader: &mut impl BufRead) -> std::io::Result<Vec<u8>> {
    let mut body = Vec::new();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line)?;
        let length = u64::from_str_radix(line.trim(), 16).map_err(std::io::Error::other)?;
        reader.take(length).read_to_end(&mut body)?;
        reader.read_line(&mut String::new())?;
        if length == 0 {
            return Ok(body);
        }
    }
}

fn header(head: &str, name: &str) -> Option<String> {
    head.lines().find_map(|line| {
        let (found, value) = line.split_once(':')?;
        found.eq_ignore_ascii_case(name).then(|| value.trim().to_ascii_lowercase())
    })
}

impl Request {
    pub(super) fn is_post(&self) -> bool {
        self.head.starts_with("POST ")
    }

    /// Whether it asks for objects.
    pub(super) fn is_fetch(&self) -> bool {
        self.is_post() && contains(&self.body, b"command=fetch")
    }

    /// Makes a fetch ask for less than everything, which leaves the client with a pack that is valid and incomplete.
    pub(super) fn slip_in_filter(&mut self, filter: &str) {
        if self.is_fetch()
            && let Some(at) = self.body.windows(5).position(|bytes| bytes == b"want ")
        {
            let line = format!("filter {filter}\n");
            let line = format!("{:04x}{line}", line.len() + 4);
            self.body.splice(at - 4..at - 4, line.into_bytes());
        }
    }

    /// The request for the server behind, as HTTP/1.0: its answer then ends with the connection, and is not chunked.
    pub(super) fn to_bytes(&self) -> Vec<u8> {
        let mut lines = self.head.lines();
        let first = lines.next().unwrap_or_default().replace("HTTP/1.1", "HTTP/1.0");
        let mut bytes = format!("{first}\r\n").into_bytes();
        for line in lines {
            let name = line.split(':').next().unwrap_or_default().to_ascii_lowercase();
            if !["transfer-encoding", "content-length", "connection", "expect"].contains(&name.as_str()) {
                bytes.extend(format!("{line}\r\n").bytes());
            }
        }
        bytes.extend(format!("Content-Length: {}\r\n\r\n", self.body.len()).bytes());
        bytes.extend(&self.body);
        bytes
    }
}

pub(super) fn contains(bytes: &[u8], part: &[u8]) -> bool {
    bytes.windows(part.len()).any(|window| window == part)
}
