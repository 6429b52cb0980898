//! The fields and when they are null, the deployments, the log, and what is no good request.

use std::os::unix::fs::PermissionsExt;

use pull_agent_e2e::{Answer, CHECK, HOST, World};
use pull_agent_protocol::{Outcome, Phase, Problem, Trigger};
use serde_json::{Value, json};

/// Names of an object's fields, in alphabetical order.
fn keys(value: &Value) -> Vec<&str> {
    let object = value.as_object().unwrap_or_else(|| panic!("no object: {value}"));
    object.keys().map(String::as_str).collect()
}

/// RFC 3339 in UTC.
#[track_caller]
fn check_time(value: &Value) {
    let text = value.as_str().unwrap_or_else(|| panic!("no time: {value}"));
    let shape: String = text.chars().map(|c| if c.is_ascii_digit() { '0' } else { c }).collect();
    let (date, fraction) = shape.split_at("0000-00-00T00:00:00".len().min(shape.len()));
    assert_eq!(date, "0000-00-00T00:00:00", "{text}");
    assert!(fraction == "Z" || (fraction.starts_with(".0") && fraction.ends_with("0Z")), "{text}");
}

#[track_caller]
fn check_problem(answer: &Answer, code: u16) {
    assert_eq!(
        (answer.code, answer.content_type.as_str()),
        (code, "application/problem+json"),
        "{}",
        answer.body
    );
    let problem: Problem = answer.read();
    assert_eq!(problem.status, code);
    assert!(!problem.title.is_empty() && !problem.detail.is_empty(), "{}", answer.body);
    let more: Vec<_> = keys(&answer.json())
        .into_iter()
        .filter(|key| !matches!(*key, "detail" | "hint" | "status" | "title"))
        .map(str::to_owned)
        .collect();
    assert!(more.is_empty(), "{more:?}");
}

const STATUS: [&str; 20] = [
    "agent",
    "candidate",
    "current",
    "gate",
    "held",
    "host",
    "last_deployment",
    "paused",
    "phase",
    "progress",
    "reboot_required",
    "refused",
    "running",
    "since",
    "source",
    "summary",
    "version",
    "wanted",
    "warnings",
    "",
];
const DEPLOYMENT: [&str; 13] = [
    "durations",
    "finished_at",
    "id",
    "outcome",
    "phase",
    "previous_system",
    "reason",
    "reason_code",
    "revision",
    "started_at",
    "subject",
    "system",
    "trigger",
];

#[test]
fn status_of_a_host_that_is_up_to_date() {
    let (world, agent, revision) = World::deployed();
    let answer = agent.open.get("/v1/status");
    assert_eq!((answer.code, answer.content_type.as_str()), (200, "application/json"));
    let status = answer.json();
    assert_eq!(keys(&status), STATUS[..19]);
    assert_eq!((&status["version"], &status["host"]), (&json!(1), &json!(HOST)));

    assert_eq!(keys(&status["agent"]), ["pid", "runner", "started_at", "version"]);
    assert_eq!(status["agent"]["pid"], json!(agent.id()));
    assert_eq!(status["agent"]["runner"], json!("process"));
    check_time(&status["agent"]["started_at"]);
    assert_eq!(status["phase"], json!("idle"));
    check_time(&status["since"]);
    assert!(status["summary"].as_str().is_some_and(|text| text.contains(&revision[..7])), "{status}");

    assert_eq!(keys(&status["running"]), ["deployed_at", "drift", "revision", "system"]);
    assert_eq!(status["running"]["system"], json!(world.system()));
    assert_eq!(status["running"]["revision"], json!(revision));
    assert_eq!(status["running"]["drift"], json!(false));
    check_time(&status["running"]["deployed_at"]);

    for field in ["wanted", "gate", "current", "refused", "progress", "paused"] {
        assert_eq!(status[field], Value::Null, "{field}");
    }
    for field in ["held", "reboot_required"] {
        assert_eq!(status[field], json!([]), "{field}");
    }
    assert!(status["warnings"].is_array());

    assert_eq!(keys(&status["source"]), ["branch", "error", "last_poll_at", "last_success_at", "url"]);
    assert_eq!((&status["source"]["branch"], &status["source"]["error"]), (&json!("main"), &Value::Null));
    assert_eq!(status["source"]["url"], json!(format!("file://{}", world.repository.bare().display())));
    check_time(&status["source"]["last_poll_at"]);
    check_time(&status["source"]["last_success_at"]);

    assert_eq!(keys(&status["last_deployment"]), DEPLOYMENT);
    assert_eq!(status["last_deployment"]["outcome"], json!("deployed"));
}

