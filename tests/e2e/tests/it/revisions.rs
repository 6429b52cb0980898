//! `GET /v1/revisions/{sha}`: what became of a revision, by the status code.

use std::thread;

use pull_agent_e2e::{Answer, World};
use pull_agent_protocol::{Outcome, Phase, RevisionAnswer, RevisionState};

const UNKNOWN: &str = "0123456789012345678901234567890123456789";

#[track_caller]
fn check(answer: &Answer, code: u16, state: RevisionState, revision: &str) -> RevisionAnswer {
    let body: RevisionAnswer = answer.read();
    assert_eq!((answer.code, body.state), (code, state), "{}", answer.body);
    assert_eq!((body.version, body.revision.as_str()), (1, revision));
    assert!(!body.reason.is_empty());
    body
}

fn path(revision: &str, wait: u32) -> String {
    format!("/v1/revisions/{revision}?wait={wait}")
}

#[test]
fn running_and_its_ancestors() {
    let (world, agent, first) = World::deployed();
    let second = world.green("service second");
    agent.wait_until_runs(&second);
    let body = check(&agent.open.get(&path(&second, 60)), 200, RevisionState::Running, &second);
    assert_eq!(body.deployment, Some(2));
    check(&agent.open.get(&path(&first, 60)), 200, RevisionState::Running, &first);
}

#[test]
fn never_seen() {
    let (_world, agent, _) = World::deployed();
    let body = check(&agent.open.get(&path(UNKNOWN, 0)), 404, RevisionState::Unknown, UNKNOWN);
    assert_eq!(body.deployment, None);
    check(&agent.open.get(&path(UNKNOWN, 1)), 404, RevisionState::Unknown, UNKNOWN);
}

#[test]
fn no_revision_at_all() {
    let (_world, agent, revision) = World::deployed();
    for bad in ["main", "0123456", &format!("{revision}0"), &"g".repeat(40)] {
        let answer = agent.open.get(&format!("/v1/revisions/{bad}"));
        assert_eq!((answer.code, answer.content_type.as_str()), (400, "application/problem+json"), "{bad}");
    }
    for bad in ["soon", "-1", "1.5"] {
        assert_eq!(agent.open.get(&format!("/v1/revisions/{revision}?wait={bad}")).code, 400, "{bad}");
    }
}

#[test]
fn a_wait_goes_from_not_seen_to_running() {
    let (world, agent, _) = World::deployed();
    world.repository.write("hosts/yggdrasil.conf", "service awaited\n");
    let revision = world.repository.commit("awaited");
    world.check(&revision, "completed", Some("success"));
    let client = agent.open.clone();
    let wait = path(&revision, 60);
    let answer = thread::spawn(move || client.get(&wait));
    agent.wait_for_polls();
    world.repository.push();
    let answer = answer.join().expect("an answer");
    check(&answer, 200, RevisionState::Running, &revision);
    agent.wait_until_runs(&revision);
}

#[test]
fn so_many_may_wait_and_others_are_served_all_the_same() {
    let (world, agent, _) = World::deployed();
    world.repository.write("hosts/yggdrasil.conf", "service awaited\n");
    let revision = world.repository.commit("awaited");
    world.check(&revision, "completed", Some("success"));
    let wait = || {
        let (client, path) = (agent.open.clone(), path(&revision, 600));
        thread::spawn(move || client.get(&path))
    };
    let mut waiting: Vec<_> = (0..33).map(|_| wait()).collect();
    let refused = pull_agent_e2e::eventually(|| waiting.iter().position(thread::JoinHandle::is_finished));
    let refused = waiting.swap_remove(refused.expect("no place is left for one")).join().expect("an answer");
    assert_eq!((refused.code, refused.content_type.as_str()), (503, "application/problem+json"));
    assert_eq!(agent.open.get("/v1/status").code, 200);
    assert_eq!(agent.open.get(&path(&revision, 0)).code, 404, "who does not wait needs no place");
    world.repository.push();
    for answer in waiting {
        check(&answer.join().expect("an answer"), 200, RevisionState::Running, &revision);
    }
}

