//! What goes wrong on the host: builds, switches, health, and what follows for the revision.

use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;

use pull_agent_e2e::{World, eventually};
use pull_agent_protocol::{Deployment, Outcome, Phase, Status};

fn reason(deployment: &Deployment) -> &str {
    deployment.reason.as_deref().unwrap_or_default()
}

/// Whether this revision is held, and nothing else.
fn is_held(status: &Status, revision: &str) -> bool {
    status.held.len() == 1 && status.held[0].revision == revision && !status.held[0].reason.is_empty()
}

/// The host is as it was before: what runs and what would be booted.
#[track_caller]
fn check_untouched(world: &World, system: &str) {
    assert_eq!([world.system(), world.profile(), world.boot_default()], [system; 3]);
}

#[test]
fn a_probe_that_the_host_does_not_have_is_a_warning() {
    let command = |program: &str| toml::Value::Array(vec![toml::Value::Array(vec![program.into()])]);
    let (world, agent, _) = World::deployed_with(|config| {
        config.set("health.commands", command("no-such-probe"));
    });
    let warned = |status: &Status| status.warnings.iter().any(|warning| warning.contains("no-such-probe"));
    assert!(warned(&agent.status()), "{:?}", agent.status().warnings);
    // It is there from now on, where the running system has its programs.
    let second = world.green("service second\nswitch waits gate");
    agent.wait_for("the switch", |status| status.phase == Phase::Activating);
    let folder = PathBuf::from(world.built()).join("sw/bin");
    std::fs::create_dir_all(&folder).expect("a folder");
    let program = folder.join("no-such-probe");
    std::fs::write(&program, "#!/bin/sh\nexit 0\n").expect("a program");
    std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).expect("its mode");
    world.open("gate");
    agent.wait_for_end(&second, Outcome::Deployed);
    agent.wait_for("no warning", |status| !warned(status));
}

#[test]
fn what_does_not_build_is_held_until_it_is_retried() {
    let (world, agent, _) = World::deployed();
    let before = world.system();
    let revision = world.green("build fails hash mismatch in bifrost");
    let last = agent.wait_for_end(&revision, Outcome::Failed);
    assert_eq!(last.phase, Some(Phase::Building));
    let status = agent.status();
    assert!(is_held(&status, &revision), "{:?}", status.held);
    assert!(status.summary.contains("held"), "{}", status.summary);
    assert_eq!(status.phase, Phase::Idle);
    check_untouched(&world, &before);
    assert_eq!(agent.revision(&revision).0, 500);
    agent.nudge();
    agent.wait_for_polls();
    assert_eq!(world.count(&format!("build {revision}")), 1, "held is not tried again");

    assert_eq!(agent.control.post("/v1/retry", &format!("{{\"revision\": \"{revision}\"}}")).code, 200);
    agent.wait_for("a second deployment", |status| {
        status.last_deployment.as_ref().is_some_and(|again| again.id > last.id)
    });
    assert_eq!(world.count(&format!("build {revision}")), 2);
    assert!(is_held(&agent.status(), &revision));

    let mended = world.green("service mended");
    agent.wait_until_runs(&mended);
    assert!(agent.status().held.is_empty(), "a newer one runs");
    assert_eq!(agent.revision(&revision).0, 200, "a descendant of it runs");
}

#[test]
fn what_does_not_evaluate_is_held() {
    let (world, agent, _) = World::deployed();
    let revision = world.green("sevrice typo");
    let last = agent.wait_for_end(&revision, Outcome::Failed);
    assert!(reason(&last).contains("undefined variable"), "{:?}", last.reason);
    assert!(is_held(&agent.status(), &revision));
}

#[test]
fn a_cache_that_is_down_is_tried_again() {
    let (world, agent, _) = World::deployed();
    world.fault("cache-unavailable");
    let revision = world.green("service patient");
    let last = agent.wait_for_end(&revision, Outcome::Failed);
    assert!(reason(&last).contains("503"), "{:?}", last.reason);
    assert!(agent.status().held.is_empty());
    assert_eq!(agent.revision(&revision).0, 202, "it is not decided");
    world.heal("cache-unavailable");
    agent.wait_until_runs(&revision);
}

#[test]
fn a_newer_green_tip_takes_the_place_of_a_build() {
    let (world, agent, _) = World::deployed();
    let old = world.green("build stubborn\nbuild waits never");
    world.wait_for_call(&format!("build {old}"));
    let stubborn = world.read("run/stubborn");
    // One that is not green does not.
    let red = world.commit("service red");
    world.check(&red, "completed", Some("failure"));
    agent.wait_for("the red one", |status| status.gate.as_ref().is_some_and(|gate| gate.verdict == "red"));
    assert_eq!(agent.status().current.expect("still building").revision, old);

    let newest = world.green("service newest");
    agent.wait_until_runs(&newest);
    let history = agent.history();
    let superseded = history.iter().find(|deployment| deployment.revision == old).expect("in the history");
    assert_eq!((superseded.outcome, superseded.phase), (Outcome::Superseded, None));
    assert!(!World::is_alive(&stubborn), "a build is ended with everything that it started");
    assert_eq!(world.count(&format!("build {red}")), 0);
}