#[test]
fn status_before_anything_was_seen() {
    let world = World::new();
    let agent = world.start();
    let status = agent.open.get("/v1/status").json();
    assert_eq!(keys(&status), STATUS[..19]);
    assert_eq!(status["running"]["revision"], Value::Null);
    assert_eq!(status["running"]["deployed_at"], Value::Null);
    assert_eq!(status["last_deployment"], Value::Null);
    assert_eq!(status["wanted"], Value::Null);
    assert_eq!(agent.open.get("/v1/deployments").json(), json!({"version": 1, "deployments": []}));
}

#[test]
fn status_while_checks_run() {
    let (world, agent, _) = World::deployed();
    let revision = world.commit("service pending");
    world.check(&revision, "in_progress", None);
    agent.wait_for("the check", |status| {
        status.gate.as_ref().is_some_and(|gate| gate.checks[0].status == "in_progress")
    });
    let status = agent.open.get("/v1/status").json();
    assert_eq!(keys(&status["wanted"]), ["author", "revision", "seen_at", "subject"]);
    assert_eq!(status["wanted"]["revision"], json!(revision));
    assert_eq!(status["wanted"]["subject"], json!("service pending"));
    assert_eq!(status["wanted"]["author"], json!("poby"));
    check_time(&status["wanted"]["seen_at"]);
    assert_eq!(keys(&status["gate"]), ["checks", "detail", "evidence", "verdict"]);
    assert_eq!((&status["gate"]["verdict"], &status["gate"]["evidence"]), (&json!("pending"), &Value::Null));
    assert!(status["gate"]["detail"].as_str().is_some_and(|text| !text.is_empty()));
    let check = &status["gate"]["checks"][0];
    assert_eq!(keys(check), ["conclusion", "name", "status", "url"]);
    assert_eq!((&check["name"], &check["conclusion"]), (&json!(CHECK), &Value::Null));
    assert!(check["url"].as_str().is_some_and(|url| url.starts_with("http")), "{check}");
    assert_eq!((&status["phase"], &status["current"]), (&json!("gating"), &Value::Null));
}

#[test]
fn status_while_it_builds() {
    let (world, agent, _) = World::deployed();
    let revision = world.green("package bifrost 1.0\nbuild waits gate");
    agent.wait_for("progress", |status| {
        status.progress.as_ref().is_some_and(|progress| progress.builds.done > 0)
    });
    let status = agent.open.get("/v1/status").json();
    assert_eq!(keys(&status["current"]), ["id", "phase", "revision", "started_at", "subject", "trigger"]);
    assert_eq!(status["current"]["revision"], json!(revision));
    assert_eq!(status["current"]["subject"], json!("package bifrost 1.0"));
    assert_eq!(status["current"]["id"], json!(2));
    check_time(&status["current"]["started_at"]);
    assert_eq!(
        (&status["gate"]["verdict"], &status["gate"]["evidence"]),
        (&json!("green"), &json!("commit"))
    );
    let progress = &status["progress"];
    assert_eq!(keys(progress), ["builds", "bytes", "current"]);
    assert_eq!(progress["builds"]["expected"], json!(3));
    assert_eq!(keys(&progress["bytes"]), ["done", "expected"]);
    assert!(progress["current"].is_array());
    assert_eq!(status["last_deployment"]["id"], json!(1), "one in progress is no past one");
    assert_eq!(agent.open.get("/v1/deployments/2").code, 404, "nor in the history");
    assert_eq!(agent.open.get("/v1/deployments/2/log").code, 200, "its log is there");
    world.open("gate");
    agent.wait_until_runs(&revision);
    assert_eq!(agent.status().progress, None);
}

#[test]
fn deployments_are_told_newest_first() {
    let (world, agent, first) = World::deployed();
    let second = world.green("build fails on purpose");
    agent.wait_for_end(&second, Outcome::Failed);
    let document = agent.open.get("/v1/deployments").json();
    assert_eq!(keys(&document), ["deployments", "version"]);
    assert_eq!(document["version"], json!(1));
    let list = document["deployments"].as_array().expect("a list");
    assert_eq!(list.len(), 2);
    let (failed, deployed) = (&list[0], &list[1]);
    for deployment in list {
        assert_eq!(keys(deployment), DEPLOYMENT);
        assert_eq!(keys(&deployment["durations"]), ["activate", "build", "confirm", "gate", "ready"]);
        check_time(&deployment["started_at"]);
        check_time(&deployment["finished_at"]);
        let one = agent.open.get(&format!("/v1/deployments/{}", deployment["id"]));
        assert_eq!((one.code, &one.json()), (200, deployment));
    }
    assert_eq!((&failed["revision"], &failed["outcome"]), (&json!(second), &json!("failed")));
    assert_eq!((&failed["phase"], &failed["system"]), (&json!("building"), &Value::Null));
    assert_eq!(failed["reason_code"], json!("build-failed"));
    assert!(failed["reason"].is_string() && failed["durations"]["build"].is_number());
    assert_eq!(failed["durations"]["activate"], Value::Null, "it never came to that");
    assert_eq!((&deployed["revision"], &deployed["id"]), (&json!(first), &json!(1)));
    assert_eq!((&deployed["phase"], &deployed["reason"]), (&Value::Null, &Value::Null));
    assert_eq!((&deployed["reason_code"], &deployed["durations"]["ready"]), (&Value::Null, &Value::Null));
    assert_eq!(deployed["previous_system"], json!(world.first_system));
    assert_eq!(deployed["system"], json!(world.system()));
    for phase in ["gate", "build", "activate", "confirm"] {
        assert!(deployed["durations"][phase].is_number(), "{phase}: {deployed}");
    }
}

