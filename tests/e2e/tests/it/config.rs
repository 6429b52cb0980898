//! A configuration that cannot be: the daemon does not start, and every problem is named with its key and line.

use nix::sys::signal::Signal;
use pull_agent_e2e::World;

/// With these lines at the end of a good file `run` and `check-config` end with 1 and name this key with its line.
#[track_caller]
fn check_refused(section: &str, line: &str, key: &str, words: &str) {
    let mut world = World::new();
    // What is said twice would be another problem.
    let text = world.config.set("host", "yggdrasil").text();
    let name = line.split('=').next().unwrap_or_default().trim();
    let mut lines: Vec<&str> = text.lines().collect();
    let header = format!("[{section}]");
    let at = match lines.iter().position(|found| *found == header) {
        Some(begin) => {
            let end = lines[begin + 1..].iter().position(|found| found.starts_with('['));
            let end = end.map_or(lines.len(), |end| begin + 1 + end);
            let old = (begin + 1..end).find(|index| lines[*index].starts_with(&format!("{name} =")));
            old.map_or(begin + 1, |old| {
                lines.remove(old);
                old
            })
        }
        None => {
            lines.extend([header.as_str(), ""]);
            lines.len() - 1
        }
    };
    lines.insert(at, line);
    let path = world.folder().join("bad.toml");
    std::fs::write(&path, lines.join("\n")).expect("a file");
    let file = path.display().to_string();
    for arguments in [vec!["check-config", &file], vec!["run", "--config", &file]] {
        let output = world.run(&arguments);
        let said = [output.stdout, output.stderr].concat();
        let said = String::from_utf8_lossy(&said);
        assert_eq!(output.status.code(), Some(1), "{arguments:?}: {said}");
        let key = if key.is_empty() { String::new() } else { format!("{key}: ") };
        let place = format!("{file}:{}: {key}", at + 1);
        let problem = said
            .lines()
            .find(|line| line.contains(&place))
            .unwrap_or_else(|| panic!("no {place:?} in {said}"));
        assert!(problem.contains(words), "{problem}");
    }
    assert!(!world.state().exists(), "nothing was begun");
}

#[test]
fn unknown_keys() {
    check_refused("source", "urll = \"/srv/infra\"", "source.urll", "did you mean \"url\"");
    check_refused("health", "probes = []", "health.probes", "allowed");
}

#[test]
fn wrong_types() {
    check_refused("source", "branch = 7", "source.branch", "7");
    check_refused("gate", "checks = \"build\"", "gate.checks", "list");
    check_refused("health", "units = \"yes\"", "health.units", "true");
}

#[test]
fn bad_values() {
    check_refused("source", "poll_interval = \"60\"", "source.poll_interval", "60s");
    check_refused("source", "url = \"https://poby:secret@example.org/infra\"", "source.url", "token_file");
    check_refused("gate", "forge = \"gitlab\"", "gate.forge", "github");
    check_refused("gate", "accept = \"all\"", "gate.accept", "commit");
    check_refused("rebuild", "min_free = \"much\"", "rebuild.min_free", "GiB");
    check_refused("rebuild", "runner = \"docker\"", "rebuild.runner", "process");
    check_refused("health", "on_failure = \"ignore\"", "health.on_failure", "report");
}

#[test]
fn secrets_are_not_repeated() {
    let mut world = World::new();
    world.config.set("source.url", "https://poby:hunter2@example.org/infra");
    let file = world.write_config().display().to_string();
    let output = world.run(&["check-config", &file]);
    let said = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains("source.url") && !said.contains("hunter2"), "{said}");
}

#[test]
fn what_is_not_in_this_version() {
    let later = "not in this version yet";
    check_refused("source", "submodules = true", "source.submodules", later);
    check_refused("rebuild", "operation = \"boot\"", "rebuild.operation", later);
    check_refused("reboot", "when_required = \"now\"", "reboot.when_required", later);
    check_refused("reboot", "window = \"Sat 03:00-05:00\"", "reboot.window", later);
    check_refused("nudge", "interface = \"tailscale0\"", "nudge.interface", later);
    check_refused("nudge", "allow = [\"cap:example.org/nudge\"]", "nudge.allow", later);
}

#[test]
fn their_defaults_may_be_written_down() {
    let mut world = World::new();
    world
        .config
        .set("source.submodules", false)
        .set("rebuild.operation", "switch")
        .set("gate.api", "auto")
        .set("trust.every_commit", false)
        .set("reboot.when_required", "never")
        .set("nudge.interface", "");
    let file = world.write_config().display().to_string();
    let output = world.run(&["check-config", &file]);
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn a_missing_file() {
    let world = World::new();
    for arguments in
        [["check-config", "/nowhere/config.toml"].as_slice(), &["run", "--config", "/nowhere/config.toml"]]
    {
        let output = world.run(arguments);
        assert_eq!(output.status.code(), Some(1));
        let said = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
        assert!(said.contains("/nowhere/config.toml"), "{said}");
    }
}

#[test]
fn no_toml() {
    check_refused("health", "deadline = = 3", "", "TOML");
}

#[test]
fn a_token_in_the_place_of_its_file_is_not_repeated() {
    const TOKEN: &str = "ghp_0123456789abcdef";
    let (mut world, agent, _) = World::deployed();
    world.config.set("gate.token_file", TOKEN);
    let file = world.write_config().display().to_string();
    let output = world.run(&["check-config", &file]);
    let said = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
    assert!(output.status.code() == Some(1) && said.contains("gate.token_file"), "{said}");
    assert!(!said.contains(TOKEN), "{said}");

    agent.signal(Signal::SIGHUP);
    let bad = |warning: &String| warning.contains("gate.token_file");
    let status = agent.wait_for("a warning", |status| status.warnings.iter().any(bad));
    let log = agent.log();
    assert!(log.contains("gate.token_file"), "{log}");
    assert!(!format!("{status:?}{log}").contains(TOKEN), "{status:?}{log}");
}
