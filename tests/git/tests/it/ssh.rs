//! Over ssh: keys from files alone, host keys from one file alone, with and without protocol version 2.

use pull_agent::settings::Source;
use pull_agent_core::Ancestry;
use pull_agent_git_tests::Sshd;

use crate::bed::{Bed, assert_contains, poll, source, told};

fn over_ssh(bed: &Bed, server: &Sshd) -> Source {
    Source {
        ssh_key_file: Some(server.key_file()),
        known_hosts_file: Some(server.known_hosts_file()),
        ..source(&server.url(&bed.origin.path()))
    }
}

#[tokio::test]
async fn polls_and_fetches_whatever_protocol_the_server_speaks() {
    for protocol_2 in [true, false] {
        let server = Sshd::start(protocol_2);
        let mut bed = Bed::new();
        bed.source = over_ssh(&bed, &server);
        let first = poll(&bed.source).await.unwrap_or_else(|error| panic!("{}", told(&error)));
        assert_eq!(first, bed.origin.head());
        assert_eq!(bed.ancestry(&first, None).await, Ancestry::NothingDeployed);
        let second = bed.origin.commit("a", "b", "second");
        assert_eq!(bed.ancestry(&second, Some(&first)).await, Ancestry::Descendant);

        // The clone is lost: the proof comes from the remote's history, however it may be asked for.
        std::fs::remove_dir_all(bed.repository()).expect("it was there");
        assert_eq!(bed.ancestry(&second, Some(&first)).await, Ancestry::Descendant, "{protocol_2}");
    }
}

#[tokio::test]
async fn an_unknown_host_is_not_trusted() {
    let server = Sshd::start(true);
    let bed = Bed::new();
    let mut source = over_ssh(&bed, &server);
    source.known_hosts_file = Some(server.other_hosts_file());
    let error = told(&poll(&source).await.expect_err("another host key"));
    assert_contains(&error, "Host key verification failed");

    source.known_hosts_file = None;
    let error = told(&poll(&source).await.expect_err("no host keys"));
    assert_contains(&error, "source.known_hosts_file is not set");

    source.known_hosts_file = Some(bed.path("missing"));
    let error = told(&poll(&source).await.expect_err("no such file"));
    assert_contains(&error, "missing cannot be read");
}

#[tokio::test]
async fn a_key_that_is_not_authorized_is_named() {
    let server = Sshd::start(true);
    let bed = Bed::new();
    let mut source = over_ssh(&bed, &server);
    source.ssh_key_file = Some(server.stranger_key_file());
    let error = told(&poll(&source).await.expect_err("not authorized"));
    assert_contains(&error, "Permission denied");
    assert!(poll(&source).await.expect_err("not authorized").is_an_answer());

    let source = Source { url: server.url(&bed.path("nothing")), ..over_ssh(&bed, &server) };
    let error = told(&poll(&source).await.expect_err("no repository"));
    assert_contains(&error, "does not appear to be a git repository");
    assert!(poll(&source).await.expect_err("no repository").is_an_answer());

    let gone = Source { url: "ssh://git@127.0.0.1:1/infra".to_owned(), ..source };
    let error = poll(&gone).await.expect_err("nobody is there");
    assert!(!error.is_an_answer(), "{}", told(&error));
}
