//! A host that runs the agent, and the servers that it follows on the hosts' network.

use std::path::{Path, PathBuf};
use std::time::Duration;

use pull_agent_forge::Forge;
use pull_agent_git_tests::HttpServer;
use pull_agent_host_tests::{Bridge, FlakeRepository, Host, Lab, Output, System};
use serde_json::Value;

/// The name of the check run that the host waits for.
const CHECK: &str = "build (yggdrasil)";
const REPOSITORY: &str = "poby/infra";

/// So often a status is looked at, a third of a second apart, before a test gives up.
const LOOKS: usize = 400;

pub(super) struct Fleet {
    pub(super) host: Host,
    flake: FlakeRepository,
    forge: Forge,
    _git: HttpServer,
    _runtime: tokio::runtime::Runtime,
    directory: tempfile::TempDir,
}

impl Fleet {
    /// A booted host whose agent runs and has deployed nothing yet; `None` where the machine can have no hosts.
    pub(super) fn up() -> Option<Self> {
        let host = Host::up(Lab::ready()?, "yggdrasil").expect("a host boots");
        let directory = tempfile::tempdir().expect("a temporary folder");
        let flake = FlakeRepository::create(&directory.path().join("work")).expect("the flake is committed");
        let bare = directory.path().join("infra.git");
        flake
            .git(&["init", "--quiet", "--bare", "--initial-branch=main", text(&bare)])
            .expect("a remote is made");
        let git = HttpServer::start_on(directory.path(), Bridge.listen(0).expect("a port on the bridge"));
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .expect("a runtime starts");
        let listener = Bridge.listen(0).expect("a port on the bridge");
        let forge = runtime.block_on(Forge::listen_on(listener)).expect("the forge starts");
        let fleet = Self { host, flake, forge, _git: git, _runtime: runtime, directory };
        let url = fleet._git.url("infra.git");
        fleet.switch_by_hand(&url);
        fleet.install(&url);
        Some(fleet)
    }

    /// As on every host: what runs before the agent came was switched to by a person.
    fn switch_by_hand(&self, url: &str) {
        self.push(&self.system());
        let line = r#"nixos-rebuild switch --no-reexec --flake "git+$0?ref=main#yggdrasil" 2>&1"#;
        self.host.exec(&["bash", "-euc", line, url]).and_then(Output::ok).expect("the first switch succeeds");
    }

    fn install(&self, url: &str) {
        for program in ["pull-agent", "agentctl"] {
            let inside = format!("/usr/bin/{program}");
            self.host.install(&built(program), &inside, 0o755).expect("the program is installed");
        }
        let config = format!(
            r#"
            host = "yggdrasil"
            [source]
            url = "{url}"
            poll_interval = "2s"
            [gate]
            api_url = "{}"
            repository = "{REPOSITORY}"
            checks = ["build ({{host}})"]
            [rebuild]
            min_free = "1MiB"
            [health]
            settle = "1s"
            deadline = "15s"
            "#,
            self.forge.url()
        );
        self.host
            .write_file("/etc/pull-agent/config.toml", config.as_bytes(), 0o644)
            .expect("it is configured");
        let unit = "/usr/lib/systemd/system/pull-agent.service";
        self.host.write_file(unit, agent_unit().as_bytes(), 0o644).expect("the unit is installed");
        self.host
            .shell(
                "groupadd --system pull-agent; systemctl daemon-reload; systemctl start pull-agent.service",
            )
            .and_then(Output::ok)
            .expect("the service starts");
    }

    pub(super) fn system(&self) -> System {
        System::new("yggdrasil")
    }

    /// Pushes the system to the git server; returns the revision, of which the forge knows no check.
    pub(super) fn push(&self, system: &System) -> String {
        let revision = self.flake.commit_system(system).expect("the host's data is committed");
        let remote = self.directory.path().join("infra.git");
        self.flake.git(&["push", "--quiet", text(&remote), "HEAD:main"]).expect("the commit is pushed");
        revision
    }

    /// CI says how its build of the revision ended.
    pub(super) fn ci(&self, revision: &str, conclusion: &str) {
        self.forge.set_check(REPOSITORY, revision, CHECK, "completed", Some(conclusion));
    }

    /// Pushes a system whose check is green already.
    pub(super) fn merge(&self, system: &System) -> String {
        let revision = self.push(system);
        self.ci(&revision, "success");
        self.nudge(&revision);
        revision
    }

    pub(super) fn nudge(&self, revision: &str) {
        self.host
            .exec(&["agentctl", "nudge", "--revision", revision])
            .and_then(Output::ok)
            .expect("the nudge is taken");
    }

    /// The status, or none while the agent is down.
    pub(super) fn status(&self) -> Option<Value> {
        let output = self.host.exec(&["agentctl", "--json", "status"]).expect("agentctl runs");
        (output.code == 0).then(|| serde_json::from_str(&output.stdout).expect("the status is JSON"))
    }

    /// Looks until the status is as wanted; returns it.
    pub(super) fn wait_for(&self, what: &str, wanted: impl Fn(&Value) -> bool) -> Value {
        let mut last = None;
        for _ in 0..LOOKS {
            if let Some(status) = self.status() {
                if wanted(&status) {
                    return status;
                }
                last = Some(status);
            }
            std::thread::sleep(Duration::from_millis(300));
        }
        let journal = self.host.journal(&["--unit=pull-agent.service", "--lines=40"]).unwrap_or_default();
        panic!("never: {what}; the last status: {last:#?}\n{journal}");
    }

    /// Waits for the end of the revision's deployment; returns the status then.
    pub(super) fn ended(&self, revision: &str) -> Value {
        self.wait_for(&format!("{revision} has ended"), |status| {
            status["last_deployment"]["revision"] == revision && status["current"].is_null()
        })
    }

    pub(super) fn current(&self) -> String {
        self.host.resolve("/run/current-system").expect("there is a current system")
    }

    pub(super) fn profile(&self) -> String {
        self.host.resolve("/nix/var/nix/profiles/system").expect("there is a profile")
    }

    /// The system that the boot loader starts next.
    pub(super) fn boot_default(&self) -> String {
        self.shell("cat /boot/default").trim().to_owned()
    }

    pub(super) fn pid(&self) -> String {
        self.host.unit_property("pull-agent.service", "MainPID").expect("systemd answers")
    }

    pub(super) fn shell(&self, line: &str) -> String {
        self.host.shell(line).and_then(Output::ok).expect("the line succeeds")
    }
}

/// The unit that the project ships.
pub(super) fn agent_unit() -> String {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../nixos/systemd/pull-agent.service");
    std::fs::read_to_string(file).expect("the unit is part of the project")
}

/// A program of this build, which lies beside the folder of this test.
fn built(program: &str) -> PathBuf {
    let test = std::env::current_exe().expect("this test has a file");
    let file = test.ancestors().nth(2).expect("the folder of the build").join(program);
    assert!(file.exists(), "{} is missing: run `cargo build --workspace` first", file.display());
    file
}

fn text(path: &Path) -> &str {
    path.to_str().expect("a path in UTF-8")
}
