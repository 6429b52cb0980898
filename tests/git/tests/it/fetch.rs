//! Fetches from servers that behave: what comes, and where it stands to the deployed revision.

use std::os::unix::fs::MetadataExt as _;

use pull_agent::git::is_ancestor;
use pull_agent_core::{Ancestry, Fetched};
use pull_agent_git_tests::{GitDaemon, HttpServer};

use crate::bed::{Bed, assert_contains, refusal, revision, told};

#[tokio::test]
async fn the_first_fetch_brings_one_commit_and_its_files() {
    let bed = Bed::new();
    bed.origin.commits(20);
    let tip = bed.origin.commit("x", "y", "grafana: 11.3\n\nThe rest of the message.");
    let fetched = bed.fetch(&tip, None).await.unwrap_or_else(|error| panic!("{}", told(&error)));
    let expected = Fetched {
        subject: "grafana: 11.3".to_owned(),
        author: "Test".to_owned(),
        ancestry: Ancestry::NothingDeployed,
        contains: Vec::new(),
        untrusted: None,
    };
    assert_eq!(fetched, expected);
    bed.assert_readable(&tip);
    assert_eq!(bed.shallow(), [tip.as_str()]);
    assert_eq!(bed.git(&["rev-list", "--count", &tip]), "1");
    assert!(!bed.repository().join("flake.nix").exists(), "no files of a work tree");
}

#[tokio::test]
async fn later_fetches_bring_all_since_the_deployed_one() {
    let bed = Bed::new();
    bed.origin.commits(5);
    let first = bed.origin.head();
    bed.ancestry(&first, None).await;
    let second = bed.origin.commit("a", "b", "second");
    assert_eq!(bed.ancestry(&second, Some(&first)).await, Ancestry::Descendant);
    let third = bed.origin.commits(200);
    assert_eq!(bed.ancestry(&third, Some(&second)).await, Ancestry::Descendant);
    assert_eq!(bed.shallow(), [first.as_str()]);
    assert_eq!(bed.git(&["rev-list", "--count", &third]), "202");
    // Once more changes nothing.
    assert_eq!(bed.ancestry(&third, Some(&second)).await, Ancestry::Descendant);
    assert_eq!(bed.ancestry(&third, Some(&third)).await, Ancestry::Descendant);
}

#[tokio::test]
async fn a_tip_that_came_before_anything_was_deployed_is_proven_later() {
    let bed = Bed::new();
    let first = bed.origin.head();
    let second = bed.origin.commits(3);
    bed.ancestry(&first, None).await;
    bed.ancestry(&second, None).await;
    // Both came without their history; now the first was deployed.
    assert_eq!(bed.ancestry(&second, Some(&first)).await, Ancestry::Descendant);
    assert_eq!(bed.shallow(), Vec::<String>::new(), "the first commit has no parents");
}

#[tokio::test]
async fn a_merge_is_a_descendant_of_both_sides() {
    let bed = Bed::new();
    bed.origin.commits(3);
    let first = bed.origin.head();
    bed.ancestry(&first, None).await;
    bed.origin.git(&["switch", "--quiet", "--create", "side", "HEAD~2"]);
    bed.origin.commit("side", "1", "on the side");
    bed.origin.git(&["switch", "--quiet", "main"]);
    bed.origin.git(&["merge", "--quiet", "--no-edit", "side"]);
    assert_eq!(bed.ancestry(&bed.origin.head(), Some(&first)).await, Ancestry::Descendant);
}

#[tokio::test]
async fn a_forced_push_is_refused_and_ready_to_be_accepted() {
    let bed = Bed::new();
    bed.origin.commits(10);
    let deployed = bed.origin.head();
    bed.ancestry(&deployed, None).await;
    bed.origin.reset("HEAD~1");
    let forced = bed.origin.commit("a", "b", "instead");
    let sentence = refusal(bed.ancestry(&forced, Some(&deployed)).await);
    assert_contains(&sentence, &deployed);
    assert_contains(&sentence, &forced);
    assert_contains(&sentence, "is not a descendant");
    // Nothing was lost: the deployed one is still the anchor, and after being accepted the new one is.
    let back = bed.origin.commit("a", "c", "on top");
    refusal(bed.ancestry(&back, Some(&deployed)).await);
    assert_eq!(bed.ancestry(&back, Some(&forced)).await, Ancestry::Descendant);
    bed.origin.reset(&deployed);
    let again = bed.origin.commit("a", "d", "as it was");
    assert_eq!(bed.ancestry(&again, Some(&deployed)).await, Ancestry::Descendant);
}

