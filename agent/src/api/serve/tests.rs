//! What the serving itself adds: who calls, and how much may be sent.

use axum::routing::post;
use pull_agent_protocol::Problem;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::task::JoinHandle;

use super::*;
use crate::api::problem::from_text;

/// Answers with the caller's name and how many bytes came.
async fn echo(Extension(peer): Extension<LocalUser>, body: axum::body::Bytes) -> String {
    format!("{} {}", peer.name(), body.len())
}

struct Served {
    folder: tempfile::TempDir,
    task: JoinHandle<()>,
}

impl Served {
    fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let listener = UnixListener::bind(folder.path().join("agent.sock")).expect("a socket");
        let router = Router::new().route("/", post(echo)).layer(axum::middleware::map_response(from_text));
        Self { task: tokio::spawn(serve(listener, router)), folder }
    }

    /// Sends so many bytes; returns the status line's code, the head in lower case, and the body.
    async fn post(&self, bytes: usize) -> (u16, String, String) {
        let mut stream =
            UnixStream::connect(self.folder.path().join("agent.sock")).await.expect("a connection");
        let head =
            format!("POST / HTTP/1.1\r\nHost: agent\r\nConnection: close\r\nContent-Length: {bytes}\r\n\r\n");
        let request = [head.into_bytes(), vec![b'x'; bytes]].concat();
        stream.write_all(&request).await.expect("the socket has room for it");
        let mut answer = Vec::new();
        // A server that leaves part of a request unread resets the connection when it closes it (unix(7)).
        match stream.read_to_end(&mut answer).await {
            Err(error) if error.kind() != std::io::ErrorKind::ConnectionReset => panic!("{error}"),
            Ok(_) | Err(_) => {}
        }
        let answer = String::from_utf8(answer).expect("text");
        let (head, body) = answer.split_once("\r\n\r\n").expect("a head");
        let code = head.split(' ').nth(1).expect("a code").parse().expect("a number");
        (code, head.to_lowercase(), body.to_owned())
    }
}

#[tokio::test]
async fn a_body_at_the_limit_is_taken_and_one_byte_more_is_a_problem() {
    let served = Served::new();
    let user = nix::unistd::geteuid().as_raw();
    let name = LocalUser { uid: Some(user) }.name();
    let (code, _, body) = served.post(REQUEST_BYTES).await;
    assert_eq!((code, body), (200, format!("{name} {REQUEST_BYTES}")));

    let (code, head, body) = served.post(REQUEST_BYTES + 1).await;
    assert_eq!(code, 413);
    assert!(head.contains("content-type: application/problem+json"), "{head}");
    let problem: Problem = serde_json::from_str(&body).expect("a problem");
    assert_eq!((problem.status, problem.title.as_str()), (413, "Payload Too Large"));
    served.task.abort();
}

#[test]
fn a_caller_without_a_name_has_a_number() {
    assert_eq!(LocalUser { uid: Some(0) }.name(), "root");
    assert_eq!(LocalUser { uid: Some(4_000_000_001) }.name(), "uid 4000000001");
    assert_eq!(LocalUser { uid: None }.name(), "unknown");
}
