//! status, history, logs.

use serde_json::{Value, json};

use super::agent::Agent;
use super::run::run;
use super::{BAD, RUNNING, WANTED, deployment, minutes_ago, status, with};

fn told(status: &Value) -> String {
    let agent = Agent::start();
    agent.answers("GET /v1/status", 200, status);
    run(&agent, &["status"])
}

#[test]
fn a_host_that_is_up_to_date() {
    insta::assert_snapshot!(told(&status()), @r"
    exit code 0
    --- stdout
    yggdrasil: up to date with a81c2f0
      phase    idle for 3 h
      runs     a81c2f0 grafana: 11.3, 3 h ago
               /nix/store/0000-nixos-system-yggdrasil-25.11
      wanted   nothing newer
      last     deployment 12 of a81c2f0 grafana: 11.3: deployed, 3 h ago
      source   main of https://github.com/poby/infra, polled 2 h ago
    ");
}

#[test]
fn a_revision_that_waits_for_its_checks() {
    let status = with(
        status(),
        json!({
            "phase": "gating", "since": minutes_ago(15), "summary": "waiting for check build (yggdrasil) on 3f2a91c",
            "wanted": {"revision": WANTED, "subject": "kernel: 6.12.9", "author": "poby", "seen_at": minutes_ago(15)},
            "gate": {"verdict": "pending", "evidence": null, "detail": "1 of 2 checks in progress", "checks": [
                {"name": "build (yggdrasil)", "status": "in_progress", "conclusion": null, "url": null},
                {"name": "lint", "status": "completed", "conclusion": "success", "url": null},
            ]},
        }),
    );
    insta::assert_snapshot!(told(&status), @r"
    exit code 0
    --- stdout
    yggdrasil: waiting for check build (yggdrasil) on 3f2a91c
      phase    gating for 15 min
      runs     a81c2f0 grafana: 11.3, 3 h ago
               /nix/store/0000-nixos-system-yggdrasil-25.11
      wanted   3f2a91c kernel: 6.12.9 by poby, seen 15 min ago
      gate     pending: 1 of 2 checks in progress
               build (yggdrasil): in_progress
               lint: success
      last     deployment 12 of a81c2f0 grafana: 11.3: deployed, 3 h ago
      source   main of https://github.com/poby/infra, polled 2 h ago
    ");
}

#[test]
fn a_build_and_its_progress() {
    let status = with(
        status(),
        json!({
            "phase": "building", "since": minutes_ago(12), "summary": "building 3f2a91c",
            "wanted": {"revision": WANTED, "subject": "kernel: 6.12.9", "author": "poby", "seen_at": minutes_ago(15)},
            "gate": {"verdict": "green", "evidence": "commit", "detail": "1 of 1 checks is green", "checks": []},
            "current": {"id": 13, "revision": WANTED, "subject": "kernel: 6.12.9", "trigger": "nudge", "started_at": minutes_ago(12)},
            "progress": {"builds": {"done": 3, "expected": 11}, "bytes": {"done": 5 << 20, "expected": 64 << 20}, "current": ["linux-6.12.9"]},
        }),
    );
    insta::assert_snapshot!(told(&status), @r"
    exit code 0
    --- stdout
    yggdrasil: building 3f2a91c
      phase    building for 12 min
      runs     a81c2f0 grafana: 11.3, 3 h ago
               /nix/store/0000-nixos-system-yggdrasil-25.11
      wanted   3f2a91c kernel: 6.12.9 by poby, seen 15 min ago
      gate     green: 1 of 1 checks is green
      doing    deployment 13 of 3f2a91c kernel: 6.12.9, started 12 min ago
      progress 3 of 11 built, 5 MiB of 64 MiB fetched: linux-6.12.9
      last     deployment 12 of a81c2f0 grafana: 11.3: deployed, 3 h ago
      source   main of https://github.com/poby/infra, polled 2 h ago
    ");
}

#[test]
fn everything_that_can_be_wrong_at_once() {
    let mut last = deployment(13, BAD, "nginx: \u{1b}[31mnew\u{1b}[0m \u{7}site", "rolled-back");
    last = with(
        last,
        json!({
            "phase": "confirming", "reason": "unit nginx.service is failed", "finished_at": minutes_ago(30),
        }),
    );
    let status = with(
        status(),
        json!({
            "summary": "paused; bad1234 is held: unit nginx.service is failed",
            "running": {"system": "/nix/store/2222-by-hand", "revision": RUNNING, "deployed_at": minutes_ago(180), "drift": true},
            "wanted": {"revision": BAD, "subject": null, "author": null, "seen_at": minutes_ago(35)},
            "gate": {"verdict": "red", "evidence": null, "detail": "lint failed", "checks": [
                {"name": "lint", "status": "completed", "conclusion": "failure", "url": "https://example.org/1"},
            ]},
            "held": [{"revision": BAD, "reason": "unit nginx.service is failed", "since": minutes_ago(30)}],
            "refused": {"revision": WANTED, "deployed": RUNNING, "reason": "it is no descendant", "since": minutes_ago(20)},
            "paused": {"since": minutes_ago(10), "until": null, "reason": "demo", "by": "poby"},
            "reboot_required": ["kernel", "initrd"],
            "warnings": ["source.url is plain http"],
            "source": {"url": "http://h/r", "branch": "main", "last_poll_at": minutes_ago(1), "last_success_at": minutes_ago(60), "error": "connection refused"},
            "last_deployment": last,
        }),
    );
    let agent = Agent::start();
    let log = (1..=7).map(|n| format!("line {n}\n\n")).collect::<String>() + "\u{1b}[2Jlast";
    agent
        .answers("GET /v1/status", 200, &status)
        .answers_as("GET /v1/deployments/13/log?tail=4096", 200, "text/plain", log)
        .answers(
            "GET /v1/deployments",
            200,
            json!({"version": 1, "deployments": [deployment(11, RUNNING, "older", "deployed")]}),
        );
    insta::assert_snapshot!(run(&agent, &["status"]), @r"
    exit code 0
    --- stdout
    yggdrasil: paused; bad1234 is held: unit nginx.service is failed
      phase    idle for 3 h
      runs     a81c2f0 older, 3 h ago
               /nix/store/2222-by-hand
      drift    what runs is not what was deployed last; it stays until the branch moves
      wanted   bad1234, seen 35 min ago
      gate     red: lint failed
               lint: failure
      paused   10 min ago by poby: demo
               end it: agentctl resume
      held     bad1234 30 min ago: unit nginx.service is failed
               try it again: agentctl retry bad1234
      refused  3f2a91c (deployed: a81c2f0) 20 min ago: it is no descendant
               allow it once: agentctl accept 3f2a91c
      last     deployment 13 of bad1234 nginx: new site: rolled-back, 30 min ago
               while confirming: unit nginx.service is failed
               | line 4
               | line 5
               | line 6
               | line 7
               | last
               all of it: agentctl logs 13
      reboot   required for kernel, initrd
      source   main of http://h/r, polled 1 h ago
               connection refused
      warning  source.url is plain http
    ");
}

#[test]
fn a_host_before_its_first_deployment() {
    let status = with(
        status(),
        json!({
            "summary": "waiting for the first answer of the remote",
            "running": {"system": null, "revision": null, "deployed_at": null, "drift": false},
            "source": {"url": "/srv/infra", "branch": "main", "last_poll_at": null, "last_success_at": null, "error": null},
            "last_deployment": null,
        }),
    );
    insta::assert_snapshot!(told(&status), @r"
    exit code 0
    --- stdout
    yggdrasil: waiting for the first answer of the remote
      phase    idle for 3 h
      runs     no revision that this agent has deployed
               the running system cannot be read
      source   main of /srv/infra, not yet polled
    ");
}

#[test]
fn json_is_the_document_as_it_came() {
    let agent = Agent::start();
    let document = status();
    agent.answers("GET /v1/status", 200, &document);
    assert_eq!(run(&agent, &["--json", "status"]), format!("exit code 0\n--- stdout\n{document}\n"));
    assert_eq!(agent.asked(), ["open GET /v1/status"]);
}

#[test]
fn history_is_a_table() {
    let failed = with(
        deployment(13, BAD, "nginx: new site", "failed"),
        json!({
            "phase": "building", "reason": "builder for nginx.drv failed with exit code 1",
            "durations": {"gate": 3700.0, "build": 9.5, "activate": null, "confirm": null},
        }),
    );
    let deployments = [
        failed,
        deployment(12, RUNNING, "grafana: 11.3", "deployed"),
        deployment(11, WANTED, "older", "unchanged"),
    ];
    let agent = Agent::start();
    agent.answers("GET /v1/deployments", 200, json!({"version": 1, "deployments": deployments}));
    insta::assert_snapshot!(run(&agent, &["history"]), @r"
    exit code 0
    --- stdout
      no  ended (UTC)       commit   outcome        gate   build  switch  subject
      13  2026-03-01 10:02  bad1234  failed        1h01m     10s       -  nginx: new site
          building: builder for nginx.drv failed with exit code 1
      12  2026-03-01 10:02  a81c2f0  deployed        41s   1m03s     15s  grafana: 11.3
      11  2026-03-01 10:02  3f2a91c  unchanged       41s   1m03s     15s  older
    ");
    let two = json!({"deployments": &deployments[..2], "version": 1});
    assert_eq!(run(&agent, &["history", "-n", "2", "--json"]), format!("exit code 0\n--- stdout\n{two}\n"));
    let agent = Agent::start();
    agent.answers("GET /v1/deployments", 200, json!({"version": 1, "deployments": []}));
    insta::assert_snapshot!(run(&agent, &["history"]), @r"
    exit code 0
    --- stdout
    no deployment has ended yet
    ");
}

#[test]
fn logs_are_of_the_deployment_in_progress_else_of_the_last() {
    let agent = Agent::start();
    let building = with(
        status(),
        json!({"current": {"id": 13, "revision": WANTED, "subject": "s", "trigger": "poll", "started_at": minutes_ago(1)}}),
    );
    agent
        .answers("GET /v1/status", 200, &building)
        .answers("GET /v1/status", 200, status())
        .answers("GET /v1/status", 200, with(status(), json!({"last_deployment": null})))
        .answers_as(
            "GET /v1/deployments/13/log",
            200,
            "text/plain",
            "building\n\u{1b}[1mraw\u{1b}[0m without end",
        )
        .answers_as("GET /v1/deployments/12/log?follow=1", 200, "text/plain", "done\n");
    assert_eq!(
        run(&agent, &["logs"]),
        "exit code 0\n--- stdout\nbuilding\n\u{1b}[1mraw\u{1b}[0m without end"
    );
    assert_eq!(run(&agent, &["logs", "-f"]), "exit code 0\n--- stdout\ndone\n");
    insta::assert_snapshot!(run(&agent, &["logs"]), @r"
    exit code 1
    --- stderr
    error: there was no deployment yet
    hint: agentctl status
    ");
    insta::assert_snapshot!(run(&agent, &["logs", "99"]), @r"
    exit code 1
    --- stderr
    error: no canned answer to GET /v1/deployments/99/log
    ");
    insta::assert_snapshot!(run(&agent, &["logs", "--json"]), @r"
    exit code 2
    --- stderr
    error: a log is text: logs has no --json
    ");
}
