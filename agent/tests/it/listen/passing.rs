//! What reaches the daemon and what comes back.

use super::lab::{Lab, until, within};

#[tokio::test]
async fn a_nudge_arrives_as_it_was_sent_but_says_nothing_of_its_sender() {
    let lab = Lab::open().await;
    let body = r#"{"revision":"3f2a91c"}"#;
    lab.send(&format!(
        "POST /v1/nudge HTTP/1.1\r\nHost: yggdrasil\r\nContent-Type: application/json\r\nConnection: close, x-mine\r\n\
         X-Mine: 1\r\nX-Forwarded-For: 1.2.3.4\r\nAuthorization: Bearer x\r\nCookie: a=b\r\nTransfer-Encoding: chunked\r\n\
         \r\n{:x}\r\n{body}\r\n0\r\n\r\n",
        body.len()
    ))
    .await
    .passed();
    let seen = lab.daemon.seen();
    assert_eq!((seen[0].line.as_str(), seen[0].body.as_str()), ("POST /v1/nudge", body));
    let mut names: Vec<&str> = seen[0].headers.keys().map(|name| name.as_str()).collect();
    names.sort_unstable();
    assert_eq!(names, ["content-length", "content-type", "host"]);
    assert_eq!(seen[0].headers["host"], "localhost");
}

#[tokio::test]
async fn a_read_has_no_body_and_the_answer_no_headers_of_the_inner_connection() {
    let lab = Lab::open().await;
    let answer = lab
        .send("GET /v1/status?a=b HTTP/1.1\r\nHost: yggdrasil\r\nLast-Event-ID: 7\r\nContent-Length: 2\r\n\r\nxx")
        .await;
    answer.passed();
    assert_eq!(answer.header("x-kept"), Some("1"));
    assert_eq!(answer.header("x-own"), None);
    assert_eq!(answer.header("connection"), None);
    let seen = lab.daemon.seen();
    assert_eq!((seen[0].line.as_str(), seen[0].body.as_str()), ("GET /v1/status?a=b", ""));
    assert_eq!(seen[0].headers["last-event-id"], "7");
}

#[tokio::test]
async fn events_stream_and_end_with_their_reader() {
    let lab = Lab::open().await;
    let mut client = lab.connect().await;
    client.write("GET /v1/events HTTP/1.1\r\nHost: yggdrasil\r\n\r\n").await;
    let answer = client.answer().await;
    assert_eq!(answer.header("content-type"), Some("text/event-stream"));
    until(|| lab.daemon.open() == 1).await;
    drop(client);
    until(|| lab.daemon.open() == 0).await;
}

#[tokio::test]
async fn a_wait_ends_with_whoever_waits() {
    let lab = Lab::open().await;
    let mut client = lab.connect().await;
    client.write("GET /v1/revisions/abc?wait=600 HTTP/1.1\r\nHost: yggdrasil\r\n\r\n").await;
    until(|| lab.daemon.open() == 1).await;
    drop(client);
    until(|| lab.daemon.open() == 0).await;
}

#[tokio::test]
async fn a_daemon_that_is_not_there_is_503() {
    let lab = Lab::open().await;
    std::fs::remove_file(lab.daemon_socket()).unwrap();
    for answer in [lab.get("/v1/status").await, lab.post("/v1/nudge", "").await] {
        answer.refused(503, "the agent is not reachable");
        assert!(answer.problem().hint.unwrap().contains("pull-agent.service"));
        assert!(answer.header("retry-after").is_some());
    }
}

#[tokio::test]
async fn a_daemon_that_breaks_off_is_503() {
    let lab = Lab::open().await;
    std::fs::remove_file(lab.daemon_socket()).unwrap();
    let broken = tokio::net::UnixListener::bind(lab.daemon_socket()).unwrap();
    tokio::spawn(async move { while broken.accept().await.is_ok() {} });
    lab.get("/v1/status").await.refused(503, "the agent is not reachable");
}

#[tokio::test]
async fn a_stop_ends_waits_and_streams_and_takes_nobody_new() {
    let mut lab = Lab::open().await;
    let mut waiting = lab.connect().await;
    waiting.write("GET /v1/revisions/abc?wait=600 HTTP/1.1\r\nHost: yggdrasil\r\n\r\n").await;
    let mut reading = lab.connect().await;
    reading.write("GET /v1/events HTTP/1.1\r\nHost: yggdrasil\r\n\r\n").await;
    let _idle = lab.connect().await;
    until(|| lab.daemon.open() == 2).await;
    lab.stop.cancel();
    waiting.answer().await.refused(503, "stopping");
    // The stream is ended as one that is complete, not cut.
    assert!(reading.rest().await.ends_with("0\r\n\r\n"));
    within(&mut lab.served).await.unwrap();
    assert!(tokio::net::TcpStream::connect(lab.address).await.is_err());
}