#[tokio::test]
async fn a_forced_push_to_before_the_anchor_does_not_bring_the_whole_history() {
    let bed = Bed::new();
    let noise =
        |seed: u32| (0..9_000_u32).map(|n| format!("{:x}\n", n.wrapping_mul(seed))).collect::<String>();
    for seed in [2_654_435_761, 40_503_101, 1_103_515_245] {
        bed.origin.commit("noise", &noise(seed), "history");
    }
    let deployed = bed.origin.commit("noise", "gone\n", "deployed");
    bed.ancestry(&deployed, None).await;
    bed.origin.reset("HEAD~1");
    let forced = bed.origin.commit("noise", "gone too\n", "instead");
    let answer = bed.ask_child(&bed.request(&forced, Some(&deployed), 20_000));
    assert_contains(&answer, "cannot be proven");
    assert_contains(&answer, &deployed);
    assert_contains(&answer, "more than 20000 bytes");
    bed.assert_readable(&forced);
    assert_eq!(bed.git(&["rev-list", "--count", &forced]), "1", "the tip came, without its history");
    // With room for it, the history is the proof.
    let answer = bed.ask_child(&bed.request(&forced, Some(&deployed), u64::MAX));
    assert_contains(&answer, "is not a descendant");
    bed.assert_readable(&forced);
}

#[tokio::test]
async fn an_older_commit_is_refused() {
    let bed = Bed::new();
    let older = bed.origin.commits(4);
    let deployed = bed.origin.commits(3);
    bed.ancestry(&deployed, None).await;
    bed.origin.reset(&older);
    assert_contains(&refusal(bed.ancestry(&older, Some(&deployed)).await), "is not a descendant");
}

#[tokio::test]
async fn a_lost_clone_is_anchored_at_the_deployed_revision_again() {
    let bed = Bed::new();
    bed.origin.commits(20);
    let deployed = bed.origin.head();
    let tip = bed.origin.commits(5);
    assert_eq!(bed.ancestry(&tip, Some(&deployed)).await, Ancestry::Descendant);
    assert_eq!(bed.shallow(), [deployed.as_str()]);
}

#[tokio::test]
async fn a_lost_clone_without_its_anchor_proves_nothing() {
    let bed = Bed::new();
    let deployed = bed.origin.commit("a", "b", "deployed");
    bed.origin.reset("HEAD~1");
    bed.origin.forget_unreachable();
    let tip = bed.origin.commit("a", "c", "instead");
    let sentence = refusal(bed.ancestry(&tip, Some(&deployed)).await);
    assert_contains(&sentence, "cannot be proven");
    assert_contains(&sentence, &deployed);
    assert_contains(&sentence, &tip);
}

#[tokio::test]
async fn what_was_asked_for_is_fetched_though_the_tip_moved_on() {
    let bed = Bed::new();
    let asked = bed.origin.commits(3);
    bed.origin.commits(3);
    bed.ancestry(&asked, None).await;
    bed.origin.reset("HEAD~4");
    let next = bed.origin.commit("a", "b", "c");
    bed.origin.reset(&asked);
    assert_contains(&refusal(bed.ancestry(&next, Some(&asked)).await), "is not a descendant");
}

#[tokio::test]
async fn what_the_remote_does_not_have_is_an_error() {
    let bed = Bed::new();
    let tip = bed.origin.head();
    bed.ancestry(&tip, None).await;
    let unknown = "1234567890123456789012345678901234567890";
    let error = bed.fetch_error(unknown, Some(&tip)).await;
    assert_contains(&error, unknown);
    assert_contains(&error, "not our ref");
    bed.assert_readable(&tip);
}

#[tokio::test]
async fn another_branch_and_another_remote_are_followed() {
    let mut bed = Bed::new();
    let first = bed.origin.head();
    bed.ancestry(&first, None).await;

    bed.origin.git(&["branch", "--move", "main", "old"]);
    bed.origin.git(&["switch", "--quiet", "--create", "main/next"]);
    let second = bed.origin.commit("a", "b", "second");
    bed.source.branch = "main/next".to_owned();
    let inode = || std::fs::metadata(bed.git_dir()).expect("it is there").ino();
    let before = inode();
    assert_eq!(bed.ancestry(&second, Some(&first)).await, Ancestry::Descendant);
    assert_eq!(inode(), before, "it is the same clone");
    assert_eq!(bed.git(&["for-each-ref", "--format=%(refname)", "refs/heads"]), "refs/heads/main/next");

    let other = HttpServer::start(bed.origin.root());
    bed.source.url = other.url("infra");
    let third = bed.origin.commit("a", "c", "third");
    assert_eq!(bed.ancestry(&third, Some(&second)).await, Ancestry::Descendant);
    assert_eq!(bed.shallow(), [second.as_str()], "a new clone, anchored at the deployed revision");
}