#[test]
fn a_wait_ends_when_it_failed() {
    let (world, agent, _) = World::deployed();
    let revision = world.green("build waits gate\nbuild fails on purpose");
    world.wait_for_call(&format!("build {revision}"));
    let body = check(&agent.open.get(&path(&revision, 0)), 202, RevisionState::Undecided, &revision);
    assert_eq!(body.deployment, Some(2));
    let client = agent.open.clone();
    let wait = path(&revision, 60);
    let answer = thread::spawn(move || client.get(&wait));
    world.open("gate");
    let body = check(&answer.join().expect("an answer"), 500, RevisionState::Failed, &revision);
    assert!(body.reason.contains("failed"), "{}", body.reason);
}

#[test]
fn rolled_back_is_failed() {
    let (world, agent, _) = World::deployed();
    let revision = world.green("switch exit 2");
    agent.wait_for_end(&revision, Outcome::RolledBack);
    let body = check(&agent.open.get(&path(&revision, 60)), 500, RevisionState::Failed, &revision);
    assert!(body.reason.contains("rolled back"), "{}", body.reason);
}

#[test]
fn red_is_refused_but_may_become_green_within_the_wait() {
    let (world, agent, _) = World::deployed();
    let revision = world.commit("service red");
    world.check(&revision, "completed", Some("failure"));
    agent.wait_for("red", |status| status.gate.as_ref().is_some_and(|gate| gate.verdict == "red"));
    let body = check(&agent.open.get(&path(&revision, 1)), 409, RevisionState::Refused, &revision);
    assert!(body.reason.contains("red"), "{}", body.reason);
    let client = agent.open.clone();
    let wait = path(&revision, 60);
    let answer = thread::spawn(move || client.get(&wait));
    world.check(&revision, "completed", Some("success"));
    agent.nudge();
    check(&answer.join().expect("an answer"), 200, RevisionState::Running, &revision);
}

#[test]
fn refused_ends_a_wait_at_once() {
    let (world, agent, first) = World::deployed();
    let second = world.green("service second");
    agent.wait_until_runs(&second);
    world.repository.go_to(&first);
    let forked = world.green("service forked");
    agent.wait_for("a refusal", |status| status.refused.is_some());
    // Without an end at once this would take ten minutes.
    let body = check(&agent.open.get(&path(&forked, 600)), 409, RevisionState::Refused, &forked);
    assert!(body.reason.contains("descend"), "{}", body.reason);
}

#[test]
fn what_is_being_switched_to_is_undecided_although_a_newer_one_is_there() {
    let (world, agent, _) = World::deployed();
    let old = world.green("switch waits gate");
    agent.wait_for("the switch", |status| status.phase == Phase::Activating);
    let new = world.commit("service newer");
    agent.wait_for("the newer one", |status| {
        status.wanted.as_ref().is_some_and(|wanted| wanted.revision == new)
    });
    check(&agent.open.get(&path(&old, 0)), 202, RevisionState::Undecided, &old);
    check(&agent.open.get(&path(&old, 1)), 504, RevisionState::Undecided, &old);
    world.open("gate");
    check(&agent.open.get(&path(&old, 60)), 200, RevisionState::Running, &old);
}

#[test]
fn what_failed_stays_failed_when_another_one_came_after_it() {
    let (world, agent, _) = World::deployed();
    let bad = world.green("switch exit 2");
    agent.wait_for_end(&bad, Outcome::RolledBack);
    let good = world.green("service good");
    agent.wait_until_runs(&good);
    assert!(agent.status().held.is_empty());
    // The good one descends from it: what it was meant to bring runs now.
    check(&agent.open.get(&path(&bad, 60)), 200, RevisionState::Running, &bad);
    world.repository.go_to(&good);
    let unbuilt = world.green("build fails on purpose");
    agent.wait_for_end(&unbuilt, Outcome::Failed);
    world.repository.go_to(&good);
    let beside = world.green("service beside");
    agent.wait_until_runs(&beside);
    check(&agent.open.get(&path(&unbuilt, 60)), 500, RevisionState::Failed, &unbuilt);
}

#[test]
fn overtaken_is_refused() {
    let (world, agent, _) = World::deployed();
    let old = world.green("build waits never");
    world.wait_for_call(&format!("build {old}"));
    let new = world.green("build waits gate");
    agent.wait_for("the newer one", |status| {
        status.current.as_ref().is_some_and(|current| current.revision == new)
    });
    let body = check(&agent.open.get(&path(&old, 600)), 409, RevisionState::Refused, &old);
    assert!(body.reason.contains("newer"), "{}", body.reason);
    world.open("gate");
    agent.wait_until_runs(&new);
    check(&agent.open.get(&path(&old, 0)), 200, RevisionState::Running, &old);
}
