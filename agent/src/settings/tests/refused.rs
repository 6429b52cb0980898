//! What is refused, in which words, with which key and line.

use std::fs;

use super::{SMALLEST, facts, refused};
use crate::settings::{Facts, load, parse, parse_for_listen};

/// Pairs of lines: a section with one line of it, and what is said of that.
const TABLE: &str = include_str!("refused.txt");

#[test]
fn each_wrong_value_is_named_with_its_line_and_what_is_allowed() {
    let lines: Vec<_> = TABLE.lines().collect();
    assert!(lines.len() > 180, "the table is not whole");
    for pair in lines.chunks(2) {
        let &[written, said] = pair else { panic!("{pair:?} is no pair") };
        let (section, line) = written.trim_start_matches('[').split_once("] ").expect("[section] line");
        let text = match section {
            "source" if line.starts_with("url ") => format!("[source]\n{line}\n"),
            "source" => format!("{SMALLEST}{line}\n"),
            section => format!("{SMALLEST}[{section}]\n{line}\n"),
        };
        let found: Vec<_> = refused(&text).lines().collect();
        assert_eq!(found, [format!("configuration:{}", said.trim())], "{written}");
        assert!(!found[0].contains("s3cret"), "{written}");
    }
}

#[track_caller]
fn check(text: &str, said: &[&str]) {
    let found: Vec<_> = refused(text).lines().collect();
    assert_eq!(found, said, "{text}");
}

#[test]
fn all_problems_are_said_at_once() {
    check(
        concat!(
            "host = \"a b\"\n",
            "[source]\nurl = \"https://x@github.com/poby/infra\"\npoll_interval = 5\n",
            "[gate]\nchecks = [\"a\",\n  7,\n  \"\",\n]\n",
            "[healthy]\n[system]\ncurrent = \"x\"\n",
        ),
        &[
            "configuration:1: host: \"a b\" is no host name; allowed: letters, digits, '-', '_' and '.'",
            "configuration:3: source.url: the URL holds a user name or password; allowed: a URL without, and the secret in token_file",
            "configuration:4: source.poll_interval: the number 5 is the wrong type; allowed: a number with s, m, h or d, like \"60s\", \"15m\", \"2h\" or \"1h30m\"",
            "configuration:7: gate.checks: the number 7 is the wrong type; allowed: a string",
            "configuration:8: gate.checks: an entry is empty; allowed: texts of at least one character",
            "configuration:10: healthy: unknown key; did you mean \"health\"; allowed here: host, source, gate, trust, reboot, rebuild, system, health, nudge, state",
            "configuration:12: system.current: the value (not shown: it does not begin with \"/\", and may be a secret) is not an absolute path; allowed: a path from \"/\" without \"..\"",
        ],
    );
}

#[test]
fn a_key_cannot_write_to_the_terminal() {
    let said = refused("[source]\n\"a\\u001b[31m\\u202eb\\nc\" = 1\n").to_string();
    assert!(said.contains("unknown key") && !said.contains(['\u{1b}', '\u{202e}']), "{said:?}");
}

#[test]
fn a_missing_url_is_said_with_the_section_that_is_there() {
    let missing = "source.url: missing; allowed: https://, http://, ssh://, user@host:path, file:// or an absolute path";
    check("", &[&format!("configuration: {missing}")]);
    check("\n[source]\n", &[&format!("configuration:2: {missing}")]);
    check(
        "source = 3\n",
        &[
            "configuration:1: source: the number 3 is no section; allowed: a table of keys",
            &format!("configuration:1: {missing}"),
        ],
    );
}

#[test]
fn broken_syntax_is_said_alone() {
    check("[source\nurl = 3\n", &["configuration:1: not valid TOML: unclosed table, expected `]`"]);
    check("a = 1\na = 2\n", &["configuration:2: not valid TOML: duplicate key"]);
}

