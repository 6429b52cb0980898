//! The files of the state in the hands of programs of other versions.

use pull_agent_e2e::{Agent, World};
use pull_agent_protocol::Outcome;
use serde_json::{Value, json};

/// What was held before is held, and was not tried: not by itself, and not when somebody says *look now*.
#[track_caller]
fn check_held(world: &World, agent: &Agent, bad: &str, builds: usize) {
    agent.nudge();
    agent.wait_for_polls();
    let status = agent.status();
    let held: Vec<_> = status.held.iter().map(|hold| hold.revision.as_str()).collect();
    assert_eq!(held, [bad], "{:?}", status.warnings);
    assert_eq!(agent.revision(bad).0, 500);
    assert_eq!(world.count(&format!("build {bad}")), builds);
}

fn state(world: &World) -> Value {
    let text = std::fs::read_to_string(world.state().join("state.json")).expect("saved");
    serde_json::from_str(&text).expect("it is JSON")
}

/// The file as a later version could write it.
fn write_later(world: &World, mut state: Value, min_reader: u32) {
    state["version"] = json!(3);
    state["min_reader"] = json!(min_reader);
    state["waves"] = json!({ "peers": ["midgard"] });
    if min_reader > 2 {
        state["history"] = json!({ "ended": [{ "word": "sublimated" }] });
        state["deployed"] = json!([]);
    }
    std::fs::write(world.state().join("state.json"), state.to_string()).expect("a file");
}

#[test]
fn a_bad_revision_is_not_tried_again_by_any_version() {
    let (world, agent, _) = World::deployed();
    let before = world.system();
    let bad = world.green("switch exit 2");
    agent.wait_for_end(&bad, Outcome::RolledBack);
    assert_eq!(world.system(), before);
    let (builds, activations) = (world.count(&format!("build {bad}")), world.count("switch"));
    agent.kill();
    let ours = state(&world);
    assert_eq!((&ours["version"], &ours["min_reader"]), (&json!(2), &json!(2)));

    // Down from a later version whose file says nothing to this program …
    write_later(&world, ours.clone(), 3);
    let agent = world.start();
    check_held(&world, &agent, &bad, builds);
    assert!(agent.status().warnings.iter().any(|warning| warning.contains("version 3")));
    assert_eq!(agent.history().len(), 0);
    agent.kill();

    // … up to one that can read what this one left, and down again to this one by way of a file that it may read.
    write_later(&world, ours.clone(), 2);
    let agent = world.start();
    check_held(&world, &agent, &bad, builds);
    assert_eq!(agent.history().len(), 2, "and the history is the old one");
    agent.kill();

    // A word that nobody knows.
    let mut word = ours;
    word["current"] = json!({ "id": 9, "revision": bad, "phase": { "name": "sublimating" } });
    std::fs::write(world.state().join("state.json"), word.to_string()).expect("a file");
    let agent = world.start();
    check_held(&world, &agent, &bad, builds);
    assert_eq!((world.system(), world.count("switch")), (before, activations));

    let mended = world.green("service mended");
    agent.wait_until_runs(&mended);
    assert!(agent.status().held.is_empty());
}

#[test]
fn a_lost_list_of_what_is_held_is_made_anew() {
    let (world, agent, _) = World::deployed();
    let bad = world.green("build fails on purpose");
    agent.wait_for_end(&bad, Outcome::Failed);
    let builds = world.count(&format!("build {bad}"));
    agent.kill();
    std::fs::write(world.state().join("holds.json"), "{\"held\": [{").expect("a file");
    let agent = world.start();
    check_held(&world, &agent, &bad, builds);
    assert!(agent.status().warnings.iter().any(|warning| warning.contains("in the history instead")));
}
