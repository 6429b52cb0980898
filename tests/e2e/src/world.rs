//! One host without Nix, what it follows, and how it is configured.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use pull_agent_forge::Forge;
use tempfile::TempDir;

use crate::agent::Agent;
use crate::config::Config;
use crate::programs::{pull_agent, workspace};
use crate::repository::Repository;
use crate::{eventually, forge};

/// Name of the host.
pub const HOST: &str = "yggdrasil";
/// The repository's name on the forge.
pub const REPOSITORY: &str = "poby/infra";
/// The check run that the configuration names.
pub const CHECK: &str = "build (yggdrasil)";

/// A host, a repository, a forge. All of it is gone when this is dropped, running steps included.
#[derive(Debug)]
pub struct World {
    folder: TempDir,
    /// What is followed.
    pub repository: Repository,
    /// What is asked.
    pub forge: Forge,
    /// What [`World::start`] writes to the file.
    pub config: Config,
    /// Added to the agent's environment.
    pub environment: BTreeMap<String, String>,
    /// The system that the host was installed with.
    pub first_system: String,
}

impl Default for World {
    fn default() -> Self {
        Self::new()
    }
}

impl World {
    /// Makes one with an empty repository and a configuration that loses no time.
    ///
    /// # Panics
    /// When the machine cannot.
    #[must_use]
    pub fn new() -> Self {
        let folder =
            tempfile::Builder::new().prefix("pull-agent-e2e-").tempdir().expect("a temporary folder");
        let root = folder.path().canonicalize().expect("it is there");
        // The listener is somebody else where the tests are run by root.
        std::fs::set_permissions(&root, Permissions::from_mode(0o755)).expect("its owner may");
        let new_host = workspace().join("tests/world/bin/new-host");
        let made = Command::new(new_host).arg(root.join("world")).arg(HOST).output().expect("bash is there");
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        let forge = forge::start();
        let config = config(&root, &forge);
        Self {
            repository: Repository::new(&root),
            forge,
            config,
            environment: BTreeMap::new(),
            first_system: String::from_utf8_lossy(&made.stdout).trim().to_owned(),
            folder,
        }
    }

    /// A world whose host runs a first green revision, the agent that deployed it, and that revision.
    ///
    /// # Panics
    /// When that does not happen.
    #[must_use]
    pub fn deployed() -> (Self, Agent, String) {
        Self::deployed_with(|_| {})
    }

    /// The same with some keys set otherwise.
    ///
    /// # Panics
    /// When that does not happen.
    #[must_use]
    pub fn deployed_with(configure: impl FnOnce(&mut Config)) -> (Self, Agent, String) {
        let mut world = Self::new();
        configure(&mut world.config);
        let revision = world.green("service norns");
        let agent = world.start();
        agent.wait_until_runs(&revision);
        (world, agent, revision)
    }

    /// Root of everything.
    #[must_use]
    pub fn folder(&self) -> PathBuf {
        self.folder.path().canonicalize().expect("it is there as long as the world")
    }

