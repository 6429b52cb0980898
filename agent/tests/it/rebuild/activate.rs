//! Switches: exit codes, busy, and the profile afterwards.

use pull_agent_core::{Exit, ReasonCode};

use super::world::{REVISION, World, before};

/// A switch whose activation ends with this code.
#[track_caller]
fn world_with(code: i32) -> World {
    let world = World::new();
    world.after_switch(&format!("exit {code}"));
    world
}

#[tokio::test]
async fn a_switch_is_the_operators_own_command() {
    let world = World::new();
    assert_eq!(world.activate(1).await, Exit::Code(0));
    assert_eq!((world.target("current"), world.target("profile")), ("new".into(), "new".into()));
    let calls = world.calls();
    assert!(
        calls[0].starts_with("nixos-rebuild switch --no-reexec --no-write-lock-file --flake git+file:///"),
        "{}",
        calls[0]
    );
    assert!(calls[0].ends_with(&format!("&rev={REVISION}&shallow=1#yggdrasil --show-trace")), "{}", calls[0]);
    assert_eq!(calls[1..], ["nix-env --profile --set", "switch-to-configuration switch new"]);
}

#[tokio::test]
async fn exit_codes_keep_their_meaning() {
    for code in [1, 2, 4, 100, 101] {
        let world = world_with(code);
        assert_eq!(world.activate(1).await, Exit::Code(code));
        assert_eq!(world.target("profile"), "new", "the new system runs, so its profile stays");
    }
    let world = world_with(11);
    assert_eq!(world.activate(1).await, Exit::Busy);
}

#[tokio::test]
async fn a_signal_is_told() {
    let world = World::new();
    world.on("switch", "kill -9 $$");
    assert_eq!(world.activate(1).await, Exit::Signal(9));
}

#[tokio::test]
async fn the_profile_is_set_back_where_nothing_was_activated() {
    let world = World::new();
    world.on("switch", "nix-env --profile \"$WORLD/profile\" --set \"$WORLD/store/new\"; exit 1");
    assert_eq!(world.activate(1).await, Exit::Code(1));
    assert_eq!((world.target("current"), world.target("profile")), ("old".into(), "old".into()));
    assert_eq!(world.count("nix-env"), 2);
}

#[tokio::test]
async fn what_boots_is_set_back_where_the_boot_loader_was_all_that_happened() {
    for code in [1, 100, 101] {
        let world = World::new();
        world.before_switch(&format!("exit {code}"));
        assert_eq!(world.activate(1).await, Exit::Code(code));
        assert_eq!(world.host(), ["old"; 3], "after exit code {code}");
        assert_eq!(
            world.calls()[1..],
            [
                "nix-env --profile --set",
                "switch-to-configuration switch new",
                "nix-env --profile --set",
                "switch-to-configuration boot old"
            ],
            "the profile first, as boot loaders list its generations"
        );
    }
}

#[tokio::test]
async fn a_switch_that_was_killed_behind_the_boot_loader_is_set_back() {
    let world = World::new();
    world.before_switch("kill -9 $PPID; exit 1");
    assert_eq!(world.activate(1).await, Exit::Signal(9));
    assert_eq!(world.host(), ["old"; 3]);
}

#[tokio::test]
async fn a_switch_to_another_system_than_was_built_is_set_back() {
    let world = World::new();
    world.after_switch("ln -sfn \"$WORLD/store/other\" \"$WORLD/current\"");
    assert_eq!(world.activate(1).await, Exit::Code(0));
    assert_eq!(world.host(), ["other", "old", "old"]);
}

#[tokio::test]
async fn what_runs_is_what_boots() {
    let world = world_with(4);
    assert_eq!(world.activate(1).await, Exit::Code(4));
    assert_eq!(world.host(), ["new"; 3]);
}

#[tokio::test]
async fn what_somebody_else_made_the_profile_stays() {
    let world = World::new();
    world.on(
        "switch",
        "for link in profile boot-default; do ln -sfn \"$WORLD/store/other\" \"$WORLD/$link\"; done; exit 1",
    );
    assert_eq!(world.activate(1).await, Exit::Code(1));
    assert_eq!(world.host(), ["old", "other", "other"]);
    assert_eq!(world.calls().len(), 1, "nothing was called after nixos-rebuild");
}

