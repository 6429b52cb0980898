//! What there is below a tip, in clones of real servers.

use pull_agent::git::below_tip;

use crate::bed::{Bed, program, revision, told};

/// The ids below a tip, newest first.
async fn below(bed: &Bed, tip: &str, deployed: Option<&str>, held: &[&str]) -> Vec<String> {
    bed.fetch(tip, deployed).await.unwrap_or_else(|error| panic!("{}", told(&error)));
    let deployed = deployed.map(revision);
    let held: Vec<_> = held.iter().map(|id| revision(id)).collect();
    let found =
        below_tip(program(), &bed.source, None, &bed.repository(), &revision(tip), deployed.as_ref(), &held)
            .await;
    let found = found.unwrap_or_else(|error| panic!("{}", told(&error)));
    bed.assert_nothing_left_over();
    found.into_iter().map(|below| below.revision.to_string()).collect()
}

/// So many commits, each with another tree, oldest first.
fn changes(bed: &Bed, names: &[&str]) -> Vec<String> {
    names.iter().map(|name| bed.origin.commit("changed", name, name)).collect()
}

#[tokio::test]
async fn what_came_since_the_deployed_one_newest_first() {
    let bed = Bed::new();
    let deployed = bed.origin.head();
    bed.ancestry(&deployed, None).await;
    let line = changes(&bed, &["one", "two", "three"]);
    assert_eq!(below(&bed, &line[2], Some(&deployed), &[]).await, [line[1].clone(), line[0].clone()]);
    assert_eq!(below(&bed, &line[2], Some(&line[1]), &[]).await, Vec::<String>::new());
}

#[tokio::test]
async fn what_is_as_old_as_a_held_one_stays_out() {
    let bed = Bed::new();
    let deployed = bed.origin.head();
    bed.ancestry(&deployed, None).await;
    let line = changes(&bed, &["one", "two", "three", "four"]);
    assert_eq!(below(&bed, &line[3], Some(&deployed), &[&line[1]]).await, [line[2].clone()]);
}

#[tokio::test]
async fn of_a_merge_only_what_the_branch_was() {
    let bed = Bed::new();
    let deployed = bed.origin.head();
    bed.ancestry(&deployed, None).await;
    let line = changes(&bed, &["one"]);
    bed.origin.git(&["switch", "--quiet", "--create", "side", &deployed]);
    let side = bed.origin.commit("side", "1", "on the side");
    bed.origin.git(&["switch", "--quiet", "main"]);
    bed.origin.git(&["merge", "--quiet", "--no-edit", "side"]);
    let found = below(&bed, &bed.origin.head(), Some(&deployed), &[]).await;
    assert_eq!(found, [line[0].clone()], "{side} never was the tip");
}

#[tokio::test]
async fn what_was_reverted_is_left_out() {
    let bed = Bed::new();
    let deployed = bed.origin.head();
    bed.ancestry(&deployed, None).await;
    let good = bed.origin.commit("good", "1", "good");
    let bad = bed.origin.commit("bad", "1", "bad");
    bed.origin.git(&["revert", "--no-edit", &bad]);
    let revert = bed.origin.head();
    assert_eq!(below(&bed, &revert, Some(&deployed), &[]).await, vec![good.clone()]);
    // With something else in between no tree comes back, but git's own words say it.
    bed.origin.reset(&bad);
    let other = bed.origin.commit("other", "1", "other");
    bed.origin.git(&["revert", "--no-edit", &bad]);
    let revert = bed.origin.head();
    assert_eq!(below(&bed, &revert, Some(&deployed), &[]).await, [good], "{other} has what is reverted");
}

#[tokio::test]
async fn before_the_first_deployment_the_clone_is_deepened() {
    let bed = Bed::new();
    bed.origin.commits(50);
    let line = changes(&bed, &["one", "two", "three"]);
    let found = below(&bed, &line[2], None, &[]).await;
    assert_eq!(found.len(), 20);
    assert_eq!(found[..2], [line[1].clone(), line[0].clone()]);
    // What was found can be fetched and is whole, and so is the tip after it.
    bed.ancestry(&line[1], None).await;
    bed.ancestry(&line[2], None).await;
}

#[tokio::test]
async fn without_a_clone_there_is_nothing() {
    let bed = Bed::new();
    let tip = revision(&bed.origin.head());
    let found = below_tip(program(), &bed.source, None, &bed.repository(), &tip, None, &[]).await;
    assert_eq!(found.unwrap_or_else(|error| panic!("{}", told(&error))), []);
}
