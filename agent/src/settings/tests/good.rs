//! What a good configuration becomes.

use std::path::PathBuf;
use std::time::Duration;

use super::{EXAMPLE, SMALLEST, accepted, facts};
use crate::settings::{
    Accept, Allow, Facts, GateSource, GithubGate, OnFailure, Runner, Settings, parse, parse_for_listen,
};

fn github(settings: &Settings) -> &GithubGate {
    match &settings.gate {
        GateSource::Github(gate) => gate,
        GateSource::None => panic!("no forge"),
    }
}

fn with(section: &str) -> Settings {
    accepted(&format!("{SMALLEST}{section}"))
}

#[test]
fn the_example_is_all_defaults() {
    assert_eq!(accepted(EXAMPLE), accepted(SMALLEST));
}

const TEN_MINUTES: Duration = Duration::from_secs(600);

#[test]
fn defaults_are_the_documented_ones() {
    let settings = accepted(SMALLEST);
    assert_eq!(settings.host, "yggdrasil");
    assert_eq!(settings.source.branch, "main");
    assert_eq!(settings.source.poll_interval, Duration::from_secs(60));
    assert_eq!(settings.source.token_file, None);
    let gate = github(&settings);
    assert_eq!((gate.repository.as_str(), gate.api_url.as_str()), ("poby/infra", "https://api.github.com"));
    assert_eq!(gate.checks, ["build (yggdrasil)"]);
    assert_eq!((gate.app_id, gate.accept), (Some(15368), Accept::Proven));
    assert_eq!((gate.max_age, gate.newest_green_after), (TEN_MINUTES, Some(TEN_MINUTES)));
    assert_eq!(settings.rebuild.build_timeout, None);
    assert_eq!(settings.rebuild.stall_timeout, Some(Duration::from_secs(3600)));
    assert_eq!(settings.rebuild.min_free, 2 << 30);
    assert_eq!(settings.rebuild.runner, Runner::Systemd);
    assert_eq!(settings.health.on_failure, OnFailure::Rollback);
    assert_eq!(settings.state.control_socket(), PathBuf::from("/run/pull-agent/control.sock"));
    assert_eq!(settings.warnings, Vec::<String>::new());
}

#[test]
fn the_machine_says_host_and_runner() {
    let facts = Facts { hostname: Some("midgard.example.org".to_owned()), systemd: false, ..facts() };
    let settings = parse(SMALLEST, &facts).expect("good");
    assert_eq!((settings.host.as_str(), settings.rebuild.runner), ("midgard", Runner::Process));
    assert_eq!(github(&settings).checks, ["build (midgard)"]);
    let text = format!("host = \"asgard\"\n{SMALLEST}[rebuild]\nrunner = \"systemd\"\n");
    let settings = parse(&text, &facts).expect("good");
    assert_eq!((settings.host.as_str(), settings.rebuild.runner), ("asgard", Runner::Systemd));
}

#[test]
fn the_host_is_put_into_checks_and_commands() {
    let settings = with(
        "[gate]\nchecks = [\"{host}\", \"lint\"]\n[health]\ncommands = [[\"probe\", \"http://{host}/\"]]\n",
    );
    assert_eq!(github(&settings).checks, ["yggdrasil", "lint"]);
    assert_eq!(settings.health.commands, [["probe", "http://yggdrasil/"]]);
}

#[test]
fn the_repository_comes_from_the_url_of_the_same_forge() {
    for url in [
        "https://github.com/poby/infra.git",
        "ssh://git@github.com/poby/infra.git",
        "ssh://git@ssh.github.com:443/poby/infra",
        "git@github.com:poby/infra.git",
    ] {
        let hosts = concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml");
        let settings = accepted(&format!("[source]\nurl = {url:?}\nknown_hosts_file = {hosts:?}\n"));
        assert_eq!(github(&settings).repository, "poby/infra", "{url}");
    }
    let own = "[source]\nurl = \"https://git.example.org/poby/infra\"\n[gate]\napi_url = \"https://git.example.org/api/v3/\"\n";
    let settings = accepted(own);
    assert_eq!(github(&settings).repository, "poby/infra");
    assert_eq!(github(&settings).api_url, "https://git.example.org/api/v3");
}

