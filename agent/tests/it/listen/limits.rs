//! How much one listener gives away.

use std::time::Duration;

use pull_agent::listen::Limits;
use pull_agent::settings::Allow;

use super::lab::{Lab, until, within};

const STATUS: &str = "GET /v1/status HTTP/1.1\r\nHost: yggdrasil\r\n\r\n";
const EVENTS: &str = "GET /v1/events HTTP/1.1\r\nHost: yggdrasil\r\n\r\n";

#[test]
fn the_limits_are_the_documented_ones() {
    let limits = Limits::default();
    assert_eq!((limits.connections, limits.request_bytes, limits.readers), (64, 16 * 1024, 16));
    assert_eq!((limits.request_time, limits.keep_alive), (Duration::from_secs(10), Duration::from_secs(60)));
}

#[tokio::test]
async fn the_65th_connection_is_told_so_and_a_free_place_is_given_again() {
    let lab = Lab::open().await;
    let mut clients = Vec::new();
    for _ in 0..64 {
        let mut client = lab.connect().await;
        client.write(STATUS).await;
        client.answer().await.passed();
        clients.push(client);
    }
    let answer = lab.send(STATUS).await;
    answer.refused(503, "all 64 connections are taken");
    assert!(answer.header("retry-after").is_some());
    clients[63].write(STATUS).await;
    clients[63].answer().await.passed();
    let seen = lab.daemon.seen().len();
    clients.clear();
    // A close is noticed a moment later.
    for _ in 0..1000 {
        let answer = lab.send(STATUS).await;
        if answer.status != 503 {
            answer.passed();
            break;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    assert_eq!(lab.daemon.seen().len(), seen + 1);
}

#[tokio::test]
async fn a_head_of_more_than_16_kib_is_refused() {
    let lab = Lab::open().await;
    let padding = "x".repeat(17 * 1024);
    let mut client = lab.connect().await;
    client.write(&format!("GET /v1/status HTTP/1.1\r\nHost: yggdrasil\r\nX-Long: {padding}\r\n\r\n")).await;
    assert!(client.rest().await.starts_with("HTTP/1.1 431 "));
    // A long target may just fit into the buffer, as it comes in pieces.
    let answer = lab.send(&format!("GET /v1/status?{padding} HTTP/1.1\r\nHost: yggdrasil\r\n\r\n")).await;
    assert!([413, 431].contains(&answer.status), "{answer:?}");
    assert_eq!(lab.daemon.lines(), [""; 0]);
}

#[tokio::test]
async fn head_and_body_count_together() {
    let lab = Lab::open().await;
    let head = |length: usize| {
        format!("POST /v1/nudge HTTP/1.1\r\nHost: yggdrasil\r\nContent-Length: {length}\r\n\r\n")
    };
    let fits = 16 * 1024 - head(10000).len();
    lab.send(&format!("{}{}", head(fits), "x".repeat(fits))).await.passed();
    lab.send(&format!("{}{}", head(fits + 1), "x".repeat(fits + 1))).await.refused(413, "16384 bytes");
    // Announced only, and never sent.
    lab.send(&head(1 << 40)).await.refused(413, "16384 bytes");
    // Not announced.
    let chunk = format!("4000\r\n{}\r\n", "x".repeat(0x4000));
    lab.send(&format!(
        "POST /v1/nudge HTTP/1.1\r\nHost: yggdrasil\r\nTransfer-Encoding: chunked\r\n\r\n{chunk}"
    ))
    .await
    .refused(413, "16384 bytes");
    assert_eq!(lab.daemon.lines(), ["POST /v1/nudge"]);
}

#[tokio::test]
async fn a_slow_head_loses_its_place_even_when_it_drips() {
    let limits = Limits { request_time: Duration::from_millis(200), connections: 1, ..Limits::default() };
    let lab = Lab::with(vec![Allow::Any], limits).await;
    let mut client = lab.connect().await;
    client.write("GET /v1/status HTTP/1.1\r\nHost: yggdrasil\r\n").await;
    let (mut reader, mut writer) = client.0.into_split();
    let drip = tokio::spawn(async move {
        while tokio::io::AsyncWriteExt::write_all(&mut writer, b"X-Drip: 1\r\n").await.is_ok() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    });
    let mut read = Vec::new();
    let ended = within(tokio::io::AsyncReadExt::read_to_end(&mut reader, &mut read)).await;
    assert!(read.is_empty() || read.starts_with(b"HTTP/1.1 408 "), "{ended:?} {read:?}");
    within(drip).await.unwrap();
    assert_eq!(lab.daemon.lines(), [""; 0]);
    // The only place is free again; that a connection is closed is noticed a moment later.
    within(async { while lab.send(STATUS).await.status == 503 {} }).await;
    assert_eq!(lab.daemon.lines(), ["GET /v1/status"]);
}

#[tokio::test]
async fn a_slow_body_is_refused() {
    let limits = Limits { request_time: Duration::from_millis(200), ..Limits::default() };
    let lab = Lab::with(vec![Allow::Any], limits).await;
    let head = "POST /v1/nudge HTTP/1.1\r\nHost: yggdrasil\r\nContent-Length: 5\r\n\r\nabc";
    lab.send(head).await.refused(408, "in time");
    assert_eq!(lab.daemon.lines(), [""; 0]);
}

#[tokio::test]
async fn a_connection_is_not_kept_for_ever() {
    let limits = Limits { keep_alive: Duration::from_millis(200), ..Limits::default() };
    let lab = Lab::with(vec![Allow::Any], limits).await;
    let mut idle = lab.connect().await;
    idle.write(STATUS).await;
    idle.answer().await.passed();
    assert_eq!(idle.rest().await, "");
    // One that is busy is closed after an answer, and not before the first.
    let mut busy = lab.connect().await;
    let mut answers = 0;
    within(async {
        while tokio::io::AsyncWriteExt::write_all(&mut busy.0, STATUS.as_bytes()).await.is_ok() {
            let mut first = [0; 1];
            if !matches!(busy.0.peek(&mut first).await, Ok(1)) {
                break;
            }
            busy.answer().await.passed();
            answers += 1;
        }
    })
    .await;
    assert!(answers > 0);
}

#[tokio::test]
async fn a_stream_outlives_the_keep_alive_but_not_its_own_limit() {
    let keep_alive = Duration::from_millis(50);
    let lab = Lab::with(vec![Allow::Any], Limits { keep_alive, ..Limits::default() }).await;
    let mut reader = lab.connect().await;
    reader.write(EVENTS).await;
    assert_eq!(reader.answer().await.status, 200);
    // What came after it was idle for too long.
    let mut idle = lab.connect().await;
    idle.write(STATUS).await;
    idle.answer().await.passed();
    assert_eq!(idle.rest().await, "");
    assert_eq!(lab.daemon.open(), 1, "the stream goes on");

    let limits = Limits { keep_alive, connection_time: Duration::from_millis(500), ..Limits::default() };
    let lab = Lab::with(vec![Allow::Any], limits).await;
    let mut reader = lab.connect().await;
    reader.write(EVENTS).await;
    assert_eq!(reader.answer().await.status, 200);
    reader.rest().await;
    until(|| lab.daemon.open() == 0).await;
}

#[tokio::test]
async fn the_17th_reader_of_events_is_refused_and_a_place_comes_back() {
    let lab = Lab::open().await;
    let mut readers = Vec::new();
    for _ in 0..16 {
        let mut client = lab.connect().await;
        client.write(EVENTS).await;
        assert_eq!(client.answer().await.status, 200);
        readers.push(client);
    }
    for target in ["/v1/events", "/v1/deployments/3/log?follow=true"] {
        lab.get(target).await.refused(503, "16 readers");
    }
    lab.get("/v1/status").await.passed();
    lab.get("/v1/deployments/3/log").await.passed();
    readers.pop();
    until(|| lab.daemon.open() == 15).await;
    let mut client = lab.connect().await;
    client.write(EVENTS).await;
    assert_eq!(client.answer().await.status, 200);
}
