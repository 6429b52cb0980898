//! A verdict that has grown old while the system was built is asked for again before anything is activated.

use std::thread::sleep;
use std::time::Duration;

use pull_agent_e2e::{Agent, World};
use pull_agent_forge::{Fault, Kind};
use pull_agent_protocol::{Outcome, Phase};

/// A build goes on until its gate is opened; its verdict is too old by then.
fn building() -> (World, Agent, String, String) {
    let (world, agent, first) = World::deployed_with(|config| {
        config.set("gate.max_age", "1s");
    });
    let revision = world.green("build waits gate");
    world.wait_for_call(&format!("build {revision}"));
    sleep(Duration::from_millis(1_100));
    (world, agent, first, revision)
}

#[test]
fn a_check_that_turned_red_while_it_was_built_keeps_it_from_being_activated() {
    let (world, agent, first, revision) = building();
    world.check(&revision, "completed", Some("failure"));
    world.open("gate");
    let ended = agent.wait_for_end(&revision, Outcome::Superseded);
    assert_eq!(ended.reason_code.as_deref(), Some("withdrawn"));
    let reason = ended.reason.expect("why");
    assert!(reason.contains("not green any more") && reason.contains("failure"), "{reason}");
    let status =
        agent.wait_for("red", |status| status.gate.as_ref().is_some_and(|gate| gate.verdict == "red"));
    assert_eq!(status.phase, Phase::Gating);
    assert_eq!(status.running.revision, Some(first));
    assert_eq!(agent.revision(&revision).0, 409);
    assert_eq!(world.count(&format!("switch {revision}")), 0);

    world.check(&revision, "completed", Some("success"));
    agent.wait_until_runs(&revision);
}

#[test]
fn while_the_forge_is_down_what_is_built_waits_and_says_so() {
    let (world, agent, first, revision) = building();
    world.forge.fault(Fault::always(Kind::Status { status: 503, headers: Vec::new() }));
    world.open("gate");
    let status = agent.wait_for("waiting for the forge", |status| {
        status.phase == Phase::Ready && status.summary.contains("asked again before it is activated")
    });
    assert!(status.summary.starts_with(&format!("{} is built; ", &revision[..7])), "{}", status.summary);
    assert_eq!(status.running.revision, Some(first));
    assert_eq!(agent.revision(&revision).0, 202);
    world.forge.clear_faults();
    agent.wait_until_runs(&revision);
    assert_eq!(world.count(&format!("build {revision} ./result")), 1, "it is not built again");
}
