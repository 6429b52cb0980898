//! The newest green commit is deployed while the tip is not green.

use std::thread::sleep;
use std::time::{Duration, Instant};

use pull_agent_e2e::{Agent, World, eventually};
use pull_agent_protocol::Outcome;

/// Waits until this revision runs, whatever is wanted beside it.
#[track_caller]
fn wait_until_it_runs(agent: &Agent, revision: &str) {
    agent.wait_for(revision, |status| {
        status.running.revision.as_deref() == Some(revision) && status.current.is_none()
    });
}

fn after(length: &str) -> (World, Agent, String) {
    World::deployed_with(|config| {
        config.set("gate.newest_green_after", length);
    })
}

#[test]
fn a_busy_branch_does_not_starve_the_host() {
    let (world, agent, first) = after("3s");
    let mut commits: Vec<(Instant, String, bool)> = Vec::new();
    let begin = Instant::now();
    let deployed = eventually(|| {
        // A commit each 3 s, and each is green 6 s later: the tip itself never is.
        if commits.last().is_none_or(|(at, ..)| at.elapsed() >= Duration::from_secs(3)) {
            let revision = world.commit(&format!("service number-{}", commits.len()));
            commits.push((Instant::now(), revision, false));
        }
        for (at, revision, green) in &mut commits {
            if !*green && at.elapsed() >= Duration::from_secs(6) {
                world.check(revision, "completed", Some("success"));
                *green = true;
            }
        }
        sleep(Duration::from_millis(100));
        let running = agent.status().running.revision?;
        let among = commits.iter().any(|(_, revision, _)| *revision == running);
        (among && agent.history().len() >= 3).then_some(running)
    });
    let running = deployed.unwrap_or_else(|| panic!("stayed at {first} for {:?}", begin.elapsed()));
    let newest = &commits.last().expect("some").1;
    assert_ne!(&running, newest, "the tip is not green");
    assert!(agent.history().iter().all(|deployment| deployment.outcome == Outcome::Deployed));
}

#[test]
fn a_commit_without_checks_on_top_does_not_keep_a_green_one_waiting() {
    let (world, agent, _) = after("1s");
    let green = world.commit("service useful");
    let bot = world.commit_docs("[skip ci]");
    agent.wait_for("the bot's commit", |status| {
        status.wanted.as_ref().is_some_and(|wanted| wanted.revision == bot) && status.gate.is_some()
    });
    world.check(&green, "completed", Some("success"));
    wait_until_it_runs(&agent, &green);
    let status = agent.status();
    let wanted = status.wanted.expect("the tip");
    assert_eq!(wanted.revision, bot);
    assert_eq!(agent.revision(&bot).0, 202);
    assert_eq!(status.gate.expect("a verdict").verdict, "pending");
}

#[test]
fn below_a_red_tip_the_green_one_runs_and_status_says_so() {
    let (world, agent, _) = after("1s");
    let green = world.commit("service useful");
    let red = world.commit("service broken");
    world.check(&red, "completed", Some("failure"));
    assert_eq!(agent.control.post("/v1/pause", "{}").code, 200);
    agent.wait_for("red", |status| status.gate.as_ref().is_some_and(|gate| gate.verdict == "red"));
    world.check(&green, "completed", Some("success"));
    let status = agent.wait_for("the older one", |status| status.candidate.is_some());
    let candidate = status.candidate.expect("just seen");
    assert_eq!((candidate.revision.as_str(), candidate.verdict.as_str()), (green.as_str(), "green"));
    assert_eq!(candidate.subject.as_deref(), Some("service useful"));
    assert!(status.summary.contains(&green[..7]), "{}", status.summary);
    assert_eq!(status.wanted.expect("the tip").revision, red);
    assert_eq!(agent.revision(&green).0, 202);
    assert_eq!(agent.control.post("/v1/resume", "{}").code, 200);
    wait_until_it_runs(&agent, &green);
    assert_eq!(world.count(&format!("build {red}")), 0);
    assert_eq!(agent.status().candidate, None);
}

#[test]
fn what_a_revert_takes_back_is_not_activated_while_the_revert_waits() {
    let (world, agent, first) = after("1s");
    let bad = world.commit("service bad");
    world.repository.git(&["revert", "--no-edit", &bad]);
    let revert = world.repository.git(&["rev-parse", "HEAD"]);
    world.repository.push();
    world.check(&revert, "in_progress", None);
    agent.wait_for("the revert", |status| {
        status.wanted.as_ref().is_some_and(|wanted| wanted.revision == revert) && status.gate.is_some()
    });
    world.check(&bad, "completed", Some("success"));
    for _ in 0..8 {
        agent.wait_for_polls();
        assert_eq!(agent.status().candidate, None);
    }
    assert_eq!(agent.status().running.revision, Some(first));
    assert_eq!(world.count(&format!("build {bad}")), 0);
    world.check(&revert, "completed", Some("success"));
    agent.wait_until_runs(&revert);
}

#[test]
fn the_first_deployment_may_be_of_a_commit_below_the_tip() {
    let mut world = World::new();
    world.config.set("gate.newest_green_after", "1s");
    let green = world.green("service useful");
    let red = world.commit("service broken");
    world.check(&red, "completed", Some("failure"));
    let agent = world.start();
    wait_until_it_runs(&agent, &green);
}

#[test]
fn it_can_be_turned_off() {
    let (world, agent, first) = after("never");
    let green = world.commit("service useful");
    let red = world.commit("service broken");
    world.check(&red, "completed", Some("failure"));
    agent.wait_for("red", |status| status.gate.as_ref().is_some_and(|gate| gate.verdict == "red"));
    world.check(&green, "completed", Some("success"));
    for _ in 0..4 {
        agent.wait_for_polls();
    }
    assert_eq!(agent.status().running.revision, Some(first));
    assert_eq!(world.count(&format!("build {green}")), 0);
}
