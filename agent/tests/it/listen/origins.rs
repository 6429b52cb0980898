//! Web pages of others stay out.

use super::lab::{Answer, Lab};

async fn get(lab: &Lab, host: &str) -> Answer {
    lab.send(&format!("GET /v1/status HTTP/1.1\r\nHost: {host}\r\n\r\n")).await
}

async fn nudge(lab: &Lab, host: &str, origin: &str) -> Answer {
    lab.send(&format!(
        "POST /v1/nudge HTTP/1.1\r\nHost: {host}\r\nOrigin: {origin}\r\nContent-Length: 0\r\n\r\n"
    ))
    .await
}

#[tokio::test]
async fn addresses_and_own_names_are_hosts() {
    let lab = Lab::open().await;
    let machine = nix::unistd::gethostname().unwrap().into_string().unwrap();
    for host in [
        "127.0.0.1",
        "100.101.102.103:7319",
        "[::1]:7319",
        "[fd7a:115c:a1e0::1]",
        "localhost",
        "LocalHost:7319",
        "yggdrasil",
        "yggdrasil:7319",
        "Yggdrasil.tail1234.ts.net",
        "yggdrasil.lan.:7319",
        machine.as_str(),
    ] {
        get(&lab, host).await.passed();
    }
}

#[tokio::test]
async fn other_names_are_not() {
    let lab = Lab::open().await;
    for host in [
        "example.com",
        "evil.yggdrasil",
        "xyggdrasil",
        "yggdrasil-2.example.com",
        "localhost.example.com",
        "127.0.0.1.example.com",
        "yggdrasil@example.com",
        "example.com@yggdrasil",
        ".yggdrasil",
        "",
    ] {
        get(&lab, host).await.refused(403, "not a name of this host");
    }
    let absolute = "GET http://example.com/v1/status HTTP/1.1\r\nHost: yggdrasil\r\n\r\n";
    lab.send(absolute).await.refused(403, "example.com");
    assert_eq!(lab.daemon.lines(), [""; 0]);
    let absolute = "GET http://yggdrasil:7319/v1/status HTTP/1.1\r\nHost: yggdrasil:7319\r\n\r\n";
    lab.send(absolute).await.passed();
    assert_eq!(lab.daemon.lines(), ["GET /v1/status"]);
}

#[tokio::test]
async fn no_host_and_two_hosts_are_bad_requests() {
    let lab = Lab::open().await;
    lab.send("GET /v1/status HTTP/1.1\r\n\r\n").await.refused(400, "exactly one Host");
    lab.send("GET /v1/status HTTP/1.1\r\nHost: yggdrasil\r\nHost: example.com\r\n\r\n")
        .await
        .refused(400, "exactly one Host");
}

#[tokio::test]
async fn a_post_of_a_foreign_page_is_refused() {
    let lab = Lab::open().await;
    for origin in [
        "http://example.com",
        "null",
        "http://yggdrasil",
        "http://yggdrasil:8080",
        "https://yggdrasil:7319",
        "http://yggdrasil:7319.example.com",
        "",
    ] {
        nudge(&lab, "yggdrasil:7319", origin).await.refused(403, "web page");
    }
    assert_eq!(lab.daemon.lines(), [""; 0]);
    nudge(&lab, "yggdrasil:7319", "http://yggdrasil:7319").await.passed();
}
