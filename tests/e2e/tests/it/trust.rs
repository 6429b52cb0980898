//! Signatures that the operator wants: a tip without one is refused, whatever the forge and the operator say of it.

use std::process::Command;

use pull_agent_e2e::World;
use pull_agent_protocol::{RefusedFor, RevisionState};

/// A world where one key may sign, and a repository that signs with it.
fn signing() -> World {
    let mut world = World::new();
    let (key, signers) = (world.path("signing-key"), world.path("signers"));
    let made = Command::new("ssh-keygen").args(["-q", "-t", "ed25519", "-N", "", "-f"]).arg(&key).status();
    assert!(made.expect("ssh-keygen is installed").success());
    for (name, value) in
        [("gpg.format", "ssh"), ("user.signingkey", &key.display().to_string()), ("commit.gpgsign", "true")]
    {
        world.repository.git(&["config", name, value]);
    }
    std::fs::write(&signers, "").expect("a new file");
    world.config.set_path("trust.allowed_signers_file", &signers);
    world
}

fn allow(world: &World) {
    let public = std::fs::read_to_string(world.path("signing-key.pub")).expect("ssh-keygen wrote it");
    std::fs::write(world.path("signers"), format!("poby@example.org {public}")).expect("written");
}

#[test]
fn a_key_that_is_added_to_the_file_is_enough() {
    let world = signing();
    let first = world.green("service first");
    let agent = world.start();
    let status = agent.wait_for("a refusal", |status| status.refused.is_some());
    let refused = status.refused.expect("just seen");
    assert_eq!((refused.kind, refused.deployed), (RefusedFor::Signature, None));
    assert!(refused.reason.contains("which is not in "), "{}", refused.reason);
    assert!(status.summary.contains("is refused: "), "{}", status.summary);
    allow(&world);
    agent.wait_until_runs(&first);
}

#[test]
fn accept_does_not_override_it_and_the_next_signed_one_is_deployed() {
    let world = signing();
    allow(&world);
    let first = world.green("service first");
    let agent = world.start();
    agent.wait_until_runs(&first);
    world.repository.git(&["config", "commit.gpgsign", "false"]);
    let unsigned = world.green("service unsigned");
    let status = agent.wait_for("a refusal", |status| status.refused.is_some());
    let refused = status.refused.expect("just seen");
    assert_eq!((refused.kind, refused.deployed.as_deref()), (RefusedFor::Signature, Some(first.as_str())));
    assert!(refused.reason.contains("carries no signature"), "{}", refused.reason);
    assert_eq!(agent.revision(&unsigned).1.state, RevisionState::Refused);

    let answer = agent.control.post("/v1/accept", &format!("{{\"revision\": \"{unsigned}\"}}"));
    assert_eq!(answer.code, 409);
    assert!(answer.body.contains("refused for its signature"), "{}", answer.body);
    let said = agent.ctl(&world, &["status"]);
    let said = String::from_utf8_lossy(&said.stdout).into_owned();
    assert!(said.contains("each poll looks again") && !said.contains("agentctl accept"), "{said}");
    agent.wait_for_polls();
    assert_eq!(world.count(&format!("build {unsigned}")), 0);

    world.repository.git(&["config", "commit.gpgsign", "true"]);
    let signed = world.green("service signed");
    agent.wait_until_runs(&signed);
}

#[test]
fn every_commit_is_looked_at_where_that_is_wanted() {
    let mut world = signing();
    allow(&world);
    world.config.set("trust.every_commit", true);
    let first = world.green("service first");
    let agent = world.start();
    agent.wait_until_runs(&first);
    world.repository.git(&["config", "commit.gpgsign", "false"]);
    world.repository.write("unsigned", "x");
    let unsigned = world.repository.commit("unsigned");
    world.repository.git(&["config", "commit.gpgsign", "true"]);
    world.green("service signed");
    let status = agent.wait_for("a refusal", |status| status.refused.is_some());
    let reason = status.refused.expect("just seen").reason;
    assert!(reason.contains(&unsigned) && reason.contains("carries no signature"), "{reason}");
}
