//! A forge that does everything but answer: the system stays what it was, status says why in one harmless line, the agent's memory stays
//! small, and the first good answer is enough.

use std::fmt::Write as _;

use pull_agent_e2e::{Agent, CHECK, World};
use pull_agent_forge::{Fault, Kind};

/// Most memory that the agent may ever have had, in kB.
const MOST_KB: u64 = 64 * 1024;

/// One behaviour: its name, what the forge does, and words of the verdict that follows.
type Behaviour = (&'static str, Kind, &'static [&'static str]);

fn status(status: u16) -> Kind {
    Kind::Status { status, headers: Vec::new() }
}

fn garbage(body: impl Into<String>) -> Kind {
    Kind::Garbage { body: body.into() }
}

/// A list with one run of the named check, as text.
fn run(more: &str) -> Kind {
    garbage(format!(
        "{{\"total_count\": 1, \"check_runs\": [{{\"id\": 1, \"name\": {CHECK:?}, \"app\": {{\"id\": 15368}}, {more}}}]}}"
    ))
}

fn redirect(status: u16, location: &str) -> Kind {
    Kind::Redirect { status, location: location.to_owned() }
}

/// What has an end by itself.
fn behaviours() -> Vec<Behaviour> {
    let long = "x".repeat(900_000);
    let success = r#""status": "completed", "conclusion": "success""#;
    let other = "0123456789012345678901234567890123456789";
    vec![
        ("an error of its own", status(500), &["500"]),
        ("a gateway", status(502), &["502"]),
        ("nothing at all", status(204), &["204"]),
        ("several choices", status(300), &["300"]),
        ("not modified, though nobody asked", status(304), &["304"]),
        ("no such thing", status(404), &["404"]),
        ("legal reasons", status(451), &["451"]),
        ("an empty body", garbage(""), &["200 OK"]),
        ("a page for people", garbage("<html><script>alert(1)</script></html>"), &["200 OK"]),
        ("a list that is none", garbage("[]"), &["not with a list of check runs"]),
        ("nothing of a list", garbage("{\"check_runs\": null}"), &["not with a list of check runs"]),
        ("wrong types", garbage("{\"check_runs\": [{\"id\": \"x\"}]}"), &["not with a list of check runs"]),
        ("deep JSON", garbage("[".repeat(200_000)), &["not with a list of check runs"]),
        ("deep objects", garbage("{\"check_runs\":".repeat(100_000)), &["not with a list of check runs"]),
        (
            "bytes that are no text",
            garbage("{\"check_runs\": \"\\ud800\"}"),
            &["not with a list of check runs"],
        ),
        ("no commit", run(success), &["names no commit"]),
        ("another commit", run(&format!("{success}, \"head_sha\": {other:?}")), &["another commit"]),
        (
            "a long name of a commit",
            run(&format!("{success}, \"head_sha\": \"{long}\"")),
            &["another commit"],
        ),
        ("a cut body", Kind::Cut { after: 10 }, &["broke off"]),
        ("a cut head", Kind::Cut { after: 0 }, &[]),
        ("elsewhere", redirect(302, "http://127.0.0.1:1/"), &["redirect"]),
        ("elsewhere by name", redirect(301, "https://example.org/repos"), &["redirect"]),
        ("to itself", redirect(307, "/repos/poby/infra/commits/x/check-runs"), &["redirect"]),
        ("nowhere", redirect(308, ""), &[]),
        ("huge header fields", Kind::Status { status: 503, headers: field("x-long", &long[..300_000]) }, &[]),
        ("a body without end", Kind::Endless, &["more than"]),
    ]
}

fn field(name: &str, value: &str) -> Vec<(String, String)> {
    vec![(name.to_owned(), value.to_owned())]
}

/// The agent asks about a new tip and comes to a verdict that does not let it pass.
fn stays(world: &World, agent: &Agent, number: usize, behaviour: Behaviour) {
    let (name, kind, words) = behaviour;
    let before = world.system();
    world.forge.clear_faults();
    world.forge.fault(Fault::always(kind));
    let revision = world.green(&format!("service hostile-{number}"));
    let status = agent.wait_for(name, |status| {
        status.wanted.as_ref().is_some_and(|wanted| wanted.revision == revision) && status.gate.is_some()
    });
    let gate = status.gate.expect("just seen");
    assert_eq!(gate.verdict, "unavailable", "{name}: {}", gate.detail);
    for word in words {
        assert!(gate.detail.contains(word), "{name}: {word:?} is not in {:?}", gate.detail);
    }
    for text in [&gate.detail, &status.summary] {
        assert!(!text.chars().any(char::is_control), "{name}: {text:?}");
        assert!(text.len() < 2_000, "{name}: {} bytes are no sentence", text.len());
    }
    assert_eq!((world.system(), world.count(&format!("build {revision}"))), (before, 0), "{name}");
}

/// VmHWM of proc_pid_status(5), in kB.
fn most_memory(agent: &Agent) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", agent.id())).expect("it runs");
    let line = status.lines().find(|line| line.starts_with("VmHWM:")).expect("the kernel tells it");
    line.split_whitespace().nth(1).and_then(|kb| kb.parse().ok()).expect("a number")
}

#[test]
fn whatever_it_answers_the_old_system_stays() {
    let (world, agent, _) = World::deployed_with(|config| {
        config.set("gate.newest_green_after", "never");
    });
    let all = behaviours();
    assert!(all.len() >= 20, "{} behaviours", all.len());
    for (number, behaviour) in all.into_iter().enumerate() {
        stays(&world, &agent, number, behaviour);
    }
    let most = most_memory(&agent);
    assert!(most < MOST_KB, "{most} kB");
    world.forge.clear_faults();
    let good = world.green("service good");
    agent.wait_until_runs(&good);
}

#[test]
fn words_of_the_forge_reach_nobody_as_they_come() {
    let (world, agent, _) = World::deployed_with(|config| {
        config.set("gate.newest_green_after", "never");
    });
    let mut escaped = String::new();
    for word in ["failure\nREADY=1\nSTATUS=fine", "\u{1b}[2J\u{1b}]0;title\u{7}", "\u{202e}\u{200b}\r\n\u{0}"]
    {
        write!(escaped, "{word}").expect("a string takes everything");
    }
    let revision = world.commit("service words");
    world.forge.put_check(
        &pull_agent_forge::CheckSpec::new("poby/infra", &revision, CHECK)
            .status("completed")
            .conclusion(Some(&escaped)),
    );
    let status = agent.wait_for("a verdict", |status| {
        status.wanted.as_ref().is_some_and(|wanted| wanted.revision == revision)
            && status.gate.as_ref().is_some_and(|gate| gate.verdict != "pending")
    });
    let gate = status.gate.expect("just seen");
    assert_ne!(gate.verdict, "green");
    let conclusions = gate.checks.iter().filter_map(|check| check.conclusion.as_ref());
    for text in conclusions.chain([&gate.detail, &status.summary]) {
        assert!(!text.chars().any(char::is_control), "{text:?}");
    }
}

#[test]
fn a_forge_that_never_ends_its_answer_is_left_after_half_a_minute() {
    let (world, agent, _) = World::deployed_with(|config| {
        config.set("gate.newest_green_after", "never");
    });
    let endless: [Behaviour; 2] = [
        ("silence", Kind::Hang, &["did not answer within 30 s"]),
        ("a drip", Kind::Drip { ms: 40 }, &["did not end within"]),
    ];
    for (number, behaviour) in endless.into_iter().enumerate() {
        stays(&world, &agent, number, behaviour);
    }
    world.forge.clear_faults();
    let good = world.green("service good");
    agent.wait_until_runs(&good);
}
