//! A commit's way to the host, and what keeps it from getting there before anything is built.

use pull_agent_e2e::{CHECK, HOST, World};
use pull_agent_forge::{CheckSpec, Fault, Kind};
use pull_agent_protocol::{Outcome, Phase, RevisionState};

#[test]
fn green_is_deployed() {
    let (world, agent, revision) = World::deployed();
    assert!(world.runs("service norns"));
    assert_eq!(world.profile(), world.system(), "what runs is what the next boot brings");
    let last = agent.wait_for_end(&revision, Outcome::Deployed);
    assert_eq!(last.previous_system.as_deref(), Some(world.first_system.as_str()));
    assert_eq!(last.system.as_deref(), Some(world.system().as_str()));
    assert_eq!(agent.status().phase, Phase::Idle);
}

#[test]
fn red_is_not_deployed_until_a_rerun_is_green() {
    let (world, agent, _) = World::deployed();
    let before = world.system();
    let revision = world.commit("service red");
    world.check(&revision, "completed", Some("failure"));
    let status = agent
        .wait_for("a red verdict", |status| status.gate.as_ref().is_some_and(|gate| gate.verdict == "red"));
    assert_eq!(status.phase, Phase::Gating);
    assert!(status.summary.contains("red") && status.summary.contains(CHECK), "{}", status.summary);
    agent.wait_for_polls();
    assert_eq!(world.system(), before);
    assert_eq!(world.count(&format!("build {revision}")), 0);
    let (code, answer) = agent.revision(&revision);
    assert_eq!((code, answer.state), (409, RevisionState::Refused), "{}", answer.reason);

    world.check(&revision, "completed", Some("success"));
    agent.nudge();
    agent.wait_until_runs(&revision);
}

#[test]
fn every_conclusion_but_success_keeps_it_away() {
    let (world, agent, deployed) = World::deployed();
    let revision = world.commit("service doubtful");
    for conclusion in
        ["failure", "cancelled", "timed_out", "action_required", "neutral", "skipped", "stale", "new_word"]
    {
        world.check(&revision, "completed", Some(conclusion));
        agent.nudge();
        let status = agent.wait_for(conclusion, |status| {
            let check = status.gate.as_ref().and_then(|gate| gate.checks.first());
            check.is_some_and(|check| check.conclusion.as_deref() == Some(conclusion))
        });
        assert_eq!(status.running.revision.as_deref(), Some(deployed.as_str()));
        assert!(status.current.is_none());
    }
    assert_eq!(world.count(&format!("build {revision}")), 0);
}

#[test]
fn without_checks_it_waits() {
    let (world, agent, _) = World::deployed();
    let revision = world.commit("service unchecked");
    let status = agent.wait_for("a pending verdict", |status| {
        status.gate.as_ref().is_some_and(|gate| gate.verdict == "pending")
    });
    assert_eq!(status.phase, Phase::Gating);
    let check = &status.gate.expect("just seen").checks[0];
    assert_eq!((check.name.as_str(), check.conclusion.as_deref()), (CHECK, None));
    assert!(status.summary.contains(CHECK), "{}", status.summary);
    // Checks of another app prove nothing.
    world.forge.put_check(
        &CheckSpec::new("poby/infra", &revision, CHECK)
            .status("completed")
            .conclusion(Some("success"))
            .app(99),
    );
    agent.nudge();
    agent.wait_for_polls();
    assert_eq!(world.count(&format!("build {revision}")), 0);
    assert_eq!(agent.revision(&revision).0, 202);
}

#[test]
fn pending_becomes_green() {
    let (world, agent, _) = World::deployed();
    let revision = world.commit("service slow");
    world.check(&revision, "in_progress", None);
    let status = agent.wait_for("a check in progress", |status| {
        let check = status.gate.as_ref().and_then(|gate| gate.checks.first());
        check.is_some_and(|check| check.status == "in_progress")
    });
    assert_eq!(status.phase, Phase::Gating);
    world.check(&revision, "completed", Some("success"));
    agent.wait_until_runs(&revision);
}

#[test]
fn a_forge_that_is_down_is_not_green() {
    let (world, agent, _) = World::deployed();
    world.forge.fault(Fault::always(Kind::Status { status: 503, headers: Vec::new() }));
    let revision = world.green("service later");
    let status = agent.wait_for("no verdict", |status| {
        status.gate.as_ref().is_some_and(|gate| gate.verdict == "unavailable")
    });
    let detail = status.gate.expect("just seen").detail;
    assert!(detail.contains("503"), "{detail}");
    assert_eq!(status.phase, Phase::Gating);
    assert_eq!(world.count(&format!("build {revision}")), 0);
    world.forge.clear_faults();
    agent.wait_until_runs(&revision);
}

#[test]
fn without_a_forge_every_commit_counts() {
    let (world, agent, revision) = World::deployed_with(|config| {
        config.set("gate.forge", "none");
    });
    let status = agent.status();
    assert!(status.warnings.iter().any(|warning| warning.contains("gate.forge")), "{:?}", status.warnings);
    assert_eq!(status.running.revision.as_deref(), Some(revision.as_str()));
    let unchecked = world.commit("service anything");
    agent.wait_until_runs(&unchecked);
    assert!(world.forge.requests().is_empty(), "nobody asked the forge");
}

