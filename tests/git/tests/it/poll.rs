//! Polls of servers that behave.

use pull_agent::git::Poller;
use pull_agent_git_tests::{GitDaemon, GitRepo, Hostile, HttpServer, Relay};

use crate::bed::{Bed, PATIENT, assert_contains, poll, poll_error, program, source, told};

#[tokio::test]
async fn over_http_the_tip_of_the_branch_comes_in_one_request() {
    let bed = Bed::new();
    // It notes the requests before it passes them on; the server writes its log when it likes.
    let relay = Hostile::start(bed.server.port());
    let mut poller = Poller::new(&source(&relay.url("infra")), program()).with_limit(PATIENT);
    for number in 0..3 {
        let tip = bed.origin.commit("number", &number.to_string(), "another");
        assert_eq!(poller.poll().await.expect("a tip").to_string(), tip);
    }
    let seen = relay.seen();
    assert_eq!(seen.len(), 3, "{seen:#?}");
    assert!(seen.iter().all(|head| head.starts_with("POST /git/infra/git-upload-pack ")), "{seen:#?}");
}

#[tokio::test]
async fn over_http_the_connection_is_kept_from_poll_to_poll() {
    let bed = Bed::new();
    let relay = Relay::start(bed.server.port());
    let mut poller = Poller::new(&source(&relay.url("infra")), program()).with_limit(PATIENT);
    for _ in 0..3 {
        assert_eq!(poller.poll().await.expect("a tip").to_string(), bed.origin.head());
    }
    assert_eq!(relay.connections(), 1);
}

#[tokio::test]
async fn a_kept_connection_that_the_server_closes_costs_no_poll() {
    let bed = Bed::new();
    let relay = Relay::start(bed.server.port());
    let mut poller = Poller::new(&source(&relay.url("infra")), program()).with_limit(PATIENT);
    poller.poll().await.expect("a tip");
    for close in [Relay::close, Relay::close_at_next_byte] {
        let connections = relay.connections();
        close(&relay);
        let tip = bed.origin.commit("number", &connections.to_string(), "another");
        let found = poller.poll().await.unwrap_or_else(|error| panic!("{}", told(&error)));
        assert_eq!((found.to_string(), relay.connections()), (tip, connections + 1));
    }
}

#[tokio::test]
async fn over_https_the_configured_authority_counts_and_no_other() {
    let origin = GitRepo::new();
    let server = HttpServer::start_tls(origin.root());
    let mut source = source(&server.url("infra"));
    assert_contains(&poll_error(&source).await.to_lowercase(), "certificate");
    source.ca_file = server.ca_file();
    assert_eq!(poll(&source).await.expect("a tip"), origin.head());
}

#[tokio::test]
async fn over_git_protocol_file_and_path_a_child_asks() {
    let origin = GitRepo::new();
    let daemon = GitDaemon::start(origin.root());
    let path = origin.path().display().to_string();
    for url in [daemon.url("infra"), format!("file://{path}"), path] {
        assert_eq!(
            poll(&source(&url)).await.unwrap_or_else(|e| panic!("{url}: {}", told(&e))),
            origin.head()
        );
    }
}

#[tokio::test]
async fn a_branch_whose_name_only_begins_alike_is_another_one() {
    let bed = Bed::new();
    bed.origin.git(&["branch", "maintenance"]);
    bed.origin.git(&["tag", "main"]);
    let tip = bed.origin.commit("a", "b", "on main alone");
    let path = bed.origin.path().display().to_string();
    for url in [&bed.source.url, &path] {
        assert_eq!(poll(&source(url)).await.expect("a tip"), tip);
    }
    bed.origin.git(&["switch", "--quiet", "maintenance"]);
    bed.origin.git(&["branch", "--delete", "--force", "main"]);
    for url in [&bed.source.url, &path] {
        assert_contains(&poll_error(&source(url)).await, "no branch refs/heads/main");
    }
}