#[tokio::test]
async fn every_other_transport_brings_the_same() {
    let mut bed = Bed::new();
    let daemon = GitDaemon::start(bed.origin.root());
    let path = bed.origin.path().display().to_string();
    for url in [daemon.url("infra"), format!("file://{path}"), path] {
        bed.source.url = url;
        let first = bed.origin.commits(4);
        assert_eq!(bed.ancestry(&first, None).await, Ancestry::NothingDeployed);
        let second = bed.origin.commit("a", &first, "second");
        assert_eq!(bed.ancestry(&second, Some(&first)).await, Ancestry::Descendant);
    }
}

#[tokio::test]
async fn over_https_with_a_token() {
    let mut bed = Bed::new();
    let server = HttpServer::start_tls(bed.origin.root());
    bed.source.url = server.url("infra");
    assert_contains(&bed.fetch_error(&bed.origin.head(), None).await.to_lowercase(), "certificate");
    bed.source.ca_file = server.ca_file();
    bed.ancestry(&bed.origin.head(), None).await;

    let private = HttpServer::start_private(bed.origin.root(), "s3cret");
    bed.source.url = private.url("infra");
    let error = bed.fetch_error(&bed.origin.head(), None).await;
    assert_contains(&error, "source.token_file");
    let token = bed.path("token");
    std::fs::write(&token, "wrong-s3cret\n").expect("a new file");
    bed.source.token_file = Some(token.clone());
    let error = bed.fetch_error(&bed.origin.head(), None).await;
    assert!(!error.contains("s3cret"), "{error}");
    std::fs::write(&token, "s3cret\n").expect("a new file");
    bed.ancestry(&bed.origin.head(), None).await;
}

#[tokio::test]
async fn ancestors_are_known_by_the_clone_alone() {
    let bed = Bed::new();
    let first = bed.origin.head();
    let ask = |ancestor: &str, of: &str| {
        is_ancestor(&bed.repository(), &revision(ancestor), &revision(of)).expect("a readable clone")
    };
    assert!(!ask(&first, &first), "there is no clone yet");
    bed.ancestry(&first, None).await;
    let second = bed.origin.commits(3);
    bed.ancestry(&second, Some(&first)).await;
    assert!(ask(&first, &second));
    assert!(ask(&second, &second));
    assert!(!ask(&second, &first));
    assert!(!ask(&"1".repeat(40), &second));
    assert!(!ask(&first, &"1".repeat(40)));
}

#[tokio::test]
async fn foreign_text_is_made_harmless() {
    let bed = Bed::new();
    let tip = bed.origin.commit("a", "b", &format!("\u{1b}[31mred {}", "x".repeat(500)));
    let fetched = bed.fetch(&tip, None).await.unwrap_or_else(|error| panic!("{}", told(&error)));
    assert!(fetched.subject.starts_with("red"), "{:?}", fetched.subject);
    assert_eq!(fetched.subject.chars().count(), 500);
}

/// Which holds a confirmation ends is asked of the commits themselves.
#[tokio::test]
async fn a_fetch_tells_which_held_revisions_the_tip_descends_from() {
    let bed = Bed::new();
    let deployed = bed.origin.commit("x", "0", "deployed");
    bed.fetch(&deployed, None).await.unwrap_or_else(|error| panic!("{}", told(&error)));
    let bad = bed.origin.commit("x", "1", "bad");
    bed.fetch(&bad, Some(&deployed)).await.unwrap_or_else(|error| panic!("{}", told(&error)));
    bed.origin.reset(&deployed);
    let other = bed.origin.commit("x", "2", "instead of the bad one");
    let tip = bed.origin.commit("x", "3", "later");
    let unknown = "e".repeat(40);
    let held = [unknown.as_str(), &bad, &other, &deployed];
    let fetched = bed.fetch_holding(&tip, Some(&deployed), &held).await;
    let mut contains = fetched.unwrap_or_else(|error| panic!("{}", told(&error))).contains;
    contains.sort_by_key(|revision| held.iter().position(|held| *held == revision.as_str()));
    assert_eq!(contains, [revision(&other), revision(&deployed)]);
}
