//! A host below one folder: a store with two systems, a profile, and fake programs. The folder's name holds whatever means
//! something in a URL or to a shell.

use std::fs;
use std::io::Write as _;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use pull_agent::process::Environment;
use pull_agent::rebuild::Rebuild;
use pull_agent::settings::{
    GateSource, Health, Nudge, OnFailure, Rebuild as RebuildSettings, Runner, Settings, Source,
    StateSettings, System,
};
use pull_agent_core::{
    BuildEnd, Built, Cause, DeploymentId, Exit, ReasonCode, Revision, StepNumber, SystemPath,
};
use tokio_util::sync::CancellationToken;

pub(crate) const REVISION: &str = "3f2a91c0d1e2f3a4b5c6d7e8f90123456789abcd";

/// Runs `<name>.<action>` of the world, whatever it is asked.
const NIXOS_REBUILD: &str = r#"#!/bin/sh
printf 'nixos-rebuild' >> "$WORLD/calls"
for argument; do printf ' %s' "$argument" >> "$WORLD/calls"; done
echo >> "$WORLD/calls"
exec sh -e "$WORLD/nixos-rebuild.$1" "$@"
"#;

/// `nix-env --profile P --set X`
const NIX_ENV: &str = r#"#!/bin/sh
echo "nix-env $1 $3" >> "$WORLD/calls"
if [ -e "$WORLD/nix-env.fails" ]; then cat "$WORLD/nix-env.fails" >&2; exit 1; fi
ln -sfn "$4" "$2"
"#;

/// Makes its system the default of the boot loader; `boot`, which does `boot.before` first, ends there. Then `switch.before` (of the real one: an init that only
/// a reboot can replace), then its system is what runs, then `switch.after`.
const SWITCH: &str = r#"#!/bin/sh
system=$(cd "$(dirname "$0")/.." && pwd -P)
echo "switch-to-configuration $1 $(basename "$system")" >> "$WORLD/calls"
if [ "$1" = boot ] && [ -e "$WORLD/boot.before" ]; then . "$WORLD/boot.before"; fi
ln -sfn "$system" "$WORLD/boot-default"
if [ "$1" = boot ]; then exit 0; fi
if [ -e "$WORLD/switch.before" ]; then . "$WORLD/switch.before"; fi
ln -sfn "$system" "$WORLD/current"
if [ -e "$WORLD/switch.after" ]; then . "$WORLD/switch.after"; fi
"#;

/// What `nixos-rebuild switch` does: the profile, then the activation.
const DO_SWITCH: &str = r#"
nix-env --profile "$WORLD/profile" --set "$WORLD/store/new"
"$WORLD/store/new/bin/switch-to-configuration" switch
"#;

pub(crate) struct World {
    root: PathBuf,
    /// None in a process that was started by a test: the folder is that test's.
    _folder: Option<tempfile::TempDir>,
    pub(crate) settings: Settings,
}

impl World {
    /// A host that runs `old`, on which `new` can be built.
    pub(crate) fn new() -> Self {
        let folder = tempfile::Builder::new().prefix("a host?x=1&y#%20 ").tempdir().expect("a folder");
        let root = folder.path().canonicalize().expect("it is there");
        for name in ["old", "new", "other"] {
            fs::create_dir_all(root.join("store").join(name).join("bin")).expect("a folder");
            program(&root.join("store").join(name).join("bin/switch-to-configuration"), SWITCH);
        }
        fs::create_dir(root.join("bin")).expect("a folder");
        program(&root.join("bin/nixos-rebuild"), NIXOS_REBUILD);
        program(&root.join("bin/nix-env"), NIX_ENV);
        symlink(root.join("store/old"), root.join("current")).expect("a link");
        symlink(root.join("store/old"), root.join("profile")).expect("a link");
        symlink(root.join("store/old"), root.join("boot-default")).expect("a link");
        let world = Self { settings: settings(&root), root, _folder: Some(folder) };
        world.on("build", "ln -sfn \"$WORLD/store/new\" result; echo built");
        world.on("switch", DO_SWITCH);
        world
    }

