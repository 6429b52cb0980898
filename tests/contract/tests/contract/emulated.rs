//! The driver against a second server for GitHub's API, one that somebody else wrote: a pull request, its check runs, and
//! what its merge makes of the branch. It lacks the routes of pull requests by commit and of GitHub Actions, knows no
//! apps, and gives no `ETag`.

use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use pull_agent::checks::Checks;
use pull_agent::settings::{Accept, GithubGate};
use pull_agent_core::{Revision, VerdictKind};
use serde_json::{Value, json};
use tokio::process::{Child, Command};

use super::CHECK;
use VerdictKind::{Green, Pending, Red, Unavailable};

const REPOSITORY: &str = "octocat/hosts";
const TOKEN: &str = "t_octocat";

/// It is up within a second or two; on a cold disk that takes a while.
const START: Duration = Duration::from_secs(60);

struct Server {
    url: String,
    client: reqwest::Client,
    token: tempfile::NamedTempFile,
    _process: Child,
    _seed: tempfile::NamedTempFile,
}

impl Server {
    async fn start() -> Self {
        let seed = tempfile::Builder::new().suffix(".json").tempfile().expect("a temporary file");
        let world = json!({
            "tokens": {TOKEN: {"login": "octocat", "scopes": ["repo", "user"]}},
            "github": {
                "users": [{"login": "octocat"}],
                "repos": [{"owner": "octocat", "name": "hosts", "auto_init": true, "private": true}],
            },
        });
        std::fs::write(seed.path(), world.to_string()).expect("written");
        let token = tempfile::NamedTempFile::new().expect("a temporary file");
        std::fs::write(token.path(), TOKEN).expect("written");
        // It takes no port 0: one that is free now.
        let free = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
        let port = free.local_addr().expect("an address").port().to_string();
        drop(free);
        let modules = Path::new(env!("CARGO_MANIFEST_DIR")).join("node_modules");
        // It needs a newer node than Debian has, which comes as a package.
        let process = Command::new(modules.join("node/bin/node"))
            .arg(modules.join(".bin/emulate"))
            .args(["start", "--service", "github", "--host", "127.0.0.1", "--port", &port, "--seed"])
            .arg(seed.path())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .expect("the packages of tests/contract/run.sh");
        let client = pull_agent::tls::client_builder("127.0.0.1", None).expect("no file to read");
        let client = client.build().expect("a client");
        let url = format!("http://127.0.0.1:{port}");
        let up = async {
            while client.get(&url).send().await.is_err() {
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        };
        tokio::time::timeout(START, up).await.expect("it comes up");
        Self { url, client, token, _process: process, _seed: seed }
    }

    fn gate(&self) -> GithubGate {
        GithubGate { token_file: Some(self.token.path().to_owned()), ..super::gate(&self.url, REPOSITORY) }
    }

    async fn call(&self, method: reqwest::Method, path: &str, body: Option<Value>) -> Value {
        let url = format!("{}/repos/{REPOSITORY}/{path}", self.url);
        let mut request = self.client.request(method, url).bearer_auth(TOKEN);
        if let Some(body) = body {
            request = request.header("content-type", "application/json").body(body.to_string());
        }
        let response = request.send().await.expect("an answer");
        let (status, text) = (response.status(), response.text().await.expect("a body"));
        assert!(status.is_success(), "{path}: {status} {text}");
        serde_json::from_str(&text).expect("JSON")
    }

    async fn post(&self, path: &str, body: Value) -> Value {
        self.call(reqwest::Method::POST, path, Some(body)).await
    }

    async fn get(&self, path: &str) -> Value {
        self.call(reqwest::Method::GET, path, None).await
    }

    /// A branch with one commit on top of main, and a pull request for it. Its head.
    async fn open_pull_request(&self) -> String {
        let base = id(&self.get("git/ref/heads/main").await["object"]);
        let base_tree = id(&self.get(&format!("git/commits/{base}")).await["tree"]);
        let file = json!({"path": "flake.nix", "mode": "100644", "type": "blob", "content": "{ }"});
        let tree = id(&self.post("git/trees", json!({"base_tree": base_tree, "tree": [file]})).await);
        let commit = json!({"message": "grafana: 11.3", "tree": tree, "parents": [base]});
        let head = id(&self.post("git/commits", commit).await);
        self.post("git/refs", json!({"ref": "refs/heads/grafana", "sha": head})).await;
        self.post("pulls", json!({"title": "grafana", "head": "grafana", "base": "main"})).await;
        head
    }

    async fn expect(&self, gate: &GithubGate, revision: &str, kind: VerdictKind, words: &str) {
        let revision = Revision::parse(revision).expect("an id");
        let verdict = Checks::new(gate).expect("good settings").ask(&revision).await.verdict;
        assert_eq!(verdict.kind, kind, "{words}: {verdict:?}");
        assert!(verdict.detail.contains(words), "{words}: {verdict:?}");
    }
}

fn id(object: &Value) -> String {
    object["sha"].as_str().expect("an id").to_owned()
}

#[tokio::test]
#[ignore = "needs the packages that tests/contract/run.sh installs"]
async fn a_pull_request_on_another_server_gives_the_verdict_that_it_should() {
    let server = Server::start().await;
    let gate = server.gate();
    let head = server.open_pull_request().await;
    server.expect(&gate, &head, Pending, "missing").await;

    let run = |status: &str| json!({"name": CHECK, "head_sha": head, "status": status});
    let first = server.post("check-runs", run("in_progress")).await;
    server.expect(&gate, &head, Pending, "in progress").await;
    let failed = json!({"status": "completed", "conclusion": "failure"});
    let first = format!("check-runs/{}", first["id"]);
    server.call(reqwest::Method::PATCH, &first, Some(failed)).await;
    server.expect(&gate, &head, Red, "ended in failure").await;
    // A re-run is a check run of its own, and the newest of a name counts.
    let mut again = run("completed");
    again["conclusion"] = json!("success");
    server.post("check-runs", again).await;
    server.expect(&gate, &head, Green, "passed").await;

    let merge = Some(json!({"merge_method": "squash"}));
    let merged = id(&server.call(reqwest::Method::PUT, "pulls/1/merge", merge).await);
    let tip = Checks::new(&gate).expect("good settings").head().await.expect("an answer");
    assert_eq!(tip.as_ref().map(Revision::as_str), Some(merged.as_str()));
    server.expect(&gate, &merged, Pending, "missing").await;
    // What the server cannot say is no proof.
    let proven = GithubGate { accept: Accept::Proven, ..gate.clone() };
    server.expect(&proven, &merged, Pending, "pull request cannot be asked for").await;

    let anonymous = GithubGate { token_file: None, ..gate.clone() };
    server.expect(&anonymous, &head, Unavailable, "401 Unauthorized").await;
    let other = GithubGate { repository: "octocat/none".to_owned(), ..gate };
    server.expect(&other, &head, Unavailable, "404 Not Found").await;
}
