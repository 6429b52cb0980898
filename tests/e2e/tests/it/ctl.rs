//! `agentctl` against the real daemon: its words, its JSON, its exit codes.

use std::process::Output;

use pull_agent_e2e::{Agent, World, agentctl};
use pull_agent_protocol::{Deployments, Outcome, Status};

fn out(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// Runs it and wants this exit code.
#[track_caller]
fn check(world: &World, agent: &Agent, arguments: &[&str], code: i32) -> String {
    let output = agent.ctl(world, arguments);
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(code), "{arguments:?}: {} {said}", out(&output));
    if code == 0 { out(&output) } else { said.into_owned() }
}

#[test]
fn status_and_history_say_what_happened() {
    let (world, agent, first) = World::deployed();
    let second = world.green("service second\nbuild fails hash mismatch");
    agent.wait_for_end(&second, Outcome::Failed);
    let words = check(&world, &agent, &["status"], 0);
    for expected in [&first[..7], &second[..7], "held", "service norns", "agentctl retry", "hash mismatch"] {
        assert!(words.contains(expected), "{expected:?} in {words}");
    }
    let status: Status =
        serde_json::from_str(&check(&world, &agent, &["--json", "status"], 0)).expect("one document");
    assert_eq!(status.running.revision, Some(first.clone()));
    let words = check(&world, &agent, &["history"], 0);
    assert!(words.contains("deployed") && words.contains("failed") && words.contains(&first[..7]), "{words}");
    let document: Deployments =
        serde_json::from_str(&check(&world, &agent, &["--json", "history", "-n", "1"], 0))
            .expect("one document");
    assert_eq!(document.deployments.len(), 1);
    let log = check(&world, &agent, &["logs", "1"], 0);
    assert_eq!(log.trim_end(), agent.open.get("/v1/deployments/1/log").body.trim_end());
}

#[test]
fn a_nudge_that_waits_ends_with_the_outcome() {
    let (world, agent, _) = World::deployed_with(|config| {
        config.set("source.poll_interval", "1h");
    });
    let good = world.green("service good");
    check(&world, &agent, &["nudge", "--revision", &good, "--wait"], 0);
    assert_eq!(agent.status().running.revision, Some(good));
    let bad = world.green("build fails on purpose");
    check(&world, &agent, &["nudge", "--revision", &bad, "--wait"], 1);
    let unchecked = world.commit("service unchecked");
    check(&world, &agent, &["nudge", "--revision", &unchecked, "--wait", "--timeout", "2s"], 5);
}

#[test]
fn the_operator_changes_things() {
    let (world, agent, first) = World::deployed();
    check(&world, &agent, &["pause", "--for", "2h", "--reason", "moving disks"], 0);
    let paused = agent.status().paused.expect("paused");
    assert_eq!((paused.reason.as_deref(), paused.until.is_some()), (Some("moving disks"), true));
    check(&world, &agent, &["resume"], 0);
    assert_eq!(agent.status().paused, None);

    let failing = world.green("build fails on purpose");
    let id = agent.wait_for_end(&failing, Outcome::Failed).id;
    check(&world, &agent, &["retry"], 0);
    agent.wait_for("another try", |status| status.last_deployment.as_ref().is_some_and(|last| last.id > id));

    let second = world.green("service second");
    agent.wait_until_runs(&second);
    world.repository.go_to(&first);
    let forked = world.green("service forked");
    agent.wait_for("a refusal", |status| status.refused.is_some());
    check(&world, &agent, &["accept", &forked], 0);
    agent.wait_until_runs(&forked);
}

#[test]
fn exit_codes_tell_what_is_wrong() {
    let (world, agent, _) = World::deployed();
    check(&world, &agent, &["no-such-command"], 2);
    check(&world, &agent, &["pause", "--for", "soon"], 2);
    check(&world, &agent, &["logs", "99"], 1);
    let later = check(&world, &agent, &["rollback"], 1);
    assert!(later.contains("not in this version"), "{later}");
    let mut nobody = world.command(agentctl());
    let output =
        nobody.arg("--socket").arg(world.folder().join("no.sock")).arg("status").output().expect("it starts");
    assert_eq!(output.status.code(), Some(3));
    assert!(output.stdout.is_empty() && !output.stderr.is_empty());
}

#[test]
fn watch_prints_lines_where_there_is_no_terminal() {
    let (world, agent, _) = World::deployed();
    let file = world.folder().join("watch.txt");
    let mut watching = world
        .command(agentctl())
        .arg("--socket")
        .arg(agent.socket())
        .arg("watch")
        .stdout(std::fs::File::create(&file).expect("a file"))
        .spawn()
        .expect("it starts");
    let revision = world.green("service watched");
    agent.wait_until_runs(&revision);
    let seen = pull_agent_e2e::eventually(|| {
        let text = std::fs::read_to_string(&file).ok()?;
        (text.contains(&format!("up to date with {}", &revision[..7]))).then_some(text)
    });
    watching.kill().expect("it watches");
    watching.wait().expect("it can be waited for");
    let text = seen.unwrap_or_else(|| panic!("{:?}", std::fs::read_to_string(&file)));
    assert!(text.contains("activating the configuration") && !text.contains('\u{1b}'), "{text}");
}
