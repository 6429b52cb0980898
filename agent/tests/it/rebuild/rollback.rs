//! The way back, and forgetting.

use pull_agent_core::{BuildEnd, DeploymentId, Exit, ReasonCode};

use super::world::{World, before};

#[tokio::test]
async fn first_the_profile_then_the_activation() {
    let world = World::new();
    assert_eq!(world.activate(1).await, Exit::Code(0));
    world.write("calls", "");
    assert_eq!(world.roll_back(2).await, Exit::Code(0));
    assert_eq!(world.calls(), ["nix-env --profile --set", "switch-to-configuration switch old"]);
    assert_eq!((world.target("current"), world.target("profile")), ("old".into(), "old".into()));
}

#[tokio::test]
async fn a_profile_that_is_right_is_left_alone() {
    let world = World::new();
    assert_eq!(world.roll_back(1).await, Exit::Code(0));
    assert_eq!(world.calls(), ["switch-to-configuration switch old"]);
}

#[tokio::test]
async fn a_profile_that_cannot_be_set_activates_nothing() {
    let world = World::new();
    assert_eq!(world.activate(1).await, Exit::Code(0));
    world.write("nix-env.fails", "");
    world.write("calls", "");
    let sentence = "nix-env failed with exit code 1".to_owned();
    assert_eq!(before(&world.roll_back(2).await), (ReasonCode::ActivationFailed, sentence));
    assert_eq!(world.calls(), ["nix-env --profile --set"]);
    assert_eq!(world.target("current"), "new");
}

#[tokio::test]
async fn a_full_disk_is_told_from_what_does_not_pass() {
    let world = World::new();
    assert_eq!(world.activate(1).await, Exit::Code(0));
    world.write("nix-env.fails", "error: database or disk is full");
    let sentence = "error: database or disk is full".to_owned();
    assert_eq!(before(&world.roll_back(2).await), (ReasonCode::DiskFull, sentence));
    std::fs::remove_file(world.path("nix-env.fails")).expect("it was there");
    std::fs::remove_file(world.path("store/old/bin/switch-to-configuration")).expect("it was there");
    let (code, sentence) = before(&world.roll_back(3).await);
    assert_eq!(code, ReasonCode::Unclassified);
    assert!(sentence.contains("No such file"), "{sentence}");
}

#[tokio::test]
async fn a_lock_that_is_taken_is_busy() {
    let world = World::new();
    world.after_switch("exit 11");
    assert_eq!(world.roll_back(1).await, Exit::Busy);
    world.after_switch("exit 4");
    assert_eq!(world.roll_back(2).await, Exit::Code(4));
}

#[tokio::test]
async fn what_is_forgotten_is_gone() {
    let world = World::new();
    assert_eq!(world.build(1).await, BuildEnd::Built(world.system("new")));
    assert_eq!(world.activate(2).await, Exit::Code(0));
    world.write("state/steps/1-baseline.json", "{}");
    world.write("state/steps/12-build.json", "{}");
    world.rebuild().forget(&[DeploymentId(1), DeploymentId(7)]);
    let mut left: Vec<_> = std::fs::read_dir(world.path("state/steps"))
        .expect("a folder")
        .map(|entry| entry.expect("readable").file_name().to_string_lossy().into_owned())
        .collect();
    left.sort();
    assert_eq!(left, ["12-build.json", "activating.lock", "building.lock"]);
    assert!(!world.path("log/1.log").exists());
}

#[tokio::test]
async fn what_a_lost_state_left_is_forgotten_but_for_the_newest_logs() {
    let world = World::new();
    assert_eq!(world.build(1).await, BuildEnd::Built(world.system("new")));
    world.rebuild().forget(&[DeploymentId(1)]);
    for id in 3..=9 {
        world.write(&format!("log/{id}.log"), "");
        world.write(&format!("state/steps/{id}-build.json"), "{}");
    }
    world.rebuild().forget_unknown(&[DeploymentId(3)], 2);
    let left = |folder: &str| {
        let entries = std::fs::read_dir(world.path(folder)).expect("a folder");
        let mut left: Vec<_> = entries
            .map(|entry| entry.expect("readable").file_name().to_string_lossy().into_owned())
            .collect();
        left.sort();
        left
    };
    assert_eq!(left("log"), ["3.log", "8.log", "9.log"]);
    assert_eq!(left("state/steps"), ["3-build.json", "building.lock"]);
}