#[test]
fn triggers_say_what_made_it_look() {
    let (world, agent, _) = World::deployed_with(|config| {
        config.set("source.poll_interval", "1h");
    });
    let nudged = world.green("service nudged");
    agent.nudge();
    assert_eq!(agent.wait_for_end(&nudged, Outcome::Deployed).trigger, Trigger::Nudge);
    let failing = world.green("build fails on purpose");
    agent.nudge();
    let id = agent.wait_for_end(&failing, Outcome::Failed).id;
    agent.control.post("/v1/retry", "");
    let status = agent
        .wait_for("another try", |status| status.last_deployment.as_ref().is_some_and(|last| last.id > id));
    assert_eq!(status.last_deployment.expect("just seen").trigger, Trigger::Operator);
}

#[test]
fn a_log_is_text_and_can_be_followed() {
    let (world, agent, _) = World::deployed();
    let whole = agent.open.get("/v1/deployments/1/log");
    assert_eq!((whole.code, whole.content_type.as_str()), (200, "text/plain; charset=utf-8"));
    assert!(whole.body.contains("building the system configuration"), "{}", whole.body);
    assert!(
        whole.body.contains("activating the configuration"),
        "the switch's output is there too: {}",
        whole.body
    );
    let tail = agent.open.get("/v1/deployments/1/log?tail=10").body;
    assert!(tail.len() == 10 && whole.body.ends_with(&tail), "{tail:?}");
    for path in ["/v1/deployments/99/log", "/v1/deployments/latest/log", "/v1/deployments/..%2F1/log"] {
        check_problem(&agent.open.get(path), 404);
    }

    let revision = world.green("build waits gate");
    world.wait_for_call(&format!("build {revision}"));
    let stream = agent.open.stream("/v1/deployments/2/log?follow=1");
    world.open("gate");
    // The answer ends with the deployment, and has everything.
    let followed = stream.text().expect("it ends well");
    assert!(followed.contains("waiting for gate") && followed.contains("activating"), "{followed}");
    agent.wait_until_runs(&revision);
    assert_eq!(followed, agent.open.get("/v1/deployments/2/log").body);
}

#[test]
fn nudges_are_taken() {
    let (_world, agent, revision) = World::deployed();
    let answer = agent.open.post("/v1/nudge", "");
    assert_eq!((answer.code, answer.json()), (202, json!({"accepted": true, "revision": null})));
    let answer = agent.open.post("/v1/nudge", &format!("{{\"revision\": \"{revision}\"}}"));
    assert_eq!((answer.code, answer.json()), (202, json!({"accepted": true, "revision": revision})));
    assert_eq!(agent.open.post("/v1/nudge", "{}").code, 202);
    for bad in ["{", "[]", "{\"revision\": 7}", "{\"revision\": \"main\"}", "{\"rev\": \"x\"}"] {
        check_problem(&agent.open.post("/v1/nudge", bad), 400);
    }
    check_problem(&agent.open.get("/v1/nudge"), 405);
    // On the local socket they are never refused.
    for _ in 0..40 {
        assert_eq!(agent.open.post("/v1/nudge", "").code, 202);
    }
}

#[test]
fn a_nudge_waits_for_the_revision_it_names() {
    let (world, agent, _) = World::deployed_with(|config| {
        config.set("source.poll_interval", "1h");
    });
    world.repository.write(&format!("hosts/{HOST}.conf"), "service tomorrow\n");
    let revision = world.repository.commit("not pushed yet");
    world.check(&revision, "completed", Some("success"));
    let polled = agent.status().source.last_poll_at;
    agent.open.post("/v1/nudge", &format!("{{\"revision\": \"{revision}\"}}"));
    agent.wait_for("a poll in vain", |status| status.source.last_poll_at != polled);
    assert_eq!(agent.revision(&revision).0, 404);
    world.repository.push();
    agent.wait_until_runs(&revision);
}

