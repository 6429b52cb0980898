//! The ways to misbehave.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use super::exchange::{Request, contains};

/// Between two looks at whether the test is over, and between two bytes of a drip.
const PAUSE: Duration = Duration::from_millis(50);

/// Type of what a git server answers to a POST.
const RESULT: &str = "application/x-git-upload-pack-result";

/// How requests are answered.
#[derive(Clone, Debug)]
pub enum Mode {
    /// As the server behind does.
    Behave,
    /// With this status, these header lines (`Name: value`) and a page of HTML.
    Status(u16, Vec<String>),
    /// With status 200 and a page of HTML.
    Html,
    /// With status 200, text/plain and nothing.
    EmptyText,
    /// With bytes that are no HTTP.
    NoHttp,
    /// With a good head, and no body within anybody's time.
    HangInBody,
    /// By closing the connection.
    Close,
    /// Never.
    Hang,
    /// Never, but for requests that are no POST.
    HangOnPost,
    /// Byte by byte, for ever slow.
    Drip,
    /// With pkt-lines that never end.
    Endless,
    /// With a redirect to itself.
    RedirectLoop,
    /// With this status and a redirect, of what has the first of these in its path to what has the second instead.
    Renamed(u16, &'static str, &'static str),
    /// With this `ERR` line.
    Refuse(String),
    /// With a null id for the ref that was asked for.
    NullId(String),
    /// As if it did not know protocol version 2: a first version's greeting and refusal.
    OldProtocol,
    /// The header field that asks for a version of the protocol does not get through, as with some proxies.
    DropsVersion,
    /// Packs end after 60 %.
    CutPack,
    /// Packs stop after 60 %, and the connection stays.
    HangInPack,
    /// One bit near the end of packs is another.
    FlippedBit,
    /// Packs are something else.
    NoPack,
    /// Packs leave objects out: a filter ("tree:0", "blob:none") is slipped into what clients ask for.
    Filter(&'static str),
}

impl Mode {
    /// Answers one request. `real` asks the server behind.
    pub(super) fn answer(
        &self,
        mut client: TcpStream,
        request: &Request,
        stop: &AtomicBool,
        real: impl Fn() -> std::io::Result<Vec<u8>>,
    ) -> std::io::Result<()> {
        match self {
            Self::Behave | Self::DropsVersion | Self::Filter(_) => client.write_all(&real()?),
            Self::Status(status, lines) => {
                let lines: String = lines.iter().map(|line| format!("{line}\r\n")).collect();
                client.write_all(&page(*status, "text/html", &lines, b"<html>no</html>"))
            }
            Self::Html => client.write_all(&page(200, "text/html", "", b"<html>Welcome</html>")),
            Self::EmptyText => client.write_all(&page(200, "text/plain", "", b"")),
            Self::NoHttp => client.write_all(b"SSH-2.0-OpenSSH_9.9\r\n\r\n"),
            Self::HangInBody => {
                let whole = page(200, RESULT, "", &[b'0'; 64]);
                client.write_all(&whole[..whole.len() - 32])?;
                hang(&client, stop)
            }
            Self::Close => Ok(()),
            Self::Hang => hang(&client, stop),
            Self::HangOnPost if request.is_post() => hang(&client, stop),
            Self::HangOnPost => client.write_all(&real()?),
            Self::Drip => drip(&mut client, &real()?, stop),
            Self::Endless => endless(&mut client, request, stop),
            Self::RedirectLoop => {
                let path = request.head.split(' ').nth(1).unwrap_or("/");
                client.write_all(&page(302, "text/html", &format!("Location: {path}\r\n"), b""))
            }
            Self::Renamed(status, from, to) => {
                let path = request.head.split(' ').nth(1).unwrap_or("/");
                if !path.contains(from) {
                    return client.write_all(&real()?);
                }
                let location = format!("Location: {}\r\n", path.replacen(from, to, 1));
                client.write_all(&page(*status, "text/html", &location, b"<html>It is elsewhere.</html>"))
            }
            Self::Refuse(text) => client.write_all(&answer_of(request, &format!("ERR {text}\n"))),
            Self::NullId(name) => {
                client.write_all(&answer_of(request, &format!("{} {name}\n", "0".repeat(40))))
            }
            Self::OldProtocol => {
                let text =
                    "ERR upload-pack: protocol error, expected to get object ID, not 'command=ls-refs'\n";
                client.write_all(&answer_of(request, text))
            }
            Self::CutPack | Self::HangInPack | Self::FlippedBit | Self::NoPack => {
                self.spoil(&mut client, request, real()?, stop)
            }
        }
    }

