//! `pull-agent listen`: the process that the network meets. It can say *look now* and read, and nothing else.

use std::fs::File;
use std::net::{SocketAddr, TcpListener};
use std::process::{Child, Stdio};

use pull_agent_e2e::{World, eventually, pull_agent};
use pull_agent_protocol::{Outcome, RevisionAnswer, Status, Trigger};
use reqwest::blocking::{Client, RequestBuilder, Response};

/// A listener beside an agent; killed when this is dropped.
struct Listener {
    child: Child,
    address: SocketAddr,
    http: Client,
}

impl Drop for Listener {
    fn drop(&mut self) {
        // One that has ended already cannot be killed, which is as good.
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

impl Listener {
    fn get(&self, path: &str) -> RequestBuilder {
        self.http.get(format!("http://{}{path}", self.address))
    }

    fn post(&self, path: &str) -> RequestBuilder {
        self.http.post(format!("http://{}{path}", self.address))
    }

    fn code(request: RequestBuilder) -> u16 {
        request.send().expect("an answer").status().as_u16()
    }
}

/// A world with a listener whose agent only polls when it is told to, the listener, and the agent.
fn world() -> (World, Listener, pull_agent_e2e::Agent) {
    let address =
        TcpListener::bind("127.0.0.1:0").and_then(|socket| socket.local_addr()).expect("a free port");
    let (world, agent, _) = World::deployed_with(|config| {
        config.set("source.poll_interval", "1h");
        config.set("nudge.listen", vec![address.to_string()]);
        config.set("nudge.allow", vec!["any"]);
    });
    let log = File::create(world.folder().join("listener.log")).expect("a file");
    let child = world
        .command(pull_agent())
        .args(["listen", "--config"])
        .arg(world.write_config())
        .stdin(Stdio::null())
        .stderr(log)
        .spawn()
        .expect("the listener can be started");
    let listener = Listener { child, address, http: Client::new() };
    let up = eventually(|| listener.get("/v1/status").send().ok());
    let log = std::fs::read_to_string(world.folder().join("listener.log"));
    assert!(up.is_some(), "the listener does not answer: {log:?}");
    (world, listener, agent)
}

fn read<T: serde::de::DeserializeOwned>(response: Response) -> T {
    serde_json::from_str(&response.text().expect("a body")).expect("the document of this route")
}

#[test]
fn a_nudge_from_the_network_brings_the_deployment() {
    let (world, listener, agent) = world();
    let revision = world.green("service nudged");
    let body = format!("{{\"revision\": \"{revision}\"}}");
    let answer = listener.post("/v1/nudge").body(body).send().expect("an answer");
    assert_eq!(answer.status().as_u16(), 202);
    let answer = listener.get(&format!("/v1/revisions/{revision}?wait=60")).send().expect("an answer");
    assert_eq!(answer.status().as_u16(), 200);
    assert_eq!(read::<RevisionAnswer>(answer).revision, revision);
    assert_eq!(agent.wait_for_end(&revision, Outcome::Deployed).trigger, Trigger::Nudge);
    assert!(agent.status().warnings.iter().any(|text| text.contains("nudge.allow")), "said in the status");
}

#[test]
fn reads_go_through_and_changes_do_not() {
    let (_world, listener, agent) = world();
    let status: Status = read(listener.get("/v1/status").send().expect("an answer"));
    assert_eq!(status.agent.pid, agent.id());
    for path in ["/v1/deployments", "/v1/deployments/1", "/v1/deployments/1/log", "/metrics"] {
        assert_eq!(Listener::code(listener.get(path)), 200, "{path}");
    }
    for route in ["pause", "resume", "retry", "accept", "deploy", "rollback"] {
        assert_eq!(Listener::code(listener.post(&format!("/v1/{route}")).body("{}")), 404, "{route}");
    }
    assert_eq!(agent.status().paused, None);
}

#[test]
fn strangers_pages_are_refused() {
    let (_world, listener, _agent) = world();
    let foreign = listener.post("/v1/nudge").header("Origin", "https://evil.example");
    assert_eq!(Listener::code(foreign), 403);
    for (host, code) in [("evil.example", 403), ("localhost", 200), ("yggdrasil.tail1234.ts.net", 200)] {
        assert_eq!(Listener::code(listener.get("/v1/status").header("Host", host)), code, "{host}");
    }
}

#[test]
fn a_caller_that_does_not_stop_is_slowed_down() {
    let (_world, listener, _agent) = world();
    let mut refused = (0..60).map(|_| listener.post("/v1/nudge").send().expect("an answer"));
    let refused = refused.find(|answer| answer.status().as_u16() != 202).expect("more than a burst");
    assert_eq!(refused.status().as_u16(), 429);
    assert!(refused.headers().contains_key("retry-after"));
}

#[test]
fn without_the_daemon_it_says_so() {
    let (world, listener, agent) = world();
    agent.kill();
    assert_eq!(Listener::code(listener.get("/v1/status")), 503);
    let _agent = world.start();
    assert_eq!(Listener::code(listener.get("/v1/status")), 200);
}

#[test]
fn the_listener_holds_no_privilege() {
    let (_world, listener, _agent) = world();
    let status = std::fs::read_to_string(format!("/proc/{}/status", listener.child.id())).expect("it runs");
    let field = |name: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(name)).expect("a line of proc(5)");
        line.split_whitespace().map(str::to_owned).collect::<Vec<_>>()
    };
    assert!(field("Uid:").iter().all(|uid| uid != "0"), "{status}");
    assert!(field("CapEff:").iter().all(|set| set.chars().all(|digit| digit == '0')), "{status}");
}

#[test]
fn nobody_allowed_means_nothing_to_listen_for() {
    let mut world = World::new();
    world.config.set("nudge.listen", vec!["127.0.0.1:0"]);
    let config = world.write_config().display().to_string();
    let output = world.run(&["listen", "--config", &config]);
    assert_eq!(output.status.code(), Some(1));
    let words = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(words.contains("nudge.allow"), "{words}");
}
