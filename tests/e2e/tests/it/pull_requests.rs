//! CI runs on pull requests only: a merge is green by the check runs of its pull request, if its tree is proven to be theirs.

use pull_agent_e2e::{Agent, REPOSITORY, World, eventually};
use pull_agent_forge::PullSpec;
use pull_agent_protocol::Status;

fn proven(accept: &str) -> (World, Agent, String) {
    World::deployed_with(|config| {
        config.set("gate.accept", accept);
    })
}

/// A pull request of one commit, on a branch of its own; returns its head.
fn open(world: &World, configuration: &str) -> String {
    world.repository.git(&["switch", "--quiet", "--create", "feature"]);
    world.repository.write("hosts/yggdrasil.conf", &format!("{configuration}\n"));
    let head = world.repository.commit(configuration);
    world.repository.git(&["push", "--quiet", "origin", "HEAD:refs/pull/7/head"]);
    world.repository.git(&["switch", "--quiet", "main"]);
    head
}

/// Merges it, and lets the forge say so.
fn squash(world: &World, head: &str) -> String {
    world.repository.git(&["merge", "--quiet", "--squash", "feature"]);
    let merged = world.repository.commit("feature (#7)");
    told(world, head, &merged);
    world.repository.push();
    merged
}

fn told(world: &World, head: &str, merged: &str) {
    world.forge.world().put_pull(PullSpec {
        repository: REPOSITORY.to_owned(),
        number: 7,
        title: "feature".to_owned(),
        head_ref: "feature".to_owned(),
        head_sha: head.to_owned(),
        base_ref: "main".to_owned(),
        base_sha: String::new(),
        merge_commit_sha: Some(merged.to_owned()),
        merged: true,
        commits: Vec::new(),
    });
}

fn verdict(status: &Status) -> &str {
    status.gate.as_ref().map_or("", |gate| gate.verdict.as_str())
}

#[test]
fn a_squashed_pull_request_whose_branch_was_up_to_date_is_deployed() {
    let (world, agent, _) = proven("proven");
    let head = open(&world, "service proven\nbuild waits gate");
    world.check(&head, "completed", Some("success"));
    let before = world.forge.requests().len();
    let merged = squash(&world, &head);
    let status = agent.wait_for("the build", |status| status.current.is_some());
    let gate = status.gate.expect("a verdict");
    assert_eq!((gate.verdict.as_str(), gate.evidence.as_deref()), ("green", Some("pull-request")));
    assert!(gate.detail.contains("pull request #7"), "{}", gate.detail);
    assert_eq!(world.forge.requests().len() - before, 3);
    world.open("gate");
    agent.wait_until_runs(&merged);
}

#[test]
fn a_pull_request_that_is_still_tested_is_waited_for() {
    let (world, agent, _) = proven("proven");
    let head = open(&world, "service patient");
    world.check(&head, "in_progress", None);
    let merged = squash(&world, &head);
    let status = agent.wait_for("pending", |status| verdict(status) == "pending");
    let detail = status.gate.expect("a verdict").detail;
    assert!(detail.contains("pull request #7"), "{detail}");
    world.check(&head, "completed", Some("success"));
    agent.wait_until_runs(&merged);
}

#[test]
fn a_branch_that_was_not_up_to_date_is_unproven_and_waits() {
    let (world, agent, first) = proven("proven");
    let head = open(&world, "service unproven");
    world.check(&head, "completed", Some("success"));
    world.repository.write("other", "by somebody else");
    world.repository.commit("other");
    let merged = squash(&world, &head);
    let status = agent.wait_for("unproven", |status| verdict(status) == "unproven");
    let detail = status.gate.expect("a verdict").detail;
    for words in
        ["pull request #7", "the branch had moved on", "CI run on pushes", "up to date before merging"]
    {
        assert!(detail.contains(words), "{words:?} is not in {detail}");
    }
    assert!(status.summary.contains("unproven"), "{}", status.summary);
    assert_eq!(agent.revision(&merged).0, 409);
    agent.wait_for_polls();
    assert_eq!(agent.status().running.revision, Some(first));
    // CI on the branch itself helps.
    world.check(&merged, "completed", Some("success"));
    agent.wait_until_runs(&merged);
}

#[test]
fn with_accept_merged_it_is_deployed_and_warned_about() {
    let (world, agent, _) = proven("merged");
    let head = open(&world, "service merged");
    world.check(&head, "completed", Some("success"));
    world.repository.write("other", "by somebody else");
    world.repository.commit("other");
    let merged = squash(&world, &head);
    agent.wait_until_runs(&merged);
    assert!(agent.status().warnings.iter().any(|warning| warning.contains("gate.accept")));
}

#[test]
fn the_green_pull_request_below_a_red_one_runs() {
    let (world, agent, _) = World::deployed_with(|config| {
        config.set("gate.accept", "proven").set("gate.newest_green_after", "1s");
    });
    let head = open(&world, "service proven");
    world.check(&head, "completed", Some("success"));
    let merged = squash(&world, &head);
    let red = world.commit("service broken");
    world.check(&red, "completed", Some("failure"));
    let runs = || (agent.status().running.revision.as_deref() == Some(&merged)).then_some(());
    assert!(eventually(runs).is_some(), "{:?}", agent.status());
}
