//! completions and man, which need no agent.

use super::run::agentctl;

const COMMANDS: [&str; 15] = [
    "status",
    "watch",
    "history",
    "logs",
    "diff",
    "nudge",
    "pause",
    "resume",
    "retry",
    "accept",
    "deploy",
    "rollback",
    "doctor",
    "completions",
    "man",
];

#[test]
fn every_shell_completes_every_command() {
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let output = agentctl().args(["completions", shell]).output().expect("it runs");
        assert!(output.status.success(), "{shell}");
        let script = String::from_utf8(output.stdout).expect("text");
        for command in COMMANDS {
            assert!(script.contains(command), "{shell} does not know {command}");
        }
    }
}

#[test]
fn the_manual_has_every_command_and_the_exit_codes() {
    let output = agentctl().arg("man").output().expect("it runs");
    let page = String::from_utf8(output.stdout).expect("text");
    assert!(page.contains(".TH agentctl 1"), "{page}");
    for command in COMMANDS {
        assert!(page.contains(&format!(".SS {command}\n")), "no part on {command}");
    }
    assert!(page.contains("not decided within the timeout"));
}

#[test]
fn the_book_has_every_command_and_every_option() {
    let book = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/agentctl.md"));
    for command in COMMANDS {
        assert!(book.contains(&format!("\n| `{command}")), "the book has no line on {command}");
        let output = agentctl().args([command, "--help"]).output().expect("it runs");
        let help = String::from_utf8(output.stdout).expect("text");
        let options = help.split_whitespace().filter(|word| word.starts_with("--"));
        for option in options.filter(|option| !matches!(*option, "--help")) {
            let name = option.trim_end_matches([',', '.']);
            assert!(book.contains(name), "the book does not name {name} of {command}");
        }
    }
}