#[test]
fn a_secret_where_a_path_belongs_is_not_repeated() {
    const TOKEN: &str = "ghp_0123456789abcdef";
    let keys = [
        ("source", "token_file"),
        ("source", "ssh_key_file"),
        ("source", "known_hosts_file"),
        ("source", "ca_file"),
        ("gate", "token_file"),
        ("gate.app", "private_key_file"),
        ("trust", "allowed_signers_file"),
        ("system", "profile"),
        ("state", "directory"),
        ("nudge", "tailscaled_socket"),
        // No keys at all.
        ("source", "token"),
        ("gate", "tokenfile"),
    ];
    let quoted = [
        format!("\"{TOKEN}\""),
        format!("[\"{TOKEN}\"]"),
        format!("{{ value = \"{TOKEN}\" }}"),
        format!("\"\"\"\\n{TOKEN}\"\"\""),
    ];
    // No TOML.
    let broken = [
        TOKEN.to_owned(),
        format!("\"{TOKEN}"),
        format!("'{TOKEN}\""),
        format!("\"{TOKEN}\" x"),
        format!("\"\\q{TOKEN}\""),
        format!("[{TOKEN}"),
        "0123456789abcdef".to_owned(),
    ];
    for (section, key) in keys {
        for value in quoted.iter().chain(&broken) {
            for between in [" = ", " ", ": "] {
                let text = format!("{SMALLEST}[{section}]\n{key}{between}{value}\n").replace(
                    "[source]\nurl = \"https://github.com/poby/infra\"\n[source]\n",
                    "[source]\nurl = \"https://github.com/poby/infra\"\n",
                );
                let said = parse(&text, &facts()).expect_err(&text).to_string();
                assert!(!said.contains("0123456789"), "{text}\n{said}");
            }
        }
    }
    // A number is no path either.
    let said = parse(&format!("{SMALLEST}[gate]\ntoken_file = 123456\n"), &facts()).expect_err("a number");
    assert!(!said.to_string().contains("123456"), "{said}");
}

#[test]
fn a_token_never_goes_over_plain_http_to_another_machine() {
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml");
    check(
        &format!(
            "[source]\nurl = \"http://git.example.org/poby/infra\"\ntoken_file = {file:?}\n[gate]\nrepository = \"poby/infra\"\napi_url = \"http://10.0.0.1\"\ntoken_file = {file:?}\n"
        ),
        &[
            "configuration:3: source.token_file: a token would go over plain http to git.example.org; allowed: https://, or no token",
            "configuration:7: gate.token_file: a token would go over plain http to 10.0.0.1; allowed: https://, or no token",
        ],
    );
}

#[test]
fn the_repository_is_not_guessed_from_another_forge() {
    let said = "gate.repository: missing, and source.url names no repository of the forge at gate.api_url; allowed: \"owner/name\"";
    check("[source]\nurl = \"https://gitlab.com/poby/infra\"\n", &[&format!("configuration: {said}")]);
    check("[source]\nurl = \"/srv/infra\"\n[gate]\n", &[&format!("configuration:3: {said}")]);
}

#[test]
fn a_machine_without_a_name_must_be_given_one() {
    let facts = Facts { hostname: None, ..facts() };
    let errors = parse(SMALLEST, &facts).expect_err("no host");
    assert_eq!(
        errors.to_string(),
        "configuration: host: missing, and the machine has no host name; allowed: a flake attribute"
    );
    let errors = parse_for_listen("", &facts).expect_err("no host");
    assert_eq!(errors.problems.len(), 1);
}

#[test]
fn a_socket_fits_into_its_address() {
    let path = format!("/{}", "x".repeat(94));
    let text = |name: &str| format!("{SMALLEST}[state]\nsocket = \"{path}/{name}\"\n");
    assert!(parse(&text("a"), &facts()).is_err());
    let path = &path[..path.len() - 1];
    let text = format!("{SMALLEST}[state]\nsocket = \"{path}/a\"\n");
    assert!(parse(&text, &facts()).is_ok());
}

#[test]
fn a_file_that_is_no_configuration_is_named() {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("config.toml");
    let shown = path.display();
    let said = |path| load(path).expect_err("no file").to_string();
    assert_eq!(said(&path), format!("{shown}: cannot be read: No such file or directory (os error 2)"));
    fs::write(&path, vec![b'#'; (1 << 20) + 1]).expect("write");
    assert_eq!(said(&path), format!("{shown}: larger than 1 MiB, so this is no configuration"));
    fs::write(&path, [0xff]).expect("write");
    assert_eq!(said(&path), format!("{shown}: cannot be read: stream did not contain valid UTF-8"));
    fs::write(&path, "host = 1\n").expect("write");
    assert_eq!(load(&path).expect_err("bad").path, Some(path));
}