    /// The world of another process.
    pub(crate) fn at(root: &Path) -> Self {
        Self { settings: settings(root), root: root.to_owned(), _folder: None }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.root.join(name)
    }

    /// Puts a fake program on PATH.
    pub(crate) fn program(&self, name: &str, text: &str) {
        program(&self.path("bin").join(name), text);
    }

    /// What `nixos-rebuild ACTION` does; a script of sh with `-e`.
    pub(crate) fn on(&self, action: &str, script: &str) {
        self.write(&format!("nixos-rebuild.{action}"), script);
    }

    /// What every activation does when the boot loader is set and nothing else is.
    pub(crate) fn before_switch(&self, script: &str) {
        self.write("switch.before", script);
    }

    /// What every activation does at its end.
    pub(crate) fn after_switch(&self, script: &str) {
        self.write("switch.after", script);
    }

    pub(crate) fn write(&self, name: &str, text: &str) {
        fs::write(self.path(name), text).expect("written");
    }

    pub(crate) fn read(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).unwrap_or_default()
    }

    /// The lines that fake programs wrote.
    pub(crate) fn calls(&self) -> Vec<String> {
        self.read("calls").lines().map(str::to_owned).collect()
    }

    /// How often a program was called with this as its first argument.
    pub(crate) fn count(&self, start: &str) -> usize {
        self.calls().iter().filter(|line| line.starts_with(start)).count()
    }

    /// Name of the system that a link of the world leads to.
    pub(crate) fn target(&self, link: &str) -> String {
        let target = fs::canonicalize(self.path(link)).expect("a link to a system");
        target.file_name().expect("a name").to_string_lossy().into_owned()
    }

    /// What runs, what is the profile, what the boot loader starts next.
    pub(crate) fn host(&self) -> [String; 3] {
        ["current", "profile", "boot-default"].map(|link| self.target(link))
    }

    pub(crate) fn system(&self, name: &str) -> SystemPath {
        SystemPath::new(self.path("store").join(name).to_str().expect("UTF-8"))
    }

    pub(crate) fn environment(&self) -> Environment {
        let path = std::env::var("PATH").expect("there is one");
        let mut variables = pull_agent::process::environment();
        variables.insert("PATH".to_owned(), format!("{}:{path}", self.path("bin").display()));
        variables.insert("WORLD".to_owned(), self.path("").display().to_string());
        variables
    }

    /// An agent's driver, as after its start.
    pub(crate) fn rebuild(&self) -> Rebuild {
        let program = Path::new(env!("CARGO_BIN_EXE_pull-agent"));
        Rebuild::with_environment(&self.settings, program, self.environment())
    }

    pub(crate) async fn build(&self, number: u64) -> BuildEnd {
        build(&self.rebuild(), number, CancellationToken::new()).await
    }

    pub(crate) async fn activate(&self, number: u64) -> Exit {
        self.rebuild().switch(StepNumber(number), DeploymentId(1), &revision(), &self.built()).await
    }

    pub(crate) async fn roll_back(&self, number: u64) -> Exit {
        self.rebuild().switch_back(StepNumber(number), DeploymentId(1), &self.system("old")).await
    }

    /// The two systems of every deployment.
    pub(crate) fn built(&self) -> Built {
        Built { system: self.system("new"), previous: self.system("old") }
    }

    /// Waits until a file of the world is there.
    pub(crate) async fn until(&self, name: &str) {
        while !self.path(name).exists() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    /// Waits until a command of deployment 1 runs and its step process has noted it.
    pub(crate) async fn until_command_is_noted(&self) {
        self.until("ready").await;
        let noted = || {
            ["build", "switch"]
                .iter()
                .any(|it| self.path(&format!("state/steps/1-{it}.command.json")).exists())
        };
        while !noted() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    /// A process id that a script wrote to a file of the world.
    pub(crate) fn process(&self, name: &str) -> i32 {
        self.read(name).trim().parse().expect("a process id")
    }
}

pub(crate) async fn build(rebuild: &Rebuild, number: u64, cancel: CancellationToken) -> BuildEnd {
    let (progress, _) = tokio::sync::watch::channel(None);
    rebuild.build(StepNumber(number), DeploymentId(1), &revision(), cancel, &progress).await
}

pub(crate) fn revision() -> Revision {
    Revision::parse(REVISION).expect("a revision")
}

/// Whether a process is there and has not ended: no zombie, nor one that is just being taken away (proc_pid_stat(5)).
pub(crate) fn runs(process: i32) -> bool {
    let stat = fs::read_to_string(format!("/proc/{process}/stat")).unwrap_or_default();
    stat.rsplit_once(')').is_some_and(|(_, rest)| !rest.trim_start().starts_with(['Z', 'X', 'x']))
}

/// Written by another process: a child that another test starts meanwhile would hold a file open that is written here, and
/// the kernel starts no such file (ETXTBSY, execve(2)).
fn program(file: &Path, text: &str) {
    let mut install = Command::new("install")
        .args(["-m", "755", "/dev/stdin"])
        .arg(file)
        .stdin(Stdio::piped())
        .spawn()
        .expect("install is there");
    let mut stdin = install.stdin.take().expect("just made");
    stdin.write_all(text.as_bytes()).expect("taken");
    drop(stdin);
    assert!(install.wait().expect("it ends").success());
}

fn settings(root: &Path) -> Settings {
    Settings {
        trust: None,
        host: "yggdrasil".to_owned(),
        source: Source {
            url: "file:///nowhere".to_owned(),
            branch: "main".to_owned(),
            directory: ".".to_owned(),
            poll_interval: Duration::from_secs(60),
            timeout: Duration::from_secs(60),
            token_file: None,
            ssh_key_file: None,
            known_hosts_file: None,
            ca_file: None,
        },
        gate: GateSource::None,
        rebuild: RebuildSettings {
            command: vec!["nixos-rebuild".to_owned()],
            extra_args: vec!["--show-trace".to_owned()],
            runner: Runner::Process,
            build_timeout: None,
            stall_timeout: None,
            min_free: 0,
            properties: Vec::new(),
        },
        system: System {
            current: root.join("current"),
            booted: root.join("booted"),
            profile: root.join("profile"),
        },
        health: Health {
            deadline: Duration::from_secs(60),
            settle: Duration::ZERO,
            on_failure: OnFailure::Rollback,
            units: true,
            ignore_units: Vec::new(),
            source: true,
            commands: Vec::new(),
        },
        nudge: Nudge {
            listen: Vec::new(),
            allow: Vec::new(),
            tailscaled_socket: root.join("tailscaled.sock"),
        },
        state: StateSettings {
            directory: root.join("state"),
            socket: root.join("agent.sock"),
            group: "pull-agent".to_owned(),
            log_directory: root.join("log"),
            keep_deployments: 50,
        },
        warnings: Vec::new(),
    }
}

/// The word and the sentence of a build that failed.
#[track_caller]
pub(crate) fn why(end: &BuildEnd) -> (ReasonCode, String) {
    let BuildEnd::Failed(cause) = end else { panic!("{end:?}") };
    told(cause)
}

/// The word and the sentence of an activation that ended before anything was activated.
#[track_caller]
pub(crate) fn before(exit: &Exit) -> (ReasonCode, String) {
    let Exit::BeforeActivation(cause) = exit else { panic!("{exit:?}") };
    told(cause)
}

fn told(cause: &Cause) -> (ReasonCode, String) {
    (cause.code().expect("every failure has its word"), cause.sentence())
}