#[tokio::test]
async fn a_boot_default_that_cannot_be_set_back_needs_the_way_back() {
    let world = World::new();
    world.before_switch("exit 100");
    world.write("boot.before", "exit 1");
    let (code, sentence) = before(&world.activate(1).await);
    assert_eq!(code, ReasonCode::ActivationFailed);
    let old = world.system("old");
    assert_eq!(
        sentence,
        format!(
            "the switch ended with exit code 100 (a reboot is required), and the boot default could not be set back to {old}: \
             the command ended with exit code 1"
        )
    );
    assert_eq!(world.host(), ["old", "old", "new"]);
    std::fs::remove_file(world.path("switch.before")).expect("it was there");
    assert_eq!(world.roll_back(2).await, Exit::Code(0));
    assert_eq!(world.host(), ["old"; 3]);
}

#[tokio::test]
async fn a_switch_that_will_be_tried_again_tells_the_trouble_too() {
    let world = World::new();
    world.before_switch("echo 'error: No space left on device' >&2; exit 1");
    world.write("boot.before", "exit 1");
    let (code, sentence) = before(&world.activate(1).await);
    assert_eq!(code, ReasonCode::DiskFull);
    assert!(sentence.contains("No space left on device; the boot default could not be set"), "{sentence}");
}

#[tokio::test]
async fn a_profile_that_cannot_be_set_back_is_said_and_left_to_the_way_back() {
    let world = World::new();
    world.on("switch", "ln -sfn \"$WORLD/store/new\" \"$WORLD/profile\"; exit 1");
    world.write("nix-env.fails", "");
    let (code, sentence) = before(&world.activate(1).await);
    assert_eq!(code, ReasonCode::ActivationFailed);
    assert!(
        sentence.ends_with("ended before anything was activated: nix-env failed with exit code 1"),
        "{sentence}"
    );
    std::fs::remove_file(world.path("nix-env.fails")).expect("it was there");
    assert_eq!(world.roll_back(2).await, Exit::Code(0));
    assert_eq!(world.host(), ["old"; 3]);
}

#[tokio::test]
async fn a_unit_name_that_is_taken_is_busy() {
    let world = World::new();
    world.on(
        "switch",
        "nix-env --profile \"$WORLD/profile\" --set \"$WORLD/store/new\"
        echo 'Failed to start transient service unit: Unit nixos-rebuild-switch-to-configuration.service was already loaded or has a fragment file.' >&2
        exit 1",
    );
    // Who activates has set it, or is about to.
    std::fs::remove_file(world.path("boot-default")).expect("a link");
    std::os::unix::fs::symlink(world.path("store/other"), world.path("boot-default")).expect("a link");
    assert_eq!(world.activate(1).await, Exit::Busy);
    assert_eq!(world.host(), ["old", "old", "other"], "only the profile was ours");
}

#[tokio::test]
async fn a_reason_that_passes_has_not_started() {
    let world = World::new();
    world.on("switch", "echo 'error: writing to file: No space left on device' >&2; exit 1");
    let sentence = "error: writing to file: No space left on device".to_owned();
    assert_eq!(before(&world.activate(1).await), (ReasonCode::DiskFull, sentence));
    // Once the new system runs, it has.
    let world = World::new();
    world.after_switch("echo 'error: writing to file: No space left on device' >&2; exit 1");
    assert_eq!(world.activate(1).await, Exit::Code(1));
}

#[tokio::test]
async fn the_same_number_is_not_run_again() {
    let world = world_with(4);
    assert_eq!(world.activate(1).await, Exit::Code(4));
    assert_eq!(world.activate(1).await, Exit::Code(4));
    assert_eq!(world.count("nixos-rebuild switch"), 1);
}

#[tokio::test]
async fn what_the_switch_says_of_a_connection_is_no_network() {
    let world = World::new();
    world.before_switch("echo 'Error: Failed to get unit states: Connection reset by peer' >&2; exit 1");
    assert_eq!(world.activate(1).await, Exit::Code(1), "the profile was set, so nix had done its part");
    assert_eq!(world.host(), ["old"; 3]);
    // Before that it is nix that speaks.
    let world = World::new();
    world
        .on("switch", "echo \"error: unable to download 'https://c': Connection reset by peer\" >&2; exit 1");
    assert_eq!(before(&world.activate(1).await).0, ReasonCode::Network);
}
