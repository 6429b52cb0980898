//! What no route takes, and places that are taken.

use axum::body::Body;
use axum::http::{Method, Request};
use hyper::service::Service;
use hyper_util::service::TowerToHyperService;

use super::{Desk, answer, ask};
use crate::lab::Lab;

#[tokio::test]
async fn an_unknown_path_is_a_problem_that_names_both_sockets() {
    let desk = Desk::of(&Lab::idle());
    for router in [desk.open(), desk.control()] {
        let problem = ask(router, Method::GET, "/v1/nothing?x=1", "").await.problem(404);
        assert_eq!(problem.detail, "there is no GET /v1/nothing on this socket");
        assert!(
            problem.hint.is_some_and(|hint| hint.contains("agent.sock") && hint.contains("control.sock"))
        );
    }
}

#[tokio::test]
async fn what_changes_things_is_not_on_the_open_socket() {
    let mut desk = Desk::of(&Lab::idle());
    for path in ["/v1/pause", "/v1/resume", "/v1/retry", "/v1/accept", "/v1/deploy", "/v1/rollback"] {
        let problem = ask(desk.open(), Method::POST, path, "").await.problem(404);
        assert_eq!(problem.detail, format!("there is no POST {path} on this socket"));
    }
    desk.heard.try_recv().expect_err("nothing was told");
}

#[tokio::test]
async fn another_method_than_the_routes_is_not_allowed() {
    let mut desk = Desk::of(&Lab::idle());
    for (router, method, path) in [
        (desk.open(), Method::GET, "/v1/nudge"),
        (desk.open(), Method::POST, "/v1/status"),
        (desk.open(), Method::DELETE, "/v1/deployments/1"),
        (desk.open(), Method::PUT, "/metrics"),
        (desk.control(), Method::GET, "/v1/pause"),
    ] {
        let problem = ask(router, method.clone(), path, "").await.problem(405);
        assert_eq!(problem.detail, format!("{path} does not take {method}"));
    }
    desk.heard.try_recv().expect_err("nothing was told");
}

#[tokio::test]
async fn a_query_that_cannot_be_read_is_a_problem() {
    let desk = Desk::of(&Lab::idle());
    let problem = desk.get("/v1/deployments/1/log?tail=all").await.problem(400);
    assert!(problem.detail.contains("query"), "{}", problem.detail);
}

#[tokio::test]
async fn what_a_problem_repeats_is_clean() {
    let desk = Desk::of(&Lab::idle());
    let problem = desk.get("/v1/deployments/1%0A%1B%5B31m2").await.problem(404);
    assert_eq!(problem.detail, "no deployment 1 2 is in the history");
}

#[tokio::test]
async fn the_seventeenth_reader_of_the_events_finds_no_place_until_one_leaves() {
    let desk = Desk::of(&Lab::idle());
    let events = || Request::get("/v1/events").body(Body::empty()).expect("a request");
    let mut readers = Vec::new();
    for _ in 0..16 {
        let Ok(reader) = TowerToHyperService::new(desk.open()).call(events()).await;
        assert_eq!(reader.status(), 200);
        readers.push(reader);
    }
    let refused =
        tokio::time::timeout(std::time::Duration::from_secs(60), answer(desk.open(), events())).await;
    let problem = refused.expect("an answer that ends").problem(503);
    assert_eq!(problem.detail, "16 readers follow the events already");
    assert_eq!(desk.get("/v1/status").await.status, 200, "a short answer needs no place");

    drop(readers.pop());
    loop {
        let Ok(reader) = TowerToHyperService::new(desk.open()).call(events()).await;
        if reader.status() == 200 {
            break;
        }
        tokio::task::yield_now().await;
    }
}
