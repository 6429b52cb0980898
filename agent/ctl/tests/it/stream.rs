//! watch: what comes over the events, also when they end and begin anew.

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Stdio};

use serde_json::{Value, json};

use super::agent::Agent;
use super::run::{agentctl, run};
use super::{WANTED, minutes_ago, status, with};

/// A watching program that is ended with the test.
struct Watching(Child);

impl Drop for Watching {
    fn drop(&mut self) {
        let ended = self.0.kill().and_then(|()| self.0.wait());
        assert!(ended.is_ok() || std::thread::panicking(), "{ended:?}");
    }
}

fn watch(agent: &Agent, arguments: &[&str], lines: usize) -> Vec<String> {
    let mut command = agentctl();
    command.arg("--socket").arg(agent.socket()).args(arguments).stdout(Stdio::piped());
    let mut watching = Watching(command.spawn().expect("it runs"));
    let stdout = BufReader::new(watching.0.stdout.take().expect("a pipe"));
    stdout.lines().take(lines).map(|line| line.expect("a line")).collect()
}

fn event(name: &str, data: &Value) -> String {
    format!("event: {name}\ndata: {data}\n\n")
}

fn story() -> Agent {
    let agent = Agent::start();
    let current = json!({"id": 13, "revision": WANTED, "subject": "s", "trigger": "poll", "started_at": minutes_ago(1)});
    let building =
        with(status(), json!({"phase": "building", "summary": "building 3f2a91c", "current": current}));
    let progress = |done: u64, bytes: u64| json!({"builds": {"done": done, "expected": 11}, "bytes": {"done": bytes, "expected": 9 << 20}, "current": ["linux"]});
    let first = [
        event("status", &status()),
        event("status", &status()),
        event("status", &building),
        event("log", &json!({"deployment": 13, "line": "building \u{1b}[31mlinux\u{7}"})),
        event("progress", &progress(3, 0)),
        event("progress", &progress(3, 1 << 20)),
        event("progress", &progress(4, 2 << 20)),
        event("progress", &Value::Null),
        event("later", &json!(1)),
    ];
    agent.answers_as("GET /v1/events", 200, "text/event-stream", first.concat()).answers_as(
        "GET /v1/events",
        200,
        "text/event-stream",
        event("status", &status()),
    );
    agent
}

#[test]
fn news_come_as_plain_lines_and_the_stream_is_taken_up_again() {
    insta::assert_snapshot!(watch(&story(), &["watch"], 7).join("\n"), @r"
    yggdrasil idle: up to date with a81c2f0 (last: deployment 12 of a81c2f0 deployed)
    yggdrasil building: building 3f2a91c
    | building linux
    progress: 3 of 11 built, 0 MiB of 9 MiB fetched: linux
    progress: 4 of 11 built, 2 MiB of 9 MiB fetched: linux
    the agent has ended the stream; waiting for it
    yggdrasil idle: up to date with a81c2f0 (last: deployment 12 of a81c2f0 deployed)
    ");
}

#[test]
fn json_is_a_document_a_line() {
    let lines = watch(&story(), &["--json", "watch"], 4);
    let phases: Vec<_> = lines
        .iter()
        .map(|line| serde_json::from_str::<Value>(line).expect("a document")["phase"].clone())
        .collect();
    assert_eq!(phases, ["idle", "idle", "building", "idle"]);
}

#[test]
fn an_agent_that_was_never_there_is_not_waited_for() {
    let agent = Agent::start();
    std::fs::remove_file(agent.socket()).expect("a socket");
    insta::assert_snapshot!(run(&agent, &["watch"]), @r"
    exit code 3
    --- stderr
    error: no agent answers: <dir>/agent.sock does not exist
    hint: systemctl status pull-agent
    ");
}

#[test]
fn events_that_are_not_understood_end_it() {
    let agent = Agent::start();
    agent.answers_as("GET /v1/events", 200, "text/event-stream", event("status", &json!({"version": 2})));
    insta::assert_snapshot!(run(&agent, &["watch"]), @r"
    exit code 1
    --- stderr
    error: an event status is not understood
    ");
}
