//! A forge on a bad day: every one of these is *unavailable*, never green, and has an end.

use pull_agent_core::VerdictKind::{Green, Unavailable};
use pull_agent_forge::{Fault, Kind};

use super::*;

async fn once(kind: Kind, words: &[&str]) {
    let lab = Lab::new().await;
    let gate = lab.gate();
    once_of(&lab, &checks(&gate), kind, words).await;
}

/// Of a fault that has no end by itself.
async fn once_impatient(kind: Kind, words: &[&str]) {
    let lab = Lab::new().await;
    let gate = lab.gate();
    once_of(&lab, &impatient(&gate), kind, words).await;
}

async fn once_of(lab: &Lab, asked: &Checks, kind: Kind, words: &[&str]) {
    lab.green();
    lab.forge.fault(Fault::once(kind));
    expect(&asked.ask(&revision()).await.verdict, Unavailable, words);
    // The next question finds the forge as it should be.
    expect(&checks(&lab.gate()).ask(&revision()).await.verdict, Green, &[]);
}

#[tokio::test]
async fn a_status_of_trouble_is_told_with_its_number() {
    for (status, words) in [
        (500, "500 Internal Server Error"),
        (502, "502 Bad Gateway"),
        (503, "503 Service Unavailable"),
        (418, "418 I'm a teapot"),
        (204, "204 No Content"),
        (300, "300 Multiple Choices"),
    ] {
        once(Kind::Status { status, headers: Vec::new() }, &[words, "asked again later"]).await;
    }
}

#[tokio::test]
async fn a_forge_that_is_down_is_told_with_its_address() {
    let lab = Lab::new().await;
    let gate = GithubGate { api_url: "http://127.0.0.1:1".to_owned(), ..lab.gate() };
    let checks = checks(&gate);
    expect(
        &checks.ask(&revision()).await.verdict,
        Unavailable,
        &["127.0.0.1:1", "cannot be reached", "refused"],
    );
    assert_eq!(checks.stats().requests, [("error".to_owned(), 1)].into());
}

#[tokio::test]
async fn silence_has_an_end() {
    let lab = Lab::new().await;
    lab.green();
    lab.forge.fault(Fault::always(Kind::Hang));
    let checks = impatient(&lab.gate());
    expect(&checks.ask(&revision()).await.verdict, Unavailable, &["did not answer within 2 s"]);
    assert_eq!(checks.stats().requests, [("error".to_owned(), 1)].into());
    lab.forge.clear_faults();
    expect(&checks.ask(&revision()).await.verdict, Green, &[]);
}

#[tokio::test]
async fn a_body_that_does_not_come_has_an_end() {
    once_impatient(Kind::HangBody, &["200 OK", "did not end within"]).await;
}

#[tokio::test]
async fn a_body_that_drips_has_an_end() {
    once_impatient(Kind::Drip { ms: 5 }, &["200 OK", "did not end within"]).await;
}

#[tokio::test]
async fn a_slow_answer_in_time_counts() {
    let lab = Lab::new().await;
    lab.green();
    lab.forge.fault(Fault::once(Kind::Slow { ms: 50 }));
    expect(&lab.ask(&lab.gate()).await, Green, &[]);
}

#[tokio::test]
async fn a_body_that_breaks_off_is_told() {
    once(Kind::Cut { after: 0 }, &[]).await;
    once(Kind::Cut { after: 700 }, &["200 OK", "broke off"]).await;
}

#[tokio::test]
async fn a_body_of_anything_else_is_told() {
    for body in [
        "",
        "<html>hello</html>",
        "[]",
        "{}",
        "{\"check_runs\": null}",
        "{\"check_runs\": [{\"id\": \"x\"}]}",
    ] {
        once(Kind::Garbage { body: body.to_owned() }, &["200 OK", "not with a list of check runs"]).await;
    }
}

#[tokio::test]
async fn a_body_without_end_is_cut() {
    let lab = Lab::new().await;
    lab.green();
    lab.forge.fault(Fault::once(Kind::Endless));
    let bounds = Bounds { body: 1 << 20, ..Bounds::default() };
    let checks = Checks::bounded(&lab.gate(), bounds, SharedStats::default()).expect("good settings");
    expect(&checks.ask(&revision()).await.verdict, Unavailable, &["200 OK", "more than 1048576 bytes"]);
}

#[tokio::test]
async fn the_runs_of_another_commit_prove_nothing() {
    let body = format!(
        "{{\"check_runs\": [{{\"name\": {CHECK:?}, \"status\": \"completed\", \"conclusion\": \"success\", \
         \"app\": {{\"id\": 15368}}, \"head_sha\": \"{}\"}}]}}",
        SHA.replace("aa", "bb")
    );
    once(Kind::Garbage { body }, &["another commit", "bb"]).await;
}

#[tokio::test]
async fn a_run_that_names_no_commit_proves_nothing() {
    let body = format!(
        "{{\"check_runs\": [{{\"name\": {CHECK:?}, \"status\": \"completed\", \"conclusion\": \"success\", \
         \"app\": {{\"id\": 15368}}}}]}}"
    );
    once(Kind::Garbage { body }, &["names no commit"]).await;
}

#[tokio::test]
async fn what_is_left_out_or_new_is_no_trouble() {
    let lab = Lab::new().await;
    let body = format!(
        "{{\"check_runs\": [{{\"name\": {CHECK:?}, \"status\": \"completed\", \"conclusion\": \"success\", \
         \"app\": {{\"id\": 15368, \"mood\": []}}, \"head_sha\": \"{SHA}\", \"moon\": 1}}, {{\"name\": null}}, {{}}], \"more\": {{}}}}"
    );
    lab.forge.fault(Fault::once(Kind::Garbage { body }));
    expect(&lab.ask(&lab.gate()).await, Green, &[]);
}

#[tokio::test]
async fn a_page_of_a_proxy_has_no_message_to_show() {
    let lab = Lab::new().await;
    let headers = vec![("content-type".to_owned(), "text/html".to_owned())];
    lab.forge.fault(Fault::once(Kind::Status { status: 504, headers }));
    let verdict = lab.ask(&lab.gate()).await;
    expect(&verdict, Unavailable, &["504 Gateway Timeout"]);
    assert!(!verdict.detail.contains('<'), "{verdict:?}");
}

#[tokio::test]
async fn a_bad_file_of_trust_anchors_is_told() {
    let lab = Lab::new().await;
    let gate = GithubGate { ca_file: Some(lab.file("ca.pem", "hello")), ..lab.gate() };
    let checks = checks(&gate);
    expect(&checks.ask(&revision()).await.verdict, Unavailable, &["ca.pem", "no certificate"]);
    std::fs::remove_file(lab.files.path().join("ca.pem")).expect("removed");
    expect(&checks.ask(&revision()).await.verdict, Unavailable, &["ca.pem", "cannot be read"]);
}