#[test]
fn lists_and_numbers_take_their_forms() {
    let settings = with(concat!(
        "[gate]\napp_id = 0\n[rebuild]\nbuild_timeout = \"90m\"\nstall_timeout = \"0\"\nmin_free = 1_048_576\n",
        "properties = [\"MemoryHigh=4G\"]\n[nudge]\nlisten = [\"100.101.102.103\", \"[::1]:80\", \"::1\", \"[::1]\"]\n",
        "allow = [\"tag:ci\", \"poby@github\"]\n",
    ));
    assert_eq!(github(&settings).app_id, None);
    assert_eq!(settings.rebuild.build_timeout, Some(Duration::from_secs(5400)));
    assert_eq!(settings.rebuild.stall_timeout, None);
    assert_eq!(settings.rebuild.min_free, 1 << 20);
    let listen: Vec<_> = settings.nudge.listen.iter().map(ToString::to_string).collect();
    assert_eq!(listen, ["100.101.102.103:7319", "[::1]:80", "[::1]:7319", "[::1]:7319"]);
    assert_eq!(
        settings.nudge.allow,
        [Allow::Tag("tag:ci".to_owned()), Allow::Login("poby@github".to_owned())]
    );
}

#[test]
fn folders_are_written_plainly() {
    for (written, read) in [(".", "."), ("./", "."), ("./nix/", "nix"), ("a//b", "a/b")] {
        let text = format!("[source]\nurl = \"https://github.com/poby/infra\"\ndirectory = {written:?}\n");
        assert_eq!(accepted(&text).source.directory, read, "{written}");
    }
}

#[test]
fn what_is_weak_is_warned_about() {
    #[track_caller]
    fn check(text: &str, warnings: &[&str]) {
        assert_eq!(accepted(text).warnings, warnings, "{text}");
    }
    check(
        "[source]\nurl = \"http://127.0.0.1:8080/poby/infra.git\"\n[gate]\napi_url = \"http://127.0.0.1:9090\"\n",
        &["source.url is plain http: whoever is on the way can change what is fetched"],
    );
    check(
        "[source]\nurl = \"/srv/infra\"\n[gate]\nforge = \"none\"\n",
        &["gate.forge is \"none\": every commit of the branch counts as green"],
    );
    check(
        &format!("{SMALLEST}[gate]\naccept = \"merged\"\napi_url = \"http://api.github.com\"\n"),
        &[
            "gate.accept is \"merged\": checks of a pull request count without proof that its tree is the same",
            "gate.api_url is plain http: whoever is on the way can make a revision green",
        ],
    );
    check(
        &format!("{SMALLEST}[nudge]\nallow = [\"any\"]\n"),
        &["nudge.allow is [\"any\"]: whoever reaches the listener may nudge and read the status"],
    );
    check(
        &format!("{SMALLEST}[nudge]\nlisten = [\"[::1]:1\"]\n"),
        &["nudge.allow is empty: `pull-agent listen` refuses to start"],
    );
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml");
    check(
        &format!(
            "[source]\nurl = \"/srv/infra\"\ntoken_file = {file:?}\nssh_key_file = {file:?}\n[gate]\nrepository = \"a/b\"\n"
        ),
        &[
            "source.token_file is not used: source.url is not https://",
            "source.ssh_key_file is not used: source.url is not ssh",
        ],
    );
}

#[test]
fn a_token_may_go_over_plain_http_on_this_machine() {
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml");
    let settings = accepted(&format!(
        "[source]\nurl = \"http://[::1]:80/poby/infra\"\ntoken_file = {file:?}\n[gate]\napi_url = \"http://localhost:1\"\nrepository = \"poby/infra\"\ntoken_file = {file:?}\n"
    ));
    assert_eq!(github(&settings).token_file, Some(PathBuf::from(file)));
}

#[test]
fn files_that_cannot_be_seen_here_are_not_looked_for() {
    let text = format!("{SMALLEST}token_file = \"/run/secrets/none\"\n");
    let settings = parse(&text, &Facts { sees_files: false, ..facts() }).expect("good");
    assert_eq!(settings.source.token_file, Some(PathBuf::from("/run/secrets/none")));
}

#[test]
fn the_listener_judges_only_its_own() {
    let text =
        "host = \"h\"\nlater = 1\n[source]\nurl = 3\n[nudge]\nlisten = [\"[::1]:1\"]\nallow = [\"tag:ci\"]\n";
    let settings = parse_for_listen(text, &facts()).expect("good");
    assert_eq!((settings.host.as_str(), settings.nudge.listen.len()), ("h", 1));
    let errors = parse_for_listen("[source]\nurl = 3\n[nudge]\nlisten = 3\n[state]\nsocket = 1\n", &facts());
    let lines: Vec<_> = errors.expect_err("two").lines().collect();
    assert_eq!(
        lines,
        [
            "configuration:4: nudge.listen: the number 3 is the wrong type; allowed: a list of \"ADDRESS:PORT\"",
            "configuration:6: state.socket: a number is the wrong type; allowed: a string, the path of a file",
        ]
    );
}

#[test]
fn a_short_deadline_shortens_the_default_of_settle() {
    let settings =
        accepted("[source]\nurl = \"https://github.com/poby/infra\"\n[health]\ndeadline = \"5s\"\n");
    assert_eq!(settings.health.settle, Duration::from_millis(2500));
}