#[tokio::test]
async fn a_rotated_token_counts_at_the_next_poll() {
    let origin = GitRepo::new();
    let server = HttpServer::start_private(origin.root(), "one");
    let dir = tempfile::tempdir().expect("a temporary folder");
    let mut source = source(&server.url("infra"));
    let error = poll_error(&source).await;
    assert_contains(&error, "HTTP 401");
    assert_contains(&error, "source.token_file");

    let token_file = dir.path().join("token");
    std::fs::write(&token_file, "one\n").expect("a new file");
    source.token_file = Some(token_file.clone());
    let mut poller = Poller::new(&source, program()).with_limit(PATIENT);
    assert_eq!(poller.poll().await.expect("a tip").to_string(), origin.head());

    server.set_password("two");
    let error = told(&poller.poll().await.expect_err("the old token"));
    assert_contains(&error, "HTTP 401");
    std::fs::write(&token_file, "two\n").expect("a new file");
    assert_eq!(poller.poll().await.expect("a tip").to_string(), origin.head());
}

#[tokio::test]
async fn a_server_that_is_gone_is_named() {
    let origin = GitRepo::new();
    let server = HttpServer::start(origin.root());
    let mut poller = Poller::new(&source(&server.url("infra")), program()).with_limit(PATIENT);
    poller.poll().await.expect("a tip");
    drop(server);
    let error = told(&poller.poll().await.expect_err("nobody is there"));
    assert_contains(&error, "did not answer");
}

#[tokio::test]
async fn no_name_no_connection_and_no_trust_are_no_answer() {
    let origin = GitRepo::new();
    let server = HttpServer::start_tls(origin.root());
    let nobody = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = nobody.local_addr().expect("an address").port();
    drop(nobody);
    let urls = [
        server.url("infra"),
        format!("http://127.0.0.1:{port}/infra"),
        "http://no-such-name.invalid/infra".to_owned(),
        format!("git://127.0.0.1:{port}/infra"),
        "/does/not/exist".to_owned(),
    ];
    for url in urls {
        let error = poll(&source(&url)).await.expect_err("nobody is there");
        assert!(!error.is_an_answer(), "{url}: {}", told(&error));
    }
    let (daemon, web) = (GitDaemon::start(origin.root()), HttpServer::start(origin.root()));
    for url in [daemon.url("other"), web.url("other")] {
        let error = poll(&source(&url)).await.expect_err("no such repository");
        assert!(error.is_an_answer(), "{url}: {}", told(&error));
    }
}

#[tokio::test]
async fn what_is_no_repository_is_named() {
    let bed = Bed::new();
    assert_contains(&poll_error(&source(&bed.server.url("other"))).await, "HTTP 404");
    assert_contains(&poll_error(&source("/does/not/exist")).await, "/does/not/exist");
    assert_contains(&poll_error(&source("http://127.0.0.1:1/a")).await, "refused");
}

#[tokio::test]
async fn two_thousand_branches_that_begin_like_this_one_do_not_hide_it() {
    let bed = Bed::new();
    let head = bed.origin.head();
    let lines: String =
        (0..2_000).map(|n| format!("create refs/heads/main-{n:04}-of-a-bot {head}\n")).collect();
    let file = bed.path("refs");
    std::fs::write(&file, lines).expect("a new file");
    let git = std::process::Command::new("git")
        .args(["update-ref", "--stdin"])
        .current_dir(bed.origin.path())
        .stdin(std::fs::File::open(&file).expect("just written"))
        .status();
    assert!(git.expect("git is installed").success());
    assert_eq!(poll(&bed.source).await.unwrap_or_else(|error| panic!("{}", told(&error))), head);
}

#[tokio::test]
async fn a_repository_with_other_ids_is_told_so() {
    let bed = Bed::new();
    let other = bed.origin.root().join("sha256");
    let git = |arguments: &[&str]| {
        let done = std::process::Command::new("git").args(arguments).status().expect("git is installed");
        assert!(done.success(), "{arguments:?}");
    };
    let folder = other.display().to_string();
    git(&["init", "--quiet", "--object-format=sha256", "--initial-branch=main", &folder]);
    git(&[
        "-C",
        &folder,
        "-c",
        "user.name=x",
        "-c",
        "user.email=x@x",
        "commit",
        "--quiet",
        "--allow-empty",
        "--message=x",
    ]);
    let error = poll_error(&source(&bed.server.url("sha256"))).await;
    assert_contains(&error, "has SHA-256 ids");
}

#[tokio::test]
async fn a_branch_that_was_deleted_is_told_so() {
    let bed = Bed::new();
    assert_eq!(poll(&bed.source).await.expect("a tip"), bed.origin.head());
    bed.origin.git(&["branch", "--quiet", "--move", "main", "trunk"]);
    let error = poll_error(&bed.source).await;
    assert_contains(&error, "no branch refs/heads/main");
}
