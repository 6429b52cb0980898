//! Who is served: tailscaled's word while it runs, and nothing else.

use pull_agent::listen::is_tailnet;
use pull_agent::settings::Allow;
use serde_json::json;

use super::lab::Lab;
use super::tailscaled::Manner;

fn ci() -> Vec<Allow> {
    vec![Allow::Tag("tag:ci".to_owned()), Allow::Login("poby@github".to_owned())]
}

/// An allowed caller is served, and tailscaled was asked for its very port.
async fn check_asked_by_port(lab: Lab) {
    lab.tailscaled.tagged(&["tag:other", "tag:ci"]);
    let mut client = lab.connect().await;
    client.write("GET /v1/status HTTP/1.1\r\nHost: yggdrasil\r\n\r\n").await;
    client.answer().await.passed();
    assert_eq!(lab.tailscaled.questions(), [client.0.local_addr().unwrap().to_string()]);
}

#[tokio::test]
async fn a_node_with_an_allowed_tag_is_served_and_asked_for_by_its_port() {
    check_asked_by_port(Lab::allowing(ci()).await).await;
}

#[tokio::test]
async fn over_ipv6_the_address_is_asked_for_in_brackets() {
    let lab = Lab::allowing_over_ipv6(ci()).await;
    assert!(lab.address.to_string().starts_with("[::1]:"), "{}", lab.address);
    check_asked_by_port(lab).await;
    let stranger = Lab::allowing_over_ipv6(ci()).await;
    stranger.get("/v1/status").await.refused(403, "tailscaled knows no peer at [::1]:");
}

#[tokio::test]
async fn every_request_of_a_connection_is_asked_anew() {
    let lab = Lab::allowing(ci()).await;
    lab.tailscaled.tagged(&["tag:ci"]);
    let mut client = lab.connect().await;
    let request = "GET /v1/status HTTP/1.1\r\nHost: yggdrasil\r\n\r\n";
    client.write(request).await;
    client.answer().await.passed();
    lab.tailscaled.tagged(&["tag:other"]);
    client.write(request).await;
    client.answer().await.refused(403, "not allowed");
    assert_eq!(lab.daemon.lines(), ["GET /v1/status"]);
}

#[tokio::test]
async fn a_node_of_an_allowed_login_is_served() {
    let lab = Lab::allowing(ci()).await;
    lab.tailscaled.login("poby@github");
    lab.post("/v1/nudge", "").await.passed();
}

#[tokio::test]
async fn whoever_is_not_named_is_told_who_it_is() {
    let lab = Lab::allowing(ci()).await;
    lab.tailscaled.tagged(&["tag:other"]);
    lab.get("/v1/status").await.refused(403, "ci-7.tail1234.ts.net (tag:other)");
    lab.tailscaled.login("mallory@github");
    let answer = lab.post("/v1/nudge", "").await;
    answer.refused(403, "laptop.tail1234.ts.net (mallory@github)");
    assert!(answer.problem().hint.unwrap().contains("nudge.allow"));
    assert_eq!(answer.header("connection"), Some("close"));
    assert_eq!(lab.daemon.lines(), [""; 0]);
}

#[tokio::test]
async fn parts_and_likes_of_a_name_are_not_enough() {
    let lab = Lab::allowing(ci()).await;
    for tag in ["tag:c", "tag:ci2", "tag:CI", "ci", ""] {
        lab.tailscaled.tagged(&[tag]);
        lab.get("/v1/status").await.refused(403, "not allowed");
    }
    for login in ["poby@githu", "poby@github.example", "POBY@github", ""] {
        lab.tailscaled.login(login);
        lab.get("/v1/status").await.refused(403, "not allowed");
    }
}

