//! What the operator can change: pause, resume, retry, accept.

use pull_agent_e2e::World;
use pull_agent_protocol::{Outcome, Problem, Status};

#[test]
fn a_pause_stops_activations_until_it_is_ended() {
    let (world, agent, first) = World::deployed();
    let answer = agent.control.post("/v1/pause", "{\"reason\": \"moving disks\"}");
    assert_eq!(answer.code, 200);
    let paused = answer.read::<Status>().paused.expect("it is paused");
    assert_eq!((paused.until, paused.reason.as_deref()), (None, Some("moving disks")));
    let user =
        nix::unistd::User::from_uid(nix::unistd::geteuid()).expect("readable").expect("the user has a name");
    assert_eq!(paused.by, user.name);
    let revision = world.green("service later");
    let status = agent.wait_for("a green one that waits", |status| {
        status.gate.as_ref().is_some_and(|gate| gate.verdict == "green")
    });
    assert!(status.summary.contains("paused"), "{}", status.summary);
    agent.kill();

    let agent = world.start();
    assert_eq!(agent.status().paused.and_then(|paused| paused.reason).as_deref(), Some("moving disks"));
    agent.wait_for_polls();
    assert_eq!(agent.status().running.revision.as_deref(), Some(first.as_str()));
    assert_eq!(world.count("switch"), 2);
    let status: Status = agent.control.post("/v1/resume", "").read();
    assert_eq!(status.paused, None);
    agent.wait_until_runs(&revision);
}

#[test]
fn a_build_that_is_done_waits_for_the_end_of_the_pause() {
    let (world, agent, _) = World::deployed();
    let before = world.system();
    let revision = world.green("build waits gate");
    world.wait_for_call(&format!("build {revision}"));
    assert_eq!(agent.control.post("/v1/pause", "").code, 200);
    world.open("gate");
    let status = agent.wait_for("a built one that waits", |status| status.summary.contains("is built"));
    assert_eq!(status.current.expect("in progress").revision, revision);
    agent.wait_for_polls();
    assert_eq!(world.system(), before);
    agent.control.post("/v1/resume", "");
    agent.wait_until_runs(&revision);
}

#[test]
fn a_timed_pause_ends_by_itself() {
    let (world, agent, _) = World::deployed();
    let status: Status = agent.control.post("/v1/pause", "{\"for\": 3}").read();
    let paused = status.paused.expect("it is paused");
    assert!(paused.until.is_some_and(|until| until > paused.since));
    let revision = world.green("service in-time");
    let status = agent.wait_until_runs(&revision);
    assert_eq!(status.paused, None);
}

#[test]
fn a_pause_that_was_over_before_the_start_is_over() {
    let (world, agent, _) = World::deployed();
    assert_eq!(agent.control.post("/v1/pause", "{\"for\": 1}").code, 200);
    agent.kill();
    let revision = world.green("service in-time");
    let agent = world.start();
    agent.wait_until_runs(&revision);
    assert_eq!(agent.status().paused, None);
}

#[test]
fn bad_requests_change_nothing() {
    let (_world, agent, _) = World::deployed();
    for (route, body) in [
        ("pause", "{\"for\": 0}"),
        ("pause", "{\"for\": \"2h\"}"),
        ("pause", "{\"fro\": 7}"),
        ("pause", "{"),
        ("retry", "{\"revision\": \"main\"}"),
        ("accept", ""),
        ("accept", "{}"),
        ("accept", "{\"revision\": \"short\"}"),
    ] {
        let answer = agent.control.post(&format!("/v1/{route}"), body);
        assert_eq!(
            (answer.code, answer.content_type.as_str()),
            (400, "application/problem+json"),
            "{route} {body}"
        );
    }
    assert_eq!(agent.status().paused, None);
    assert_eq!(agent.control.get("/v1/pause").code, 405);
}

#[test]
fn retry_forgets_all_holds() {
    let (world, agent, _) = World::deployed();
    let revision = world.green("build fails on purpose");
    let id = agent.wait_for_end(&revision, Outcome::Failed).id;
    let other = "{\"revision\": \"0123456789012345678901234567890123456789\"}";
    let answer = agent.control.post("/v1/retry", other);
    assert_eq!((answer.code, answer.content_type.as_str()), (409, "application/problem+json"));
    assert_eq!(answer.read::<Problem>().hint.as_deref(), Some("agentctl status"), "{}", answer.body);
    assert_eq!(agent.status().held.len(), 1, "another revision's hold is another's");
    let status: Status = agent.control.post("/v1/retry", "").read();
    assert!(status.held.is_empty());
    agent.wait_for("another try", |status| status.last_deployment.as_ref().is_some_and(|last| last.id > id));
}

#[test]
fn a_hold_survives_restarts() {
    let (world, agent, _) = World::deployed();
    let revision = world.green("build fails on purpose");
    agent.wait_for_end(&revision, Outcome::Failed);
    let held = agent.status().held;
    agent.kill();
    let agent = world.start();
    agent.wait_for_polls();
    assert_eq!(agent.status().held, held);
    assert_eq!(world.count(&format!("build {revision}")), 1);
}

#[test]
fn a_leave_survives_restarts_and_comes_before_the_push() {
    let (world, agent, first) = World::deployed();
    let second = world.green("service second");
    agent.wait_until_runs(&second);
    world.repository.go_to(&first);
    world.repository.write("hosts/yggdrasil.conf", "service forked\n");
    let forked = world.repository.commit("forked");
    world.check(&forked, "completed", Some("success"));
    assert_eq!(agent.control.post("/v1/accept", &format!("{{\"revision\": \"{forked}\"}}")).code, 200);
    agent.kill();
    world.repository.push();
    let agent = world.start();
    agent.wait_until_runs(&forked);
    assert_eq!(agent.status().refused, None);
}
