//! The whole listener in a process of its own: what it becomes, and when it does not start. The process is this test
//! binary again, running only [`the_process`].

use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixDatagram;
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::time::Duration;

use nix::unistd::{Uid, User, geteuid};
use pull_agent::listen::{DEFAULT_USER, run};
use pull_agent::settings::Allow;
use tokio_util::sync::CancellationToken;

use super::daemon::Daemon;

/// What the process is told, in its environment.
struct Orders<'a> {
    listen: &'a [&'a str],
    allow: bool,
    user: Option<&'a str>,
    group: &'a str,
    directory: &'a Path,
    extra: &'a [(&'a str, &'a str)],
}

impl Default for Orders<'_> {
    fn default() -> Self {
        Self {
            listen: &["127.0.0.1:0"],
            allow: true,
            user: None,
            group: "no-such-group",
            directory: Path::new("/nonexistent"),
            extra: &[],
        }
    }
}

impl Orders<'_> {
    fn command(&self) -> Command {
        let mut command = Command::new("/proc/self/exe");
        command
            .args(["--exact", "listen::privileges::the_process", "--ignored", "--nocapture"])
            .env("TEST_LISTEN", self.listen.join(" "))
            .env("TEST_ALLOW", if self.allow { "any" } else { "" })
            .env("TEST_GROUP", self.group)
            .env("TEST_DIRECTORY", self.directory)
            .env_remove("NOTIFY_SOCKET")
            .env_remove("LISTEN_FDS")
            .envs(self.extra.iter().copied())
            .stdin(Stdio::null());
        if let Some(user) = self.user {
            command.env("TEST_USER", user);
        }
        command
    }

    /// Asserts that it does not start, and what it says.
    fn refused(&self, sentence: &str) {
        let Output { status, stdout, stderr } = self.command().output().unwrap();
        let said = format!("{}{}", String::from_utf8_lossy(&stdout), String::from_utf8_lossy(&stderr));
        assert!(!status.success(), "it started: {said}");
        assert!(said.contains(sentence), "{said:?} does not say {sentence:?}");
    }
}

/// Not a test: the process that the tests here start.
#[tokio::test]
#[ignore = "started by the other tests of this file, in a process of its own"]
async fn the_process() {
    let variable = |name: &str| std::env::var(name).unwrap();
    let directory = variable("TEST_DIRECTORY");
    let allow = (variable("TEST_ALLOW") == "any").then_some(Allow::Any).into_iter().collect();
    let mut settings = super::lab::settings(Path::new(&directory), allow);
    settings.nudge.listen =
        variable("TEST_LISTEN").split_whitespace().map(|text| text.parse().unwrap()).collect();
    settings.group = variable("TEST_GROUP");
    let user = std::env::var("TEST_USER").ok();
    if geteuid().is_root() {
        // A group to lose.
        nix::unistd::setgroups(&[nix::unistd::Gid::from_raw(4242)]).unwrap();
    }
    if let Err(error) = run(&settings, user.as_deref(), CancellationToken::new()).await {
        let cause = std::error::Error::source(&error).map(ToString::to_string).unwrap_or_default();
        panic!("{error}: {cause}");
    }
}

/// Killed when the test ends, however it ends.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }
}

impl Running {
    /// Starts it and returns once it is ready, with its status line.
    fn start(orders: &Orders<'_>) -> (Self, String) {
        let notify = tempfile::tempdir().unwrap();
        open_to_all(notify.path());
        let path = notify.path().join("notify.sock");
        let socket = UnixDatagram::bind(&path).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o666)).unwrap();
        socket.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        let child = Self(orders.command().env("NOTIFY_SOCKET", &path).stdout(Stdio::null()).spawn().unwrap());
        let mut buffer = [0; 4096];
        let length = socket.recv(&mut buffer).expect("it is never ready");
        let text = String::from_utf8(buffer[..length].to_vec()).unwrap();
        assert!(text.contains("READY=1"), "{text:?}");
        (child, text)
    }

    /// A line of `/proc/<pid>/status`.
    fn status(&self, name: &str) -> Vec<String> {
        let text = std::fs::read_to_string(format!("/proc/{}/status", self.0.id())).unwrap();
        let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':')).unwrap();
        line.split_whitespace().map(str::to_owned).collect()
    }

    /// The test harness has a main thread of its own, which is not the listener's.
    fn a_thread_has_no_new_privileges(&self) -> bool {
        std::fs::read_dir(format!("/proc/{}/task", self.0.id())).unwrap().any(|task| {
            let status = std::fs::read_to_string(task.unwrap().path().join("status")).unwrap();
            status.lines().any(|line| line == "NoNewPrivs:\t1")
        })
    }
}

