//! What is there, and that nothing else is.

use super::lab::Lab;

const SHA: &str = "3f2a91c0000000000000000000000000000000aa";

#[tokio::test]
async fn the_routes_of_the_tailnet_are_passed_on() {
    let lab = Lab::open().await;
    let targets = [
        "/v1/status",
        "/v1/deployments",
        "/v1/deployments/12",
        "/v1/deployments/12/log",
        "/v1/deployments/12/log?tail=20",
        "/metrics",
    ];
    for target in targets {
        lab.get(target).await.passed();
    }
    let answer = lab.get(&format!("/v1/revisions/{SHA}")).await;
    assert_eq!((answer.status, answer.body.as_str()), (409, r#"{"version":1,"state":"refused"}"#));
    assert_eq!(lab.get("/v1/events").await.status, 200);
    lab.post("/v1/nudge", "").await.passed();

    let mut expected: Vec<String> = targets.iter().map(|target| format!("GET {target}")).collect();
    expected.extend([
        format!("GET /v1/revisions/{SHA}"),
        "GET /v1/events".to_owned(),
        "POST /v1/nudge".to_owned(),
    ]);
    assert_eq!(lab.daemon.lines(), expected);
}

#[tokio::test]
async fn what_changes_things_is_not_there() {
    let lab = Lab::open().await;
    for name in ["pause", "resume", "retry", "accept", "deploy", "rollback"] {
        lab.post(&format!("/v1/{name}"), "{}").await.refused(404, "no such route");
        lab.get(&format!("/v1/{name}")).await.refused(404, "no such route");
    }
    assert_eq!(lab.daemon.lines(), [""; 0]);
}

#[tokio::test]
async fn no_other_way_of_writing_gets_through() {
    let lab = Lab::open().await;
    for target in [
        "/",
        "/v1",
        "/v1/",
        "/v2/status",
        "/v1/status/",
        "//v1/status",
        "/v1//status",
        "/V1/status",
        "/v1/statuses",
        "/v1/%73tatus",
        "/v1/nudge/../pause",
        "/v1/deployments/../pause",
        "/v1/deployments/..%2fpause",
        "/v1/deployments/",
        "/v1/deployments//log",
        "/v1/deployments/12/log/x",
        "/v1/deployments/a.b",
        "/v1/revisions",
        "/v1/revisions/",
        "/v1/revisions/a%0d%0a",
        "/metrics/",
    ] {
        lab.get(target).await.refused(404, "no such route");
        lab.post(target, "{}").await.refused(404, "no such route");
    }
    for method in ["HEAD", "PUT", "DELETE", "PATCH", "OPTIONS", "CONNECT", "TRACE"] {
        let target = if method == "CONNECT" { "yggdrasil:80" } else { "/v1/status" };
        let text = format!("{method} {target} HTTP/1.1\r\nHost: yggdrasil\r\nConnection: close\r\n\r\n");
        let mut client = lab.connect().await;
        client.write(&text).await;
        let answer = client.rest().await;
        assert!(answer.starts_with("HTTP/1.1 404 "), "{method}: {answer}");
    }
    lab.get("/v1/nudge").await.refused(404, "no such route");
    lab.post("/v1/status", "").await.refused(404, "no such route");
    assert_eq!(lab.daemon.lines(), [""; 0]);
}

#[tokio::test]
async fn a_second_request_hidden_in_a_body_stays_a_body() {
    let lab = Lab::open().await;
    let hidden = "POST /v1/pause HTTP/1.1\r\nHost: localhost\r\n\r\n";
    lab.post("/v1/nudge", hidden).await.passed();
    let seen = lab.daemon.seen();
    assert_eq!(lab.daemon.lines(), ["POST /v1/nudge"]);
    assert_eq!(seen[0].body, hidden);

    // Two lengths: whatever counts, nothing of it reaches the daemon.
    let both =
        "POST /v1/nudge HTTP/1.1\r\nHost: yggdrasil\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\n12345";
    let mut client = lab.connect().await;
    client.write(both).await;
    assert!(client.rest().await.starts_with("HTTP/1.1 400 "));
    assert_eq!(lab.daemon.lines(), ["POST /v1/nudge"]);
}
