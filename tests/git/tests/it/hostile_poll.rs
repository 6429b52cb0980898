//! Polls of servers that misbehave: each ends within its time, with a sentence that says why.

use std::time::Duration;

use pull_agent::git::Poller;
use pull_agent_git_tests::{Hostile, Mode};

use crate::bed::{Bed, ECHO, PATIENT, assert_contains, program, source, told};

/// Enough for an error that does not wait for the deadline, and for everything good.
const LONG: Duration = PATIENT;
/// For servers that would take for ever.
const SHORT: Duration = Duration::from_millis(700);

/// Polls in this mode with a new connection and with a kept one, expects the sentence each time, and that the same
/// poller works again afterwards.
async fn check(mode: Mode, limit: Duration, sentence: &str) {
    let bed = Bed::new();
    let hostile = Hostile::start(bed.server.port());
    let mut poller = Poller::new(&source(&hostile.url("infra")), program());
    for _ in 0..2 {
        hostile.set(mode.clone());
        poller = poller.with_limit(limit);
        let error = told(&poller.poll().await.expect_err("the server misbehaves"));
        assert_contains(&error, sentence);
        hostile.set(Mode::Behave);
        poller = poller.with_limit(LONG);
        assert_eq!(poller.poll().await.expect("a tip").to_string(), bed.origin.head());
    }
}

#[tokio::test]
async fn any_status_is_told() {
    for status in [401, 403, 404, 409, 429, 500, 501, 503] {
        let lines = vec!["Retry-After: 7".to_owned(), "WWW-Authenticate: Basic realm=\"git\"".to_owned()];
        check(Mode::Status(status, lines), LONG, &format!("HTTP {status}")).await;
    }
}

#[tokio::test]
async fn a_redirect_says_what_to_configure() {
    check(Mode::RedirectLoop, LONG, "set source.url to the final address").await;
}

#[tokio::test]
async fn a_repository_that_was_renamed_is_found_where_it_is() {
    let bed = Bed::new();
    let hostile = Hostile::start(bed.server.port());
    for status in [301, 302, 307, 308] {
        hostile.set(Mode::Renamed(status, "/old-name", "/infra"));
        let mut poller = Poller::new(&source(&hostile.url("old-name")), program());
        let moved = poller.moved();
        assert_eq!(moved.to(), None);
        let tip = poller.poll().await.unwrap_or_else(|error| panic!("{status}: {}", told(&error)));
        assert_eq!((tip.as_str(), moved.to()), (bed.origin.head().as_str(), Some(hostile.url("infra"))));
        hostile.set(Mode::Behave);
        std::os::unix::fs::symlink(bed.origin.path(), bed.origin.root().join("old-name")).expect("a link");
        poller.poll().await.unwrap_or_else(|error| panic!("{status}: {}", told(&error)));
        assert_eq!(moved.to(), None, "it is back where it was");
        std::fs::remove_file(bed.origin.root().join("old-name")).expect("it was there");
    }
}

#[tokio::test]
async fn a_server_that_redirects_the_greeting_alone_is_followed_too() {
    let bed = Bed::new();
    let hostile = Hostile::start(bed.server.port());
    let mut poller = Poller::new(&source(&hostile.url("old-name")), program());
    let gone = told(&poller.poll().await.expect_err("there is nothing"));
    assert_contains(&gone, "HTTP 404");
    hostile.set(Mode::Renamed(301, "/old-name/info/refs", "/infra/info/refs"));
    let tip = poller.poll().await.unwrap_or_else(|error| panic!("{}", told(&error)));
    assert_eq!((tip.as_str(), poller.moved().to()), (bed.origin.head().as_str(), Some(hostile.url("infra"))));
}

#[tokio::test]
async fn a_redirect_to_elsewhere_is_not_followed() {
    let bed = Bed::new();
    let hostile = Hostile::start(bed.server.port());
    for (status, to) in [(301, "http://127.0.0.1:1/infra"), (303, "/infra")] {
        hostile.set(Mode::Renamed(status, "/git/old-name", to));
        let poll = Poller::new(&source(&hostile.url("old-name")), program()).poll().await;
        assert_contains(&told(&poll.expect_err("not followed")), "set source.url to the final address");
    }
    hostile.set(Mode::Renamed(301, "/git/", "/git/x/"));
    let poll = Poller::new(&source(&hostile.url("infra")), program()).poll().await;
    assert_contains(&told(&poll.expect_err("on and on")), "redirects on and on, at last to ");
}