    /// A file of the host (`tests/world/README.md`).
    #[must_use]
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder().join("world").join(name)
    }

    /// The state directory.
    #[must_use]
    pub fn state(&self) -> PathBuf {
        self.folder().join("state")
    }

    // --- commits and checks ------------------------------------------------------------------------------------------

    /// Commits and pushes a configuration of the host, and returns the revision. Its subject is the first line.
    pub fn commit(&self, configuration: &str) -> String {
        self.repository.write(&format!("hosts/{HOST}.conf"), &format!("{configuration}\n"));
        let revision = self.repository.commit(configuration.lines().next().unwrap_or("empty"));
        self.repository.push();
        revision
    }

    /// Commits and pushes something that no host is made of.
    pub fn commit_docs(&self, text: &str) -> String {
        self.repository.write("README.md", text);
        let revision = self.repository.commit("docs");
        self.repository.push();
        revision
    }

    /// Commits, pushes and lets CI say yes.
    pub fn green(&self, configuration: &str) -> String {
        let revision = self.commit(configuration);
        self.check(&revision, "completed", Some("success"));
        revision
    }

    /// Sets the named check run of a revision.
    pub fn check(&self, revision: &str, status: &str, conclusion: Option<&str>) {
        self.forge.set_check(REPOSITORY, revision, CHECK, status, conclusion);
    }

    // --- the host ------------------------------------------------------------------------------------------------------

    /// What runs.
    #[must_use]
    pub fn system(&self) -> String {
        resolve(&self.path("current-system"))
    }

    /// What the boot loader starts next.
    #[must_use]
    pub fn boot_default(&self) -> String {
        resolve(&self.path("boot-default"))
    }

    /// What the system profile leads to.
    #[must_use]
    pub fn profile(&self) -> String {
        resolve(&self.path("profiles/system"))
    }

    /// Whether the configuration of the running system has this line.
    #[must_use]
    pub fn runs(&self, line: &str) -> bool {
        let text = std::fs::read_to_string(self.path("current-system/conf")).unwrap_or_default();
        text.lines().any(|found| found == line)
    }

    /// The host's diary: every build, profile set and activation.
    #[must_use]
    pub fn calls(&self) -> Vec<String> {
        let text = std::fs::read_to_string(self.path("calls")).unwrap_or_default();
        text.lines().map(str::to_owned).collect()
    }

    /// How many lines of the diary begin like this.
    #[must_use]
    pub fn count(&self, beginning: &str) -> usize {
        self.calls().iter().filter(|line| line.starts_with(beginning)).count()
    }

    /// Waits until the diary has a line that begins like this.
    ///
    /// # Panics
    /// When it gets none.
    #[track_caller]
    pub fn wait_for_call(&self, beginning: &str) {
        let found = eventually(|| (self.count(beginning) > 0).then_some(()));
        assert!(found.is_some(), "no {beginning:?} among {:#?}", self.calls());
    }

    /// How many lines of the diary are exactly this.
    #[must_use]
    pub fn count_of(&self, line: &str) -> usize {
        self.calls().iter().filter(|found| *found == line).count()
    }

    /// What was built last, with its path.
    ///
    /// # Panics
    /// When nothing was built.
    #[must_use]
    pub fn built(&self) -> String {
        resolve(&self.state().join("build/result"))
    }

    /// Waits for a file of the host that holds one line, and returns it.
    ///
    /// # Panics
    /// When it does not come.
    #[track_caller]
    pub fn read(&self, name: &str) -> String {
        let whole = || std::fs::read_to_string(self.path(name)).ok().filter(|text| text.ends_with('\n'));
        eventually(whole).unwrap_or_else(|| panic!("{name} did not come")).trim().to_owned()
    }

    /// Whether the process of this id is there and has not ended.
    #[must_use]
    pub fn is_alive(id: &str) -> bool {
        let state = std::fs::read_to_string(format!("/proc/{id}/stat")).unwrap_or_default();
        state.rsplit_once(')').is_some_and(|(_, rest)| !rest.trim_start().starts_with('Z'))
    }

    /// Kills the agent and everything that it has started, as the loss of power does.
    pub fn lose_power(&self, agent: Agent) {
        agent.kill();
        end_everybody(&self.folder());
    }

    /// Opens a gate that a build or a switch waits for.
    ///
    /// # Panics
    /// When the file cannot be made.
    pub fn open(&self, gate: &str) {
        std::fs::write(self.path("gates").join(gate), "").expect("a new file");
    }

    /// Closes it again.
    ///
    /// # Panics
    /// When it was not open.
    pub fn close(&self, gate: &str) {
        std::fs::remove_file(self.path("gates").join(gate)).expect("the gate was open");
    }

    /// Lets something of the host go wrong from now on.
    ///
    /// # Panics
    /// When the file cannot be made.
    pub fn fault(&self, name: &str) {
        std::fs::write(self.path("faults").join(name), "").expect("a new file");
    }

    /// Ends that.
    ///
    /// # Panics
    /// When there was no such fault.
    pub fn heal(&self, name: &str) {
        std::fs::remove_file(self.path("faults").join(name)).expect("the fault was there");
    }

    // --- programs ------------------------------------------------------------------------------------------------------

    /// Writes the configuration file and returns its path.
    ///
    /// # Panics
    /// When it cannot be written.
    pub fn write_config(&self) -> PathBuf {
        let path = self.folder().join("config.toml");
        std::fs::write(&path, self.config.text()).expect("a new file");
        path
    }

    /// Starts the agent and waits until it answers.
    ///
    /// # Panics
    /// When it does not.
    #[must_use]
    pub fn start(&self) -> Agent {
        let agent = self.spawn();
        agent.wait_until_it_answers();
        agent
    }

    /// Starts the agent without waiting for it.
    #[must_use]
    pub fn spawn(&self) -> Agent {
        let config = self.write_config();
        Agent::spawn(self, &config)
    }

    /// Runs `pull-agent` with these arguments to its end.
    ///
    /// # Panics
    /// When it cannot be started.
    #[must_use]
    pub fn run(&self, arguments: &[&str]) -> Output {
        self.command(pull_agent()).args(arguments).output().expect("the program can be started")
    }

    /// A program in the environment of the host, and nothing of the environment of the test.
    #[must_use]
    pub fn command(&self, program: &Path) -> Command {
        let tests = workspace().join("tests");
        let path = format!(
            "{}:{}:{}",
            tests.join("world/bin").display(),
            tests.join("host/bin").display(),
            std::env::var("PATH").unwrap_or_else(|_| "/usr/bin:/bin".to_owned())
        );
        let mut command = Command::new(program);
        command
            .env_clear()
            .env("PATH", path)
            .env("HOME", self.folder())
            .env("LANG", "C.UTF-8")
            .env("WORLD_ROOT", self.folder().join("world"))
            .env("NIXOS_REBUILD_NO_SYSTEMD_RUN", "1")
            .envs(&self.environment)
            .current_dir(self.folder());
        command
    }
}