#[test]
fn what_changes_nothing_activates_nothing() {
    let (world, agent, first) = World::deployed();
    let before = world.system();
    let switches = world.count("switch");
    let revision = world.commit_docs("how to cross the bridge");
    world.check(&revision, "completed", Some("success"));
    let last = agent.wait_for_end(&revision, Outcome::Unchanged);
    assert_eq!(last.previous_system, last.system);
    assert_eq!((world.system(), world.count("switch")), (before, switches));
    agent.wait_until_runs(&revision);
    assert_eq!(agent.revision(&first).0, 200, "a descendant of it runs");
}

#[test]
fn a_forced_push_is_refused_until_it_is_accepted() {
    let (world, agent, first) = World::deployed();
    let second = world.green("service second");
    agent.wait_until_runs(&second);
    world.repository.go_to(&first);
    let forked = world.green("service forked");
    let status = agent.wait_for("a refusal", |status| status.refused.is_some());
    let refused = status.refused.expect("just seen");
    assert_eq!(
        (refused.revision.as_str(), refused.deployed.as_deref()),
        (forked.as_str(), Some(second.as_str()))
    );
    assert_eq!(status.phase, Phase::Idle);
    assert_eq!(status.wanted.expect("wanted all the same").revision, forked);
    assert_eq!(agent.revision(&forked).0, 409);
    agent.wait_for_polls();
    assert_eq!(world.count(&format!("build {forked}")), 0);

    let body = format!("{{\"revision\": \"{forked}\"}}");
    assert_eq!(agent.control.post("/v1/accept", &body).code, 200);
    agent.wait_until_runs(&forked);
    // The leave was for once: back again is a forced push like any other.
    world.repository.go_to(&second);
    world.repository.push();
    agent.wait_for("a refusal", |status| {
        status.refused.as_ref().is_some_and(|refused| refused.revision == second)
    });
}

#[test]
fn an_older_tip_is_refused() {
    let (world, agent, first) = World::deployed();
    let second = world.green("service second");
    agent.wait_until_runs(&second);
    world.repository.go_to(&first);
    world.repository.push();
    let status = agent.wait_for("a refusal", |status| status.refused.is_some());
    assert_eq!(status.refused.expect("just seen").revision, first);
    assert_eq!(status.running.revision.as_deref(), Some(second.as_str()));
}

#[test]
fn a_remote_that_is_gone_is_said_and_comes_back() {
    let (world, agent, _) = World::deployed();
    let bare = world.repository.bare();
    let aside = bare.with_extension("aside");
    std::fs::rename(&bare, &aside).expect("renamed");
    let status = agent.wait_for("an error", |status| status.source.error.is_some());
    assert!(status.summary.contains("cannot be polled"), "{}", status.summary);
    std::fs::rename(&aside, &bare).expect("renamed");
    let revision = world.green("service back");
    agent.wait_until_runs(&revision);
    assert_eq!(agent.status().source.error, None);
}

#[test]
fn the_first_start_adopts_what_runs() {
    let world = World::new();
    let agent = world.start();
    let status = agent.status();
    assert_eq!(status.running.system.as_deref(), Some(world.first_system.as_str()));
    assert_eq!((status.running.revision, status.running.deployed_at), (None, None));
    assert!(!status.running.drift, "there is nothing yet that it could have drifted from");
    assert!(
        status.warnings.iter().any(|text| text.contains("nothing was deployed")),
        "{:?}",
        status.warnings
    );
    assert_eq!(status.last_deployment, None);
    assert_eq!(status.host, HOST);
}

#[test]
fn drift_is_seen_and_starts_nothing() {
    let (world, agent, revision) = World::deployed();
    let link = world.path("current-system");
    std::fs::remove_file(&link).expect("it was there");
    std::os::unix::fs::symlink(&world.first_system, &link).expect("a new link");
    let status = agent.wait_for("drift", |status| status.running.drift);
    assert_eq!(status.running.system.as_deref(), Some(world.first_system.as_str()));
    assert_eq!(status.running.revision, None, "no deployment had this path");
    agent.wait_for_polls();
    assert_eq!((world.system().as_str(), world.count("switch")), (world.first_system.as_str(), 2));
    assert_eq!(agent.revision(&revision).0, 409, "it was deployed and does not run any more");
    // The next green revision is deployed as ever, also when its system is what the agent deployed last.
    let next = world.commit_docs("nothing");
    world.check(&next, "completed", Some("success"));
    agent.wait_until_runs(&next);
    assert!(world.runs("service norns") && !agent.status().running.drift);
}

#[test]
fn another_kernel_asks_for_a_reboot() {
    let (world, agent, _) = World::deployed();
    assert!(agent.status().reboot_required.is_empty());
    let revision = world.green("kernel 6.18");
    let status = agent.wait_until_runs(&revision);
    assert_eq!(status.reboot_required, ["kernel", "initrd", "kernel-modules"]);
}