#[tokio::test]
async fn a_page_for_people_is_no_git_server() {
    check(Mode::Html, LONG, "content type \"text/html\"").await;
    check(Mode::EmptyText, LONG, "content type \"text/plain\"").await;
}

#[tokio::test]
async fn silence_ends_at_the_deadline() {
    check(Mode::Hang, SHORT, "did not answer within 0.7 s").await;
    check(Mode::HangOnPost, SHORT, "did not answer within 0.7 s").await;
    check(Mode::Drip, SHORT, "did not answer within 0.7 s").await;
}

#[tokio::test]
async fn an_answer_without_end_is_cut() {
    check(Mode::Endless, LONG, "more than 65536 bytes").await;
}

#[tokio::test]
async fn a_closed_connection_is_an_error() {
    check(Mode::Close, LONG, "did not answer").await;
}

#[tokio::test]
async fn whatever_is_answered_proves_the_network() {
    let bed = Bed::new();
    let hostile = Hostile::start(bed.server.port());
    let mut poller = Poller::new(&source(&hostile.url("infra")), program());
    let statuses = [401, 403, 404, 429, 500, 503].map(|status| Mode::Status(status, Vec::new()));
    let odd =
        [Mode::Html, Mode::EmptyText, Mode::RedirectLoop, Mode::Endless, Mode::OldProtocol, Mode::NoHttp];
    for mode in statuses.into_iter().chain(odd).chain([Mode::Refuse("no".to_owned())]) {
        hostile.set(mode.clone());
        let error = poller.poll().await.expect_err("the server misbehaves");
        assert!(error.is_an_answer(), "{mode:?}: {}", told(&error));
    }
    poller = poller.with_limit(SHORT);
    for mode in [Mode::Hang, Mode::HangOnPost, Mode::Close] {
        hostile.set(mode.clone());
        let error = poller.poll().await.expect_err("the server misbehaves");
        assert!(!error.is_an_answer(), "{mode:?}: {}", told(&error));
    }
    hostile.set(Mode::HangInBody);
    let error = poller.poll().await.expect_err("the body has no end");
    assert!(error.is_an_answer(), "{}", told(&error));
}

#[tokio::test]
async fn the_servers_own_words_are_told() {
    check(Mode::Refuse("not today".to_owned()), LONG, "the git server says: not today").await;
}

#[tokio::test]
async fn a_token_that_the_server_echoes_is_not_told() {
    let bed = Bed::new();
    let hostile = Hostile::start(bed.server.port());
    let mut source = source(&hostile.url("infra"));
    source.token_file = Some(bed.token_file());
    hostile.set(Mode::Refuse(ECHO.to_owned()));
    let error = told(&Poller::new(&source, program()).poll().await.expect_err("refused"));
    assert_contains(&error, "you sent [token] as Basic [token]");
    hostile.set(Mode::Status(302, vec!["Location: /?token=ghs_secret".to_owned()]));
    let error = told(&Poller::new(&source, program()).poll().await.expect_err("redirected"));
    assert_contains(&error, "redirects to /?token=[token]");
}

#[tokio::test]
async fn an_address_that_echoes_the_token_is_neither_followed_nor_told() {
    let bed = Bed::new();
    let hostile = Hostile::start(bed.server.port());
    let echo = bed.origin.root().join("ghs_secret");
    std::fs::create_dir(&echo).expect("a new folder");
    std::os::unix::fs::symlink(bed.origin.path(), echo.join("infra")).expect("a link");
    let to = ["/git/ghs_secret/infra", "/git/ghs_secret/infra/info/refs"];
    for (from, to) in ["/git/old-name", "/git/old-name/info/refs"].into_iter().zip(to) {
        let mut source = source(&hostile.url("old-name"));
        source.token_file = Some(bed.token_file());
        hostile.set(Mode::Renamed(301, from, to));
        let mut poller = Poller::new(&source, program());
        let error = told(&poller.poll().await.expect_err("not followed"));
        assert!(!error.contains("ghs_secret"), "{error}");
        assert_eq!(poller.moved().to(), None);
    }
}

#[tokio::test]
async fn a_null_id_is_no_tip() {
    check(Mode::NullId("refs/heads/main".to_owned()), LONG, "refs/heads/main is at no commit").await;
}

#[tokio::test]
async fn a_server_of_the_first_protocol_is_named_so() {
    check(Mode::OldProtocol, LONG, "protocol version 2").await;
    // A real one, which says nothing.
    check(Mode::DropsVersion, LONG, "does not speak protocol version 2").await;
}