impl Drop for World {
    fn drop(&mut self) {
        end_everybody(&self.folder());
        if std::thread::panicking() {
            let log = std::fs::read_to_string(self.folder.path().join("agent.log")).unwrap_or_default();
            let lines: Vec<&str> = log.lines().collect();
            let end = lines[lines.len().saturating_sub(40)..].join("\n");
            // Unwinding tests print by panicking only; cargo shows the message with the test's own.
            let report = format!("the agent said last:\n{end}\nthe host saw:\n{}\n", self.calls().join("\n"));
            std::io::Write::write_all(&mut std::io::stderr(), report.as_bytes()).ok();
        }
    }
}

/// Kills what still runs on a host: steps outlive their agent. All are stopped first, so that nobody sees another one die,
/// and writes down that it did.
fn end_everybody(root: &Path) {
    let mut stopped = BTreeSet::new();
    loop {
        let new: Vec<_> = everybody(root).difference(&stopped).copied().collect();
        if new.is_empty() {
            break;
        }
        send(&new, Signal::SIGSTOP);
        stopped.extend(new);
    }
    send(&stopped, Signal::SIGKILL);
}

fn send<'a>(processes: impl IntoIterator<Item = &'a i32>, signal: Signal) {
    for id in processes {
        // One that has just ended cannot be signalled, which is as good.
        kill(Pid::from_raw(*id), signal).ok();
    }
}

/// Processes of a host, told by their environment or their arguments.
fn everybody(root: &Path) -> BTreeSet<i32> {
    let mark = format!("{}/", root.display());
    let has_mark = |file: PathBuf| {
        let text = std::fs::read(file).unwrap_or_default();
        text.windows(mark.len()).any(|window| window == mark.as_bytes())
    };
    let entries = std::fs::read_dir("/proc").into_iter().flatten().flatten();
    entries
        .filter(|entry| has_mark(entry.path().join("environ")) || has_mark(entry.path().join("cmdline")))
        .filter_map(|entry| entry.file_name().to_str()?.parse().ok())
        .collect()
}

fn resolve(link: &Path) -> String {
    let path = link.canonicalize().unwrap_or_else(|error| panic!("{}: {error}", link.display()));
    path.display().to_string()
}

fn config(root: &Path, forge: &Forge) -> Config {
    let mut config = Config::default();
    let world = root.join("world");
    config
        .set("host", HOST)
        .set("source.url", format!("file://{}", root.join("infra.git").display()))
        .set("source.poll_interval", "1s")
        .set("gate.api_url", forge.url())
        .set("gate.repository", REPOSITORY)
        .set("gate.checks", vec!["build ({host})"])
        .set("gate.accept", "commit")
        .set("rebuild.runner", "process")
        .set("rebuild.min_free", "1MiB")
        .set_path("system.current", &world.join("current-system"))
        .set_path("system.booted", &world.join("booted-system"))
        .set_path("system.profile", &world.join("profiles/system"))
        .set("health.settle", "0s")
        .set("health.deadline", "20s")
        .set("health.units", false)
        .set("health.source", false)
        .set("health.commands", toml::Value::Array(vec![toml::Value::Array(vec!["check-services".into()])]))
        .set_path("state.directory", &root.join("state"))
        .set_path("state.socket", &root.join("run/agent.sock"))
        .set_path("state.log_directory", &root.join("log"));
    config
}
