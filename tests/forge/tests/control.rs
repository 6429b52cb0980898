//! The stand-in as a program: its address on stdout, its first memory from a file, and all the rest by HTTP, as shells and
//! other languages drive it.

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};

use reqwest::blocking::Client;
use serde_json::{Value, json};

const SHA: &str = "3f2a91c0000000000000000000000000000000aa";

struct Program {
    child: Child,
    url: String,
    client: Client,
}

impl Program {
    fn start(arguments: &[&str]) -> Self {
        let program = env!("CARGO_BIN_EXE_forge-stand-in");
        let mut child =
            Command::new(program).args(arguments).stdout(Stdio::piped()).spawn().expect("started");
        let mut url = String::new();
        let stdout = child.stdout.take().expect("a pipe");
        BufReader::new(stdout).read_line(&mut url).expect("its address");
        // The client speaks http only, but its TLS wants to know whose cryptography it would use.
        rustls::crypto::ring::default_provider().install_default().unwrap_or_default();
        let client = Client::builder().no_proxy().user_agent("test").build().expect("a client");
        Self { child, url: url.trim_end().to_owned(), client }
    }

    fn put(&self, what: &str, body: &Value) -> u16 {
        let request = self.client.put(format!("{}/_control/{what}", self.url)).body(body.to_string());
        request.send().expect("an answer").status().as_u16()
    }

    fn get(&self, path: &str, token: Option<&str>) -> (u16, Value) {
        let mut request = self.client.get(format!("{}{path}", self.url));
        if let Some(token) = token {
            request = request.bearer_auth(token);
        }
        let response = request.send().expect("an answer");
        let status = response.status().as_u16();
        (status, serde_json::from_str(&response.text().expect("a body")).expect("JSON"))
    }

    fn delete(&self, path: &str) -> Value {
        let response = self.client.delete(format!("{}/_control/{path}", self.url)).send().expect("an answer");
        serde_json::from_str(&response.text().expect("a body")).expect("JSON")
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        self.child.kill().expect("killed");
        self.child.wait().expect("reaped");
    }
}

fn runs() -> String {
    format!("/repos/poby/infra/commits/{SHA}/check-runs")
}

#[test]
fn checks_are_set_changed_and_removed() {
    let forge = Program::start(&[]);
    assert_eq!(forge.get(&runs(), None).0, 404, "no such repository yet");
    let build =
        json!({"repository": "poby/infra", "revision": SHA, "name": "build", "conclusion": "success"});
    let lint = json!({"repository": "poby/infra", "revision": SHA, "name": "lint", "status": "in_progress"});
    assert_eq!(forge.put("checks", &json!([build, lint])), 200);
    let (status, body) = forge.get(&runs(), None);
    assert_eq!((status, &body["total_count"]), (200, &json!(2)));
    let (_, body) = forge.get(&format!("{}?check_name=build", runs()), None);
    assert_eq!(body["check_runs"][0]["conclusion"], "success");
    assert_eq!(body["check_runs"][0]["status"], "completed");
    let first = body["check_runs"][0]["id"].clone();

    let mut red = build;
    red["conclusion"] = json!("failure");
    forge.put("checks", &red);
    let (_, body) = forge.get(&format!("{}?check_name=build", runs()), None);
    assert_eq!(
        (&body["check_runs"][0]["id"], &body["check_runs"][0]["conclusion"]),
        (&first, &json!("failure"))
    );

    red["rerun"] = json!(true);
    forge.put("checks", &red);
    assert_eq!(forge.get(&runs(), None).1["total_count"], 2, "a re-run hides what it repeats");
    assert_eq!(forge.get(&format!("{}?filter=all", runs()), None).1["total_count"], 3);
    let which = format!("checks?repository=poby/infra&revision={SHA}&name=build");
    assert_eq!(forge.delete(&which)["removed"], 2);
    assert_eq!(forge.get(&runs(), None).1["total_count"], 1);
}

#[test]
fn faults_come_and_go() {
    let forge = Program::start(&[]);
    forge.put("repositories", &json!({"repository": "poby/infra"}));
    assert_eq!(forge.put("faults", &json!({"fault": "status", "status": 503, "times": 1})), 200);
    assert_eq!(forge.get(&runs(), None).0, 503);
    assert_eq!(forge.get(&runs(), None).0, 200);
    forge.put("faults", &json!({"fault": "secondary", "status": 429, "retry_after": "9"}));
    assert_eq!((forge.get(&runs(), None).0, forge.get(&runs(), None).0), (429, 429));
    forge.delete("faults");
    assert_eq!(forge.get(&runs(), None).0, 200);
    forge.put("rate-limit", &json!({"limit": 60, "remaining": 0, "reset_in": 60}));
    assert_eq!(forge.get(&runs(), None).0, 403);
}

#[test]
fn every_request_is_in_the_log_and_none_of_the_tests_own() {
    let forge = Program::start(&[]);
    forge.put("repositories", &json!({"repository": "poby/infra"}));
    forge.get(&runs(), Some("abc"));
    forge.get("/nothing", None);
    let (_, log) = forge.get("/_control/requests", None);
    assert_eq!(log["total"], 2);
    assert_eq!((&log["requests"][0]["path"], &log["requests"][0]["token"]), (&json!(runs()), &json!("abc")));
    assert_eq!((&log["requests"][0]["status"], &log["requests"][1]["status"]), (&json!(200), &json!(404)));
    forge.delete("requests");
    assert_eq!(forge.get("/_control/requests", None).1["total"], 0);
}

#[test]
fn what_is_not_understood_is_refused_and_changes_nothing() {
    let forge = Program::start(&[]);
    assert_eq!(
        forge.put("checks", &json!({"repository": "poby/infra", "revision": SHA, "nmae": "build"})),
        400
    );
    assert_eq!(forge.put("faults", &json!({"fault": "earthquake"})), 400);
    assert_eq!(forge.put("nothing", &json!({})), 404);
    assert_eq!(forge.get(&runs(), None).0, 404);
}

#[test]
fn a_file_and_a_token_are_there_from_the_start() {
    let file = std::env::temp_dir().join(format!("forge-world-{}.json", std::process::id()));
    let world = json!({
        "repositories": [{"repository": "poby/infra", "private": true}],
        "checks": [{"repository": "poby/infra", "revision": SHA, "name": "build", "conclusion": "success"}]
    });
    std::fs::write(&file, world.to_string()).expect("written");
    let forge = Program::start(&["--token", "abc", "--world", file.to_str().expect("utf-8")]);
    std::fs::remove_file(&file).expect("removed");
    assert_eq!(forge.get(&runs(), None).0, 404);
    assert_eq!(forge.get(&runs(), Some("other")).0, 401);
    let (status, body) = forge.get(&runs(), Some("abc"));
    assert_eq!((status, &body["total_count"]), (200, &json!(1)));
}