fn open_to_all(path: &Path) {
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o755)).unwrap();
}

/// A port that was free a moment ago.
fn free_port() -> SocketAddr {
    std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap()
}

#[tokio::test]
async fn it_serves_as_nobody_when_root_starts_it() {
    let directory = tempfile::tempdir().unwrap();
    open_to_all(directory.path());
    let daemon = Daemon::start(&directory.path().join("agent.sock"));
    let socket = directory.path().join("agent.sock");
    std::fs::set_permissions(&socket, std::fs::Permissions::from_mode(0o666)).unwrap();
    let address = free_port();
    let listen = [&*address.to_string()];
    let orders = Orders { listen: &listen, directory: directory.path(), ..Orders::default() };
    let (running, status) = Running::start(&orders);
    assert!(status.contains(&format!("STATUS=listening on {address}")), "{status:?}");

    let expected = if geteuid().is_root() { DEFAULT_USER.to_owned() } else { own_name() };
    let account = User::from_name(&expected).unwrap().unwrap();
    assert_eq!(running.status("Uid"), vec![account.uid.to_string(); 4]);
    assert!(running.a_thread_has_no_new_privileges());
    if geteuid().is_root() {
        assert_eq!(running.status("Gid"), vec![account.gid.to_string(); 4]);
        assert_eq!(running.status("Groups"), [""; 0]);
    }
    assert_eq!(running.status("CapEff"), ["0000000000000000"]);
    assert_eq!(running.status("CapPrm"), ["0000000000000000"]);

    let mut client = super::lab::Client(tokio::net::TcpStream::connect(address).await.unwrap());
    client.write("POST /v1/nudge HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\n\r\n").await;
    client.answer().await.passed();
    assert_eq!(daemon.lines(), ["POST /v1/nudge"]);
}

#[test]
fn an_address_that_is_not_there_yet_is_waited_for() {
    // TEST-NET-1 of RFC 5737 is nobody's.
    let (_running, status) = Running::start(&Orders { listen: &["192.0.2.1:7319"], ..Orders::default() });
    assert!(status.contains("waiting for the address 192.0.2.1:7319"), "{status:?}");
}

#[test]
fn an_address_that_is_taken_is_an_error() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    Orders { listen: &[&address], ..Orders::default() }.refused(&format!("cannot listen on {address}: "));
}

#[test]
fn nothing_to_do_is_an_error() {
    Orders { listen: &[], ..Orders::default() }.refused("nudge.listen is empty");
    Orders { allow: false, ..Orders::default() }.refused("nudge.allow is empty");
    Orders { extra: &[("LISTEN_FDS", "1")], ..Orders::default() }.refused("sockets from systemd");
}

#[test]
fn it_never_runs_as_somebody_with_power() {
    Orders { user: Some("no-such-user"), ..Orders::default() }.refused("there is no user no-such-user");
    if geteuid().is_root() {
        let nobody = User::from_name(DEFAULT_USER).unwrap().unwrap();
        let group = nix::unistd::Group::from_gid(nobody.gid).unwrap().unwrap().name;
        Orders { user: Some("root"), ..Orders::default() }.refused("user root is root");
        Orders { group: &group, ..Orders::default() }
            .refused(&format!("user nobody is a member of group {group}"));
    } else {
        let group = nix::unistd::Group::from_gid(nix::unistd::getegid()).unwrap().unwrap().name;
        Orders { user: Some("root"), ..Orders::default() }
            .refused("cannot become user root: not started as root");
        Orders { group: &group, ..Orders::default() }.refused(&format!("is a member of group {group}"));
    }
}

fn own_name() -> String {
    User::from_uid(Uid::effective()).unwrap().unwrap().name
}