#[tokio::test]
async fn the_login_of_a_tagged_node_counts_for_nothing() {
    let lab =
        Lab::allowing(vec![Allow::Login("tagged-devices".to_owned()), Allow::Login(String::new())]).await;
    lab.tailscaled.tagged(&["tag:ci"]);
    lab.get("/v1/status").await.refused(403, "tag:ci");
    lab.tailscaled.peer(json!({ "Node": { "StableID": "n9", "Name": "odd." } }));
    lab.get("/v1/status").await.refused(403, "odd");
}

#[tokio::test]
async fn a_peer_that_tailscaled_does_not_know_is_refused() {
    let lab = Lab::allowing(ci()).await;
    lab.get("/v1/status").await.refused(403, "tailscaled knows no peer at 127.0.0.1:");
}

#[tokio::test]
async fn only_a_running_tailscaled_counts_even_when_it_answers() {
    let lab = Lab::allowing(ci()).await;
    lab.tailscaled.tagged(&["tag:ci"]);
    for state in ["NoState", "NeedsLogin", "NeedsMachineAuth", "Stopped", "Starting", ""] {
        lab.tailscaled.state(state);
        let answer = lab.get("/v1/status").await;
        answer.refused(503, &format!("in state {state:?}"));
        assert!(answer.header("retry-after").is_some());
    }
    assert_eq!(lab.tailscaled.questions(), [""; 0], "asked who it is before it was running");
    lab.tailscaled.state("Running");
    lab.get("/v1/status").await.passed();
}

#[tokio::test]
async fn a_tailscaled_that_cannot_be_understood_is_no_leave() {
    let lab = Lab::allowing(ci()).await;
    lab.tailscaled.tagged(&["tag:ci"]);
    for (manner, part) in [
        (Manner::Garbage, "did not understand status"),
        (Manner::Empty, "did not understand status"),
        (Manner::Broken, "answered 500"),
        (Manner::Endless, "broke off or is too long"),
    ] {
        lab.tailscaled.manner(manner);
        lab.get("/v1/status").await.refused(503, part);
    }
    lab.tailscaled.manner(Manner::Well);
    lab.tailscaled.peer(json!({ "UserProfile": { "LoginName": "poby@github" } }));
    lab.get("/v1/status").await.refused(503, "did not understand whois");
    assert_eq!(lab.daemon.lines(), [""; 0]);
}

#[tokio::test]
async fn a_tailscaled_that_hangs_is_an_answer_in_the_end() {
    let lab = Lab::allowing(ci()).await;
    lab.tailscaled.manner(Manner::Hangs);
    lab.get("/v1/status").await.refused(503, "did not answer within 3 s");
}

#[tokio::test]
async fn a_tailscaled_that_is_not_there_is_503() {
    let lab = Lab::allowing(ci()).await;
    std::fs::remove_file(lab.tailscaled_socket()).unwrap();
    lab.get("/v1/status").await.refused(503, "tailscaled is not reachable");
    // Left over by one that was killed: nobody accepts.
    drop(std::os::unix::net::UnixListener::bind(lab.tailscaled_socket()).unwrap());
    lab.get("/v1/status").await.refused(503, "tailscaled is not reachable");
}

#[tokio::test]
async fn any_asks_no_question() {
    let lab = Lab::open().await;
    lab.tailscaled.state("Stopped");
    lab.get("/v1/status").await.passed();
    assert_eq!(lab.tailscaled.questions(), [""; 0]);
}

#[test]
fn only_tailnet_and_loopback_are_worth_a_question() {
    for inside in
        ["100.64.0.0", "100.101.102.103", "100.127.255.255", "127.0.0.1", "::1", "fd7a:115c:a1e0:ab12::7"]
    {
        assert!(is_tailnet(inside.parse().unwrap()), "{inside}");
    }
    for outside in [
        "100.63.255.255",
        "100.128.0.0",
        "10.0.0.1",
        "192.168.1.2",
        "203.0.113.9",
        "fd7a:115c:a1e1::1",
        "fd00::1",
        "2001:db8::1",
        "::ffff:100.64.0.1",
    ] {
        assert!(!is_tailnet(outside.parse().unwrap()), "{outside}");
    }
}
