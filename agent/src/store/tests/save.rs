//! The order of writing, and what a loss of power leaves of it.

use pull_agent_core::{Outlives, Saved, Tries, Wall};
use pull_agent_protocol::Outcome;
use std::sync::Arc;

use super::power::{Image, PowerDisk};
use super::{Place, failing, held, holding, record, usual};
use crate::store::Store;

/// A store on a disk that loses its power, with what it saved first.
fn store(first: &Saved) -> (Place, PowerDisk, Store) {
    let (place, disk) = (Place::new(), PowerDisk::default());
    let (mut store, _, _) =
        Store::open_on(Box::new(disk.clone()), place.path(), &place.path().join("log")).expect("it opens");
    store.save(first, Outlives::Power).expect("it is saved");
    disk.take_images();
    (place, disk, store)
}

/// What a start after the loss of power reads. Nothing may be damaged.
#[track_caller]
fn start(image: &Image) -> Saved {
    let place = Place::new();
    for (path, text) in image.iter().filter(|(path, _)| path.extension().is_some_and(|it| it == "json")) {
        place.write(path.file_name().and_then(|name| name.to_str()).expect("a name"), text);
    }
    let (_store, saved, warnings) = place.open();
    assert_eq!(warnings, Vec::<String>::new(), "{image:?}");
    saved
}

fn numbered(mut saved: Saved, number: u64) -> Saved {
    saved.ledger.next_step = number;
    saved
}

#[test]
fn a_loss_of_power_at_any_moment_leaves_the_old_state_or_the_new_one() {
    let (old, mut new) = (usual(), numbered(usual(), 8));
    new.ledger.deployed.as_mut().expect("it has one").at = Wall(9);
    let (_place, disk, mut store) = store(&old);
    store.save(&new, Outlives::Power).expect("it is saved");
    let images = disk.take_images();
    assert_eq!(images.len(), 14, "two files, three things each, and their folder, at worst and at best");
    for image in &images {
        let found = start(image);
        assert!(found == old || found == new, "{found:?}");
    }
    assert_eq!(start(&disk.worst()), new, "what is saved is on the disk");
}

#[test]
fn what_need_not_outlive_the_power_is_the_old_state_or_the_new_one_until_the_next_save() {
    let (old, mut noted) = (usual(), usual());
    noted.branch.tip = Some(failing('d', Tries::default()));
    let (_place, disk, mut store) = store(&old);
    store.save(&noted, Outlives::Process).expect("it is saved");
    for image in &disk.take_images() {
        let found = start(image);
        assert!(found == old || found == noted, "{found:?}");
    }
    assert_eq!(start(&disk.worst()), old, "the folder was not synced");
    store.save(&noted, Outlives::Power).expect("it is saved");
    assert_eq!(start(&disk.worst()), noted, "what was saved already is on the disk now");
}

#[test]
fn a_hold_is_on_the_disk_before_the_state_that_ends_the_deployment() {
    let (mut old, mut new) = (holding(""), holding("b"));
    old.ledger.history = Arc::default();
    new.ledger.history = Arc::new(vec![record(2, 'b', Outcome::RolledBack)]);
    let (_place, disk, mut store) = store(&old);
    store.save(&new, Outlives::Power).expect("it is saved");
    let mut early = false;
    for image in &disk.take_images() {
        let found = start(image);
        assert!(found.ledger.history.is_empty() || held(&found) == "b", "ended, and not held: {found:?}");
        early |= found.ledger.history.is_empty() && held(&found) == "b";
    }
    assert!(early, "there is a moment at which it is held already");
    assert_eq!(start(&disk.worst()), new);
}

#[test]
fn a_hold_that_ends_is_on_the_disk_until_the_state_is() {
    // A retry: nothing but the hold changes, so that the number tells old and new apart.
    let (old, new) = (usual(), numbered(holding(""), 8));
    let (_place, disk, mut store) = store(&old);
    store.save(&new, Outlives::Power).expect("it is saved");
    for image in &disk.take_images() {
        let found = start(image);
        assert!(found.ledger.next_step == 8 || held(&found) == "b", "forgotten too early: {found:?}");
    }
    assert_eq!(start(&disk.worst()), new, "a retry that was answered is not forgotten");
}

#[test]
fn one_hold_in_the_place_of_another_passes_a_moment_with_both() {
    let (old, new) = (usual(), numbered(holding("c"), 8));
    let (_place, disk, mut store) = store(&old);
    store.save(&new, Outlives::Power).expect("it is saved");
    let mut seen: Vec<String> = disk.take_images().iter().map(|image| held(&start(image))).collect();
    seen.dedup();
    assert_eq!(seen, ["b", "cb", "c"]);
}

#[test]
fn a_new_reason_is_written_too() {
    let (_place, disk, mut store) = store(&usual());
    let mut new = usual();
    new.ledger.held[0].reason = "the way back failed: why".to_owned();
    store.save(&new, Outlives::Power).expect("it is saved");
    assert_eq!(start(&disk.worst()).ledger.held, new.ledger.held);
}

#[test]
fn after_any_failure_the_next_save_is_whole() {
    let mut new = numbered(holding("c"), 8);
    new.ledger.deployed.as_mut().expect("it has one").at = Wall(9);
    for done in 0.. {
        let (_place, disk, mut store) = store(&usual());
        disk.fail_after(done);
        let first = store.save(&new, Outlives::Power);
        if !disk.has_failed() {
            assert!(first.is_ok() && done == 15, "four files are written, not {done} things done");
            break;
        }
        let error = first.expect_err("it failed");
        assert!(error.to_string().contains(".json"), "{error}");
        for image in &disk.take_images() {
            let found = start(image);
            assert!(found.ledger.next_step == 8 || held(&found).contains('b'), "{found:?}");
            assert!(found.ledger.next_step == 7 || held(&found).contains('c'), "{found:?}");
        }
        store.save(&new, Outlives::Power).expect("it is saved");
        assert_eq!(start(&disk.worst()), new, "after a failure at {done}");
    }
}
