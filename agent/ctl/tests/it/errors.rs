//! What is said and which exit code there is when something stands in the way.

use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::process::CommandExt as _;

use serde_json::json;

use super::agent::Agent;
use super::run::{agentctl, is_root, run, tell};
use super::status;

#[test]
fn no_agent_is_3() {
    let agent = Agent::start();
    std::fs::remove_file(agent.socket()).expect("a socket");
    insta::assert_snapshot!(run(&agent, &["status"]), @r"
    exit code 3
    --- stderr
    error: no agent answers: <dir>/agent.sock does not exist
    hint: systemctl status pull-agent
    ");
    let listener = std::os::unix::net::UnixListener::bind(agent.socket()).expect("a socket");
    drop(listener);
    insta::assert_snapshot!(run(&agent, &["--json", "history"]), @r"
    exit code 3
    --- stderr
    error: no agent answers at <dir>/agent.sock: Connection refused (os error 111)
    hint: systemctl status pull-agent
    ");
}

#[test]
fn a_socket_that_the_kernel_keeps_is_4() {
    // Another user is needed whom the socket keeps out.
    if !is_root() {
        return;
    }
    let agent = Agent::start();
    let open = |path, mode| {
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).expect("permissions")
    };
    open(agent.directory.path().to_owned(), 0o755);
    open(agent.directory.path().join("control.sock"), 0o660);
    let mut command = agentctl();
    command.arg("--socket").arg(agent.socket()).arg("resume").uid(65534).gid(65534);
    // The program itself lies where only its builder may look. It is copied by another process: a child that another test
    // starts meanwhile would hold the copy open for writing, and the kernel starts no such file (ETXTBSY, execve(2)).
    let program = agent.directory.path().join("agentctl");
    let mut cp = std::process::Command::new("cp");
    let copied = cp.arg(env!("CARGO_BIN_EXE_agentctl")).arg(&program).status();
    assert!(copied.expect("cp is there").success());
    let mut copy = std::process::Command::new(&program);
    copy.env_clear().args(command.get_args()).uid(65534).gid(65534);
    let told = tell(&copy.output().expect("it runs"))
        .replace(&agent.directory.path().display().to_string(), "<dir>");
    insta::assert_snapshot!(told, @r"
    exit code 4
    --- stderr
    error: not permitted to use <dir>/control.sock
    hint: use sudo
    ");
    assert_eq!(agent.asked(), Vec::<String>::new());
}

#[test]
fn a_problem_of_the_agent_is_told_with_its_hint() {
    let agent = Agent::start();
    let problem = |status: u16, detail: &str| json!({"title": "t", "status": status, "detail": detail, "hint": "do that"});
    agent
        .answers("POST /v1/resume", 507, problem(507, "the state cannot be saved: disk full"))
        .answers("POST /v1/resume", 403, problem(403, "you may not"))
        .answers("POST /v1/resume", 503, problem(503, "the agent is stopping"))
        .answers("POST /v1/resume", 500, "no document");
    insta::assert_snapshot!(run(&agent, &["resume"]), @r"
    exit code 1
    --- stderr
    error: the state cannot be saved: disk full
    hint: do that
    ");
    insta::assert_snapshot!(run(&agent, &["resume"]), @r"
    exit code 4
    --- stderr
    error: you may not
    hint: do that
    ");
    insta::assert_snapshot!(run(&agent, &["resume"]), @r"
    exit code 3
    --- stderr
    error: the agent is stopping
    hint: do that
    ");
    insta::assert_snapshot!(run(&agent, &["resume"]), @r"
    exit code 1
    --- stderr
    error: the agent answered 500 Internal Server Error
    ");
}

#[test]
fn an_answer_that_is_no_document_is_1() {
    let agent = Agent::start();
    agent.answers("GET /v1/status", 200, "{").answers("GET /v1/status", 200, r#"{"version": 1}"#);
    insta::assert_snapshot!(run(&agent, &["--json", "status"]), @r"
    exit code 1
    --- stderr
    error: the agent's answer is not understood: EOF while parsing an object at line 1 column 1
    ");
    insta::assert_snapshot!(run(&agent, &["status"]), @r"
    exit code 1
    --- stderr
    error: the agent's answer is not understood: missing field `host` at line 1 column 14
    ");
}

#[test]
fn an_answer_without_end_is_cut_off() {
    let agent = Agent::start();
    agent.answers("GET /v1/status", 200, "x".repeat((8 << 20) + 1));
    insta::assert_snapshot!(run(&agent, &["status"]), @r"
    exit code 3
    --- stderr
    error: the answer of <dir>/agent.sock broke off: it is larger than 8388608 bytes
    ");
}

#[test]
fn another_host_is_asked_over_its_listener() {
    let agent = Agent::start();
    agent.answers("GET /v1/status", 200, status());
    let host = format!("127.0.0.1:{}", agent.port);
    let output = agentctl().args(["--json", "--host", &host, "status"]).output().expect("it runs");
    assert_eq!(output.status.code(), Some(0));
    assert_eq!(agent.asked(), ["remote GET /v1/status"]);
    let output = agentctl().args(["--host", &host, "pause"]).output().expect("it runs");
    insta::assert_snapshot!(tell(&output), @r"
    exit code 4
    --- stderr
    error: what changes things goes over the local socket of the host only
    hint: ssh 127.0.0.1 sudo agentctl …
    ");
    let output = agentctl().args(["--host", "127.0.0.1:1", "status"]).output().expect("it runs");
    insta::assert_snapshot!(tell(&output), @r"
    exit code 3
    --- stderr
    error: no listener answers at 127.0.0.1:1: Connection refused (os error 111)
    hint: on that host: systemctl status pull-agent-listener
    ");
}

#[test]
fn what_comes_later_says_so() {
    for arguments in
        ["diff", "deploy bad1234 --without-checks", "rollback", "doctor", "--host a --host b nudge"]
    {
        let output = agentctl().args(arguments.split(' ')).output().expect("it runs");
        let told = tell(&output);
        assert!(told.starts_with("exit code 1\n--- stderr\nerror: "), "{told}");
        assert!(told.contains("not in this version yet\nhint: "), "{told}");
    }
}

#[test]
fn a_wrong_command_line_is_2() {
    for arguments in [
        "",
        "nonsense",
        "status --nonsense",
        "nudge --revision abc",
        "nudge --timeout 1m",
        "pause --for 5",
        "accept",
        "retry xyz",
        "history -n x",
        "--host a/b status",
        "--host a --socket /x status",
        "completions tcsh",
    ] {
        let output = agentctl().args(arguments.split_whitespace()).output().expect("it runs");
        let told = tell(&output);
        assert!(told.starts_with("exit code 2\n--- stderr\n"), "{arguments}: {told}");
    }
}