#[test]
fn what_is_no_request_is_a_problem() {
    let (_world, agent, _) = World::deployed();
    check_problem(&agent.open.get("/"), 404);
    check_problem(&agent.open.get("/v1/nothing"), 404);
    check_problem(&agent.open.get("/v1/deployments/99"), 404);
    check_problem(&agent.open.get("/v1/deployments/first"), 404);
    check_problem(&agent.open.post("/v1/status", ""), 405);
    check_problem(&agent.open.send("DELETE", "/v1/deployments", ""), 405);
    let long = format!("{{\"revision\": \"{}\"}}", "0".repeat(20_000));
    let answer = agent.open.post("/v1/nudge", &long);
    check_problem(&answer, 413);
    check_problem(&agent.open.get("/v1/deployments/1/log?tail=all"), 400);
    check_problem(&agent.open.get("/v1/deployments/%ff"), 400);
    // Refused before it was read, so that the client may not come to hear why.
    let refused = agent.open.try_get(&format!("/v1/{}", "x".repeat(100_000)));
    assert!(refused.is_none_or(|answer| matches!(answer.code, 414 | 431)));
    assert_eq!(agent.open.get("/v1/status").code, 200);
}

#[test]
fn the_kernel_says_who_may_change_things() {
    let mut world = World::new();
    let group = nix::unistd::getegid();
    let name = nix::unistd::Group::from_gid(group).expect("readable").expect("the group has a name").name;
    world.config.set("state.group", name.clone());
    let agent = world.start();
    let mode = |file: &str| {
        let metadata = agent.socket().with_file_name(file).metadata().expect("the socket is there");
        (metadata.permissions().mode() & 0o777, std::os::unix::fs::MetadataExt::gid(&metadata))
    };
    assert_eq!(mode("agent.sock").0, 0o666);
    assert_eq!(mode("control.sock"), (0o660, group.as_raw()));
    assert!(
        agent.status().warnings.iter().all(|text| !text.contains(&format!("group {name:?}"))),
        "{:?}",
        agent.status().warnings
    );
}

#[test]
fn without_the_group_only_root_may() {
    let mut world = World::new();
    world.config.set("state.group", "no-such-group");
    let agent = world.start();
    let warnings = agent.status().warnings;
    assert!(
        warnings.iter().any(|text| text.contains("group \"no-such-group\"") && text.contains("root")),
        "{warnings:?}"
    );
}

#[test]
fn each_socket_has_its_own_routes() {
    let (_world, agent, _) = World::deployed();
    for route in ["pause", "resume", "retry", "accept", "deploy", "rollback"] {
        check_problem(&agent.open.post(&format!("/v1/{route}"), "{}"), 404);
    }
    for route in ["/v1/status", "/v1/deployments", "/v1/events", "/metrics"] {
        check_problem(&agent.control.get(route), 404);
    }
    check_problem(&agent.control.post("/v1/nudge", ""), 404);
    for route in ["/v1/deploy", "/v1/rollback"] {
        check_problem(&agent.control.post(route, "{}"), 501);
    }
    assert_eq!(agent.status().phase, Phase::Idle);
}

#[test]
fn the_way_back_by_hand_is_the_recorded_path() {
    let (world, agent, first) = World::deployed();
    let hint =
        |body: &str| agent.control.post("/v1/rollback", body).json()["hint"].as_str().map(str::to_owned);
    let to = |system: &str| {
        let profile = world.path("profiles/system");
        let command =
            format!("nix-env --profile {} --set {system} && {system}/bin/switch", profile.display());
        move |hint: Option<String>| {
            assert!(hint.as_ref().is_some_and(|hint| hint.contains(&command)), "{hint:?}")
        }
    };
    let deployed = world.system();
    let before = agent.history()[0].previous_system.clone().expect("something ran before");
    assert_ne!(before, deployed);
    to(&before)(hint(""));

    // After a way back the generation before is the bad one, and what was recorded runs.
    let bad = world.green("switch exit 2");
    agent.wait_for_end(&bad, Outcome::RolledBack);
    assert_eq!(world.system(), deployed);
    to(&before)(hint(""));
    to(&deployed)(hint(r#"{"deployment": 1}"#));
    assert_eq!(hint(r#"{"deployment": 99}"#), None);

    let told = agent.ctl(&world, &["rollback"]);
    to(&before)(Some(String::from_utf8_lossy(&told.stderr).into_owned()));
    assert_eq!(agent.open.get(&format!("/v1/revisions/{first}")).code, 200);
}