#[test]
fn silence_is_ended_twice_and_then_held() {
    let (world, agent, _) = World::deployed_with(|config| {
        config.set("rebuild.stall_timeout", "1s");
    });
    let revision = world.green("build hangs");
    agent.wait_for("a hold", |status| is_held(status, &revision));
    assert_eq!(world.count(&format!("build {revision}")), 2);
    let last = agent.wait_for_end(&revision, Outcome::Failed);
    assert_eq!(last.phase, Some(Phase::Building));
}

#[test]
fn a_build_that_takes_too_long_is_ended_twice_and_then_held() {
    let (world, agent, _) = World::deployed_with(|config| {
        config.set("rebuild.build_timeout", "2s");
    });
    let revision = world.green("build seconds 1000");
    agent.wait_for("a hold", |status| is_held(status, &revision));
    assert_eq!(world.count(&format!("build {revision}")), 2);
}

#[test]
fn too_little_room_is_no_reason_to_hold() {
    let (world, agent, _) = World::deployed();
    world.check(&world.commit("service bulky"), "in_progress", None);
    let mut roomy = world;
    roomy.config.set("rebuild.min_free", "1000000GiB");
    roomy.write_config();
    agent.signal(nix::sys::signal::Signal::SIGHUP);
    let revision = roomy.green("service bulkier");
    let last = agent.wait_for_end(&revision, Outcome::Failed);
    assert!(reason(&last).contains("free"), "{:?}", last.reason);
    assert!(agent.status().held.is_empty());
    assert_eq!(roomy.count(&format!("build {revision}")), 0);
}

#[test]
fn an_unhealthy_host_goes_back() {
    let (world, agent, first) = World::deployed_with(|config| {
        config.set("health.deadline", "1s");
    });
    let before = world.system();
    let revision = world.green("service mead-hall\nswitch breaks mead-hall");
    let last = agent.wait_for_end(&revision, Outcome::RolledBack);
    assert_eq!(last.phase, Some(Phase::Confirming));
    assert!(reason(&last).contains("mead-hall.service"), "{:?}", last.reason);
    assert_eq!(last.previous_system.as_deref(), Some(before.as_str()));
    check_untouched(&world, &before);
    assert!(world.runs("service norns"));
    let status = agent.status();
    assert!(is_held(&status, &revision) && status.held[0].reason.contains("mead-hall"), "{:?}", status.held);
    assert_eq!(status.running.revision.as_deref(), Some(first.as_str()));
    assert!(!status.running.drift);
    assert_eq!(agent.revision(&revision).0, 500);
}

#[test]
fn a_host_that_gets_well_in_time_keeps_it() {
    let (world, agent, _) = World::deployed();
    world.fault("unhealthy");
    let revision = world.green("service convalescent");
    let status = agent.wait_for("a failed probe", |status| {
        status.phase == Phase::Confirming && status.summary.contains("not well")
    });
    assert_eq!(status.current.expect("in progress").revision, revision);
    world.heal("unhealthy");
    agent.wait_for_end(&revision, Outcome::Deployed);
}

#[test]
fn policy_can_keep_what_is_unhealthy() {
    let (world, agent, _) = World::deployed_with(|config| {
        config.set("health.deadline", "1s").set("health.on_failure", "report");
    });
    let revision = world.green("service mead-hall\nswitch breaks mead-hall");
    let last = agent.wait_for_end(&revision, Outcome::Degraded);
    assert_eq!(last.phase, Some(Phase::Confirming));
    assert!(reason(&last).contains("mead-hall"), "{:?}", last.reason);
    assert!(world.runs("service mead-hall"));
    let status = agent.wait_until_runs(&revision);
    assert!(status.held.is_empty());
}

/// How a switch with this exit code ends, and whether the old system runs afterwards.
#[track_caller]
fn check_exit(code: i32, outcome: Outcome, phase: Phase, words: &str) {
    check_switch(&format!("switch exit {code}"), outcome, phase, words);
}

/// The same for a switch that goes wrong as this line of the configuration says.
#[track_caller]
fn check_switch(line: &str, outcome: Outcome, phase: Phase, words: &str) {
    let (world, agent, _) = World::deployed();
    let before = world.system();
    let revision = world.green(&format!("service brittle\n{line}"));
    let last = agent.wait_for_end(&revision, outcome);
    assert_eq!(last.phase, Some(phase));
    assert!(reason(&last).contains(words), "{:?}", last.reason);
    let status = agent.status();
    if outcome == Outcome::Degraded {
        assert!(world.runs("service brittle") && status.held.is_empty());
        assert_eq!([world.profile(), world.boot_default()], [world.system(), world.system()]);
    } else {
        check_untouched(&world, &before);
        assert!(is_held(&status, &revision), "{:?}", status.held);
    }
}