    /// Sends an answer whose pack is not as it should be.
    fn spoil(
        &self,
        client: &mut TcpStream,
        request: &Request,
        mut answer: Vec<u8>,
        stop: &AtomicBool,
    ) -> std::io::Result<()> {
        let pack = answer.windows(4).position(|bytes| bytes == b"PACK");
        let Some(pack) = pack.filter(|_| request.is_fetch()) else { return client.write_all(&answer) };
        let part = pack + (answer.len() - pack) * 6 / 10;
        if let Self::CutPack = self {
            answer.truncate(part);
        } else if let Self::HangInPack = self {
            client.write_all(&answer[..part])?;
            return hang(client, stop);
        } else if let Self::FlippedBit = self {
            let at = pack + (answer.len() - pack) * 9 / 10;
            answer[at] ^= 1;
        } else {
            answer[pack..pack + 4].copy_from_slice(b"JUNK");
        }
        client.write_all(&answer)
    }
}

/// A whole answer that ends with the connection.
fn page(status: u16, kind: &str, lines: &str, body: &[u8]) -> Vec<u8> {
    let mut answer = format!(
        "HTTP/1.1 {status} Something\r\nContent-Type: {kind}\r\nContent-Length: {}\r\nConnection: close\r\n{lines}\r\n",
        body.len()
    )
    .into_bytes();
    answer.extend(body);
    answer
}

/// One pkt-line and a flush, of the type that the request wants.
fn answer_of(request: &Request, line: &str) -> Vec<u8> {
    let body = format!("{:04x}{line}0000", line.len() + 4);
    if request.is_post() {
        return page(200, RESULT, "", body.as_bytes());
    }
    let service = "001e# service=git-upload-pack\n0000";
    page(200, "application/x-git-upload-pack-advertisement", "", format!("{service}{body}").as_bytes())
}

/// Keeps the connection open until the client closes it or the test is over.
fn hang(client: &TcpStream, stop: &AtomicBool) -> std::io::Result<()> {
    client.set_read_timeout(Some(PAUSE))?;
    let mut client = client;
    while !stop.load(Ordering::SeqCst) {
        match client.read(&mut [0; 64]) {
            Ok(0) => return Ok(()),
            Ok(_) => {}
            Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

fn drip(client: &mut TcpStream, answer: &[u8], stop: &AtomicBool) -> std::io::Result<()> {
    client.set_nodelay(true)?;
    for byte in answer {
        if stop.load(Ordering::SeqCst) {
            return Ok(());
        }
        client.write_all(&[*byte])?;
        std::thread::sleep(PAUSE);
    }
    Ok(())
}

fn endless(client: &mut TcpStream, request: &Request, stop: &AtomicBool) -> std::io::Result<()> {
    let (kind, start) = if request.is_post() {
        (RESULT, "")
    } else {
        ("application/x-git-upload-pack-advertisement", "001e# service=git-upload-pack\n0000000eversion 2\n")
    };
    write!(client, "HTTP/1.1 200 OK\r\nContent-Type: {kind}\r\nConnection: close\r\n\r\n{start}")?;
    let line = format!("{:04x}{}", 60_000 + 4, "a".repeat(60_000));
    debug_assert!(contains(line.as_bytes(), b"ea64aaa"));
    while !stop.load(Ordering::SeqCst) {
        client.write_all(line.as_bytes())?;
    }
    Ok(())
}
