//! `GET /v1/events`: the status changes, progress and log lines, as they happen.

use std::io::{BufRead, BufReader};

use pull_agent_e2e::{Agent, World};
use pull_agent_protocol::{Phase, Progress, Status};
use reqwest::blocking::Response;
use serde_json::Value;

/// The events of one reader: name and data.
struct Events(BufReader<Response>);

impl Events {
    fn of(agent: &Agent) -> Self {
        let response = agent.open.stream("/v1/events");
        assert_eq!(response.status().as_u16(), 200);
        assert_eq!(response.headers()["content-type"], "text/event-stream");
        Self(BufReader::new(response))
    }

    fn next(&mut self) -> (String, String) {
        let (mut name, mut data) = (String::new(), String::new());
        loop {
            let mut line = String::new();
            let length = self.0.read_line(&mut line).expect("the stream goes on");
            assert!(length > 0, "the stream ended");
            match line.trim_end().split_once(':') {
                Some(("event", value)) => value.trim_start().clone_into(&mut name),
                Some(("data", value)) => data += value.trim_start(),
                // A comment keeps the connection alive.
                Some(_) => {}
                None if data.is_empty() => {}
                None => return (name, data),
            }
        }
    }

    /// Reads on to a status as wished; returns the names, and the log lines, that came before it.
    fn until(&mut self, wish: impl Fn(&Status) -> bool) -> (Vec<String>, Vec<String>) {
        let (mut names, mut lines) = (Vec::new(), Vec::new());
        loop {
            let (name, data) = self.next();
            match name.as_str() {
                "status" => {
                    let status: Status = serde_json::from_str(&data).expect("a status");
                    if wish(&status) {
                        return (names, lines);
                    }
                }
                "log" => {
                    let value: Value = serde_json::from_str(&data).expect("a line");
                    assert!(value["deployment"].is_u64(), "{data}");
                    lines.push(value["line"].as_str().expect("text").to_owned());
                }
                "progress" => drop(serde_json::from_str::<Option<Progress>>(&data).expect("progress")),
                other => panic!("an event named {other:?}"),
            }
            names.push(name);
        }
    }
}

#[test]
fn a_deployment_is_told_as_it_happens() {
    let (world, agent, first) = World::deployed();
    let mut events = Events::of(&agent);
    let (before, _) = events.until(|status| status.running.revision.as_deref() == Some(&first));
    assert!(before.is_empty(), "the first event is the status as it is: {before:?}");
    let revision = world.green("package bifrost 1.0\nbuild waits gate");
    events.until(|status| status.phase == Phase::Building);
    world.open("gate");
    let (names, lines) = events.until(|status| status.running.revision.as_deref() == Some(&revision));
    for name in ["status", "progress", "log"] {
        assert!(names.iter().any(|found| found == name), "{name} in {names:?}");
    }
    for line in ["yggdrasil> waiting for gate", "activating the configuration..."] {
        assert!(lines.iter().any(|found| found == line), "{line:?} in {lines:?}");
    }
    assert_eq!(lines, agent.open.get("/v1/deployments/2/log").body.lines().collect::<Vec<_>>());
}

#[test]
fn a_pause_is_an_event() {
    let (_world, agent, _) = World::deployed();
    let mut events = Events::of(&agent);
    events.until(|status| status.paused.is_none());
    agent.control.post("/v1/pause", "");
    events.until(|status| status.paused.is_some());
    agent.control.post("/v1/resume", "");
    events.until(|status| status.paused.is_none());
}

#[test]
fn sixteen_readers_and_no_more() {
    let (_world, agent, _) = World::deployed();
    let mut readers: Vec<Events> = (0..16).map(|_| Events::of(&agent)).collect();
    readers.iter_mut().for_each(|reader| drop(reader.next()));
    let refused = agent.open.get("/v1/events");
    assert_eq!((refused.code, refused.content_type.as_str()), (503, "application/problem+json"));
    assert_eq!(agent.open.get("/v1/status").code, 200, "others are served");
    drop(readers.pop());
    let free = pull_agent_e2e::eventually(|| {
        let response = agent.open.stream("/v1/events");
        (response.status().as_u16() == 200).then_some(())
    });
    assert!(free.is_some(), "a place that was left is free again");
}