#[test]
fn exit_1_stopped_before_anything_was_activated() {
    check_exit(1, Outcome::Failed, Phase::Activating, "before anything was activated");
}

#[test]
fn exit_100_needs_a_reboot_and_activated_nothing() {
    check_exit(100, Outcome::Failed, Phase::Activating, "reboot");
}

#[test]
fn an_error_behind_the_boot_loader_activated_nothing() {
    check_switch("switch stops", Outcome::Failed, Phase::Activating, "before anything was activated");
}

#[test]
fn a_boot_default_that_cannot_be_set_back_is_said() {
    let (world, agent, _) = World::deployed();
    let before = world.system();
    let revision = world.green("switch stops gate");
    let booted = eventually(|| (world.boot_default() != before).then_some(()));
    assert!(booted.is_some(), "the switch sets the boot loader before it stops");
    world.fault("boot-loader-fails");
    world.open("gate");
    let last = agent.wait_for_end(&revision, Outcome::RolledBack);
    assert!(reason(&last).contains("the boot default could not be set back"), "{:?}", last.reason);
    assert!(is_held(&agent.status(), &revision));
    assert_eq!(world.count_of(&format!("switch {before} = 1")), 1, "it was tried on the way back, too");
}

#[test]
fn exit_2_is_a_failed_activation() {
    check_exit(2, Outcome::RolledBack, Phase::Activating, "activation script");
}

#[test]
fn exit_4_hides_no_activation_script_that_failed() {
    let lines = "switch exit 4\nswitch script-fails\nswitch breaks brittle";
    check_switch(lines, Outcome::RolledBack, Phase::Activating, "activation script");
}

#[test]
fn a_switch_that_was_stopped_half_way_is_done_again_to_its_end() {
    let (world, agent, _) = World::deployed();
    let revision = world.green("service bifrost\nswitch stopped");
    agent.wait_for_end(&revision, Outcome::Deployed);
    assert!(world.runs("service bifrost"));
    assert_eq!(
        world.count_of(&format!("switch {} = 0", world.system())),
        2,
        "nixos-rebuild said 0 to the first"
    );
}

#[test]
fn exit_101_is_a_failed_activation() {
    check_exit(101, Outcome::RolledBack, Phase::Activating, "panic");
}

#[test]
fn exit_4_without_probed_units_is_degraded() {
    check_exit(4, Outcome::Degraded, Phase::Activating, "units failed");
}

#[test]
fn exit_11_is_busy_and_tried_again() {
    let (world, agent, _) = World::deployed();
    let before = world.system();
    let lock = std::fs::File::options()
        .write(true)
        .open(world.path("run/switch-to-configuration.lock"))
        .expect("the first switch made it");
    lock.lock().expect("nobody switches now");
    let revision = world.green("service patient");
    let status = agent.wait_for("busy", |status| status.summary.contains("another activation"));
    assert_eq!(status.phase, Phase::Ready);
    check_untouched(&world, &before);
    assert!(status.held.is_empty());
    lock.unlock().expect("it was held");
    agent.wait_until_runs(&revision);
    assert_eq!(agent.history()[0].outcome, Outcome::Deployed);
    assert_eq!(agent.history().len(), 2, "busy is no failure");
}

#[test]
fn another_system_than_was_built_is_a_failed_activation() {
    let (world, agent, _) = World::deployed();
    let before = world.system();
    let revision = world.green(&format!("switch elsewhere {}", world.first_system));
    let last = agent.wait_for_end(&revision, Outcome::RolledBack);
    assert!(reason(&last).contains("another system"), "{:?}", last.reason);
    check_untouched(&world, &before);
}

#[test]
fn a_way_back_that_fails_is_broken_and_loud() {
    let (world, agent, _) = World::deployed();
    let revision = world.green("switch waits gate\nswitch exit 2");
    agent.wait_for("the switch", |status| status.phase == Phase::Activating);
    world.wait_for_call(&format!("switch {}", world.built()));
    world.fault("nix-env-fails");
    world.open("gate");
    let last = agent.wait_for_end(&revision, Outcome::Broken);
    assert!(reason(&last).contains("the way back failed"), "{:?}", last.reason);
    let status = agent.status();
    assert!(status.warnings.iter().any(|text| text.contains("broken")), "{:?}", status.warnings);
    assert!(is_held(&status, &revision));
    assert_eq!(status.running.system.as_deref(), last.system.as_deref(), "what really runs");
    assert_eq!(agent.revision(&revision).0, 500, "nobody may take that for a success");
}
