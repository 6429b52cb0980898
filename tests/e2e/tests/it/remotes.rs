//! The same way to the host over real servers: https with a token, ssh with a key.

use std::net::SocketAddr;

use pull_agent_e2e::World;
use pull_agent_git_tests::{HttpServer, Sshd};
use pull_agent_protocol::{Outcome, Phase};

/// A first and a second revision come over the remote that was configured.
#[track_caller]
fn check_follows(world: &World) {
    let first = world.green("service first");
    let agent = world.start();
    agent.wait_until_runs(&first);
    let second = world.green("service second");
    agent.wait_until_runs(&second);
}

/// Where the forge listens.
fn forge(world: &World) -> SocketAddr {
    world.forge.url().trim_start_matches("http://").parse().expect("an address")
}

#[test]
fn over_https_with_an_authority_of_ones_own() {
    let mut world = World::new();
    let server = HttpServer::start_tls_before(&world.folder(), forge(&world));
    world.config.set("source.url", server.url("infra.git")).set("gate.api_url", server.root_url());
    world.config.set_path("source.ca_file", &server.ca_file().expect("it has one"));
    check_follows(&world);
}

#[test]
fn a_forge_whose_authority_is_unknown_proves_nothing() {
    let mut world = World::new();
    let server = HttpServer::start_tls_before(&world.folder(), forge(&world));
    world.config.set("gate.api_url", server.root_url());
    let revision = world.green("service first");
    let agent = world.start();
    let status = agent.wait_for("a verdict", |status| status.gate.is_some());
    let gate = status.gate.expect("just seen");
    assert_eq!(gate.verdict, "unavailable");
    assert!(gate.detail.contains("certificate"), "{}", gate.detail);
    assert_eq!(world.count(&format!("build {revision}")), 0);
}

#[test]
fn over_http_with_a_token_that_is_rotated() {
    const FIRST: &str = "ghs_firstfirstfirst";
    const SECOND: &str = "ghs_secondsecondsecond";
    let mut world = World::new();
    let server = HttpServer::start_private(&world.folder(), FIRST);
    let token = world.folder().join("token");
    std::fs::write(&token, format!("{FIRST}\n")).expect("a file");
    world.config.set("source.url", server.url("infra.git")).set_path("source.token_file", &token);
    let revision = world.green("service first");
    let agent = world.start();
    agent.wait_until_runs(&revision);
    server.set_password(SECOND);
    let status = agent.wait_for("an error", |status| status.source.error.is_some());
    assert!(
        status.source.error.is_some_and(|error| error.contains("401")),
        "the status that the server answered"
    );
    std::fs::write(&token, format!("{SECOND}\n")).expect("a file");
    let revision = world.green("service second");
    agent.wait_until_runs(&revision);
    for text in [agent.log(), agent.open.get("/v1/status").body] {
        assert!(!text.contains(FIRST) && !text.contains(SECOND), "{text}");
    }
}

#[test]
fn a_token_file_that_nobody_writes_stops_nothing() {
    for key in ["source.token_file", "gate.token_file"] {
        let mut world = World::new();
        let server = HttpServer::start(&world.folder());
        let token = world.folder().join("token");
        nix::unistd::mkfifo(&token, nix::sys::stat::Mode::S_IRWXU).expect("a pipe");
        world.config.set("source.url", server.url("infra.git")).set_path(key, &token);
        let revision = world.green("service first");
        let agent = world.start();
        agent.wait_for("an error", |status| {
            let detail = status.gate.as_ref().map(|gate| gate.detail.as_str());
            let said = [status.source.error.as_deref(), detail];
            said.iter().flatten().any(|said| said.contains("no regular file"))
        });
        std::fs::remove_file(&token).expect("it was there");
        std::fs::write(&token, "ghs_any\n").expect("a file");
        agent.nudge();
        agent.wait_until_runs(&revision);
    }
}

#[test]
fn over_ssh_with_a_key() {
    let mut world = World::new();
    let server = Sshd::start(true);
    world
        .config
        .set("source.url", server.url(&world.repository.bare()))
        .set_path("source.ssh_key_file", &server.key_file())
        .set_path("source.known_hosts_file", &server.known_hosts_file());
    check_follows(&world);
}

#[test]
fn an_outage_of_the_remote_takes_no_host_back() {
    const TOKEN: &str = "ghs_firstfirstfirst";
    let mut world = World::new();
    let server = HttpServer::start_private(&world.folder(), TOKEN);
    let token = world.folder().join("token");
    std::fs::write(&token, TOKEN).expect("a file");
    world.config.set("source.url", server.url("infra.git")).set_path("source.token_file", &token);
    world.config.set("health.source", true).set("health.deadline", "1s");
    let first = world.green("service first");
    let agent = world.start();
    agent.wait_until_runs(&first);

    let second = world.green("service second\nswitch waits gate");
    agent.wait_for("the switch", |status| status.phase == Phase::Activating);
    world.wait_for_call(&format!("switch {}", world.built()));
    // From now on it answers 401.
    server.set_password("another");
    world.open("gate");
    agent.wait_for_end(&second, Outcome::Deployed);
}

#[test]
fn a_switch_that_cuts_the_host_off_from_its_remote_is_taken_back() {
    let mut world = World::new();
    let server = HttpServer::start(&world.folder());
    world.config.set("source.url", server.url("infra.git"));
    world.config.set("health.source", true).set("health.deadline", "1s");
    let first = world.green("service first");
    let agent = world.start();
    agent.wait_until_runs(&first);
    let before = world.system();

    let second = world.green("service second\nswitch waits gate");
    agent.wait_for("the switch", |status| status.phase == Phase::Activating);
    // What could not be reached before the switch would not count.
    world.wait_for_call(&format!("switch {}", world.built()));
    drop(server);
    world.open("gate");
    let last = agent.wait_for_end(&second, Outcome::RolledBack);
    assert_eq!(last.phase, Some(Phase::Confirming));
    let reason = last.reason.unwrap_or_default();
    assert!(reason.contains("git remote cannot be reached"), "{reason}");
    assert_eq!((world.system(), world.profile()), (before.clone(), before));
    assert_eq!(agent.status().running.revision, Some(first));
}
