//! `agentctl` against an agent of canned answers: what it asks, what it prints, how it exits.

mod agent;
mod change;
mod errors;
mod generate;
mod nudge;
mod read;
mod run;
mod stream;

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

const RUNNING: &str = "a81c2f0a81c2f0a81c2f0a81c2f0a81c2f0a81c2";
const WANTED: &str = "3f2a91c3f2a91c3f2a91c3f2a91c3f2a91c3f2a9";
const BAD: &str = "bad1234bad1234bad1234bad1234bad1234bad12";

/// A moment so many minutes before now. From 10 on what is told of it stays the same for a minute.
fn minutes_ago(minutes: i64) -> String {
    let moment = Timestamp::now() - SignedDuration::from_secs(minutes * 60);
    moment.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

/// The status of a host that is up to date.
fn status() -> Value {
    json!({
        "version": 1, "host": "yggdrasil",
        "agent": {"version": "0.1.0", "started_at": minutes_ago(3000), "pid": 812, "runner": "systemd"},
        "phase": "idle", "since": minutes_ago(180), "summary": "up to date with a81c2f0",
        "running": {
            "system": "/nix/store/0000-nixos-system-yggdrasil-25.11", "revision": RUNNING,
            "deployed_at": minutes_ago(180), "drift": false,
        },
        "wanted": null, "gate": null, "current": null, "refused": null, "progress": null,
        "source": {
            "url": "https://github.com/poby/infra", "branch": "main",
            "last_poll_at": minutes_ago(120), "last_success_at": minutes_ago(120), "error": null,
        },
        "paused": null, "held": [], "reboot_required": [], "warnings": [],
        "last_deployment": with(
            deployment(12, RUNNING, "grafana: 11.3", "deployed"),
            json!({"finished_at": minutes_ago(180)}),
        ),
        "later": "a field that this program does not know",
    })
}

fn deployment(id: u64, revision: &str, subject: &str, outcome: &str) -> Value {
    json!({
        "id": id, "revision": revision, "subject": subject, "trigger": "poll",
        "started_at": "2026-03-01T10:00:00Z", "finished_at": "2026-03-01T10:02:00Z",
        "durations": {"gate": 41.2, "build": 63.0, "activate": 5.1, "confirm": 10.3},
        "outcome": outcome, "phase": null, "reason": null,
        "previous_system": "/nix/store/1111", "system": "/nix/store/0000",
    })
}

/// Puts fields into a document.
fn with(mut document: Value, fields: Value) -> Value {
    let (Value::Object(document_fields), Value::Object(fields)) = (&mut document, fields) else {
        panic!("both are objects")
    };
    document_fields.extend(fields);
    document
}
