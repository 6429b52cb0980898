//! How a host is built, switched and brought back: `nixos-rebuild` run by a step process (`pull-agent step`) that outlives the
//! agent. Whoever asks twice for the same number gets the same answer: a step is never run twice, a running one is waited for.
//! Never decides what is built, and never ends an activation.
//!
//! Reading order: [`step_main`] is the process that runs the commands, `watch` starts it and waits for it, `runner` is the
//! two ways to start it; `build`, `activate` and `rollback` are what the agent asks for.

mod activate;
mod build;
mod classify;
mod exit;
mod flake;
mod gc_root;
mod leftovers;
mod log;
mod profile;
mod progress;
mod rollback;
mod runner;
mod space;
mod spec;
mod step;
mod watch;

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use pull_agent_core::{DeploymentId, StepNumber, SystemPath};
use tokio::sync::OnceCell;

use crate::process::{Environment, environment};
use crate::settings::{Rebuild as RebuildSettings, Runner, Settings, StateSettings, System};
use crate::systemd;

pub use step::step_main;

use runner::Starter;
use spec::{Kind, Spec, StepFiles};
use watch::Step;

/// Socket of the nix daemon. Where it is, builds go through it: builders then are in the daemon's control group, not in ours.
const DAEMON_SOCKET: &str = "/nix/var/nix/daemon-socket/socket";

/// Runs steps on this host. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Rebuild {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    host: String,
    branch: String,
    /// Folder of `flake.nix`, "." for the root.
    directory: String,
    rebuild: RebuildSettings,
    system: System,
    state: StateSettings,
    executable: PathBuf,
    environment: Environment,
    /// Whether nix writes records of its progress.
    has_progress: OnceCell<bool>,
    /// Returns once everything on the file system of this path is on the disk; a test puts another one in its place.
    sync_file_system: fn(&Path) -> io::Result<()>,
}

impl Rebuild {
    /// Takes what it needs of the settings. `executable` is this program: it is started as `executable step FILE`. Programs
    /// are found on the PATH of the agent, and get its environment.
    #[must_use]
    pub fn new(settings: &Settings, executable: &Path) -> Self {
        Self::with_environment(settings, executable, environment())
    }

    /// As [`Self::new`], with another environment for programs, its PATH included.
    #[must_use]
    pub fn with_environment(settings: &Settings, executable: &Path, variables: Environment) -> Self {
        let inner = Inner {
            host: settings.host.clone(),
            branch: settings.source.branch.clone(),
            directory: settings.source.directory.clone(),
            rebuild: settings.rebuild.clone(),
            system: settings.system.clone(),
            state: settings.state.clone(),
            executable: executable.to_owned(),
            environment: step_environment(variables, &settings.state.directory),
            has_progress: OnceCell::new(),
            sync_file_system,
        };
        Self { inner: Arc::new(inner) }
    }

    fn step(&self, kind: Kind, deployment: DeploymentId, number: StepNumber) -> Step {
        Step { kind, files: StepFiles::new(&self.inner.state.steps(), deployment, kind), number: number.0 }
    }

    fn starter(&self) -> Starter<'_> {
        Starter {
            runner: self.inner.rebuild.runner,
            executable: &self.inner.executable,
            properties: &self.inner.rebuild.properties,
            environment: &self.inner.environment,
        }
    }

    fn spec(&self, step: &Step, deployment: DeploymentId, commands: Vec<Vec<String>>) -> Spec {
        Spec {
            number: step.number,
            commands,
            environment: self.inner.environment.clone(),
            directory: self.build_directory(),
            clear: Vec::new(),
            log: self.inner.state.log(deployment.0),
            started: step.files.started.clone(),
            command: step.files.command.clone(),
            result: step.files.result.clone(),
            lock: step.files.lock.clone(),
            exclusive: step.files.exclusive.clone(),
            stoppable: step.kind.stoppable(),
            outlives_power: step.kind.outlives_power(),
        }
    }

    /// The command with everything that build and switch have in common. nix must not write a lock file: the flake is in the
    /// agent's own clone, and what CI built without one would fail here for trying.
    fn command(&self, action: &str, more: &[&str], flake: &str) -> Vec<String> {
        let own = [action, "--no-reexec", "--no-write-lock-file"]
            .into_iter()
            .chain(more.iter().copied())
            .chain(["--flake", flake]);
        let mut argv = self.inner.rebuild.command.clone();
        argv.extend(own.map(str::to_owned));
        argv.extend(self.inner.rebuild.extra_args.iter().cloned());
        argv
    }

    fn build_directory(&self) -> PathBuf {
        self.inner.state.directory.join("build")
    }

    /// Makes the folders that steps write to.
    fn make_folders(&self) -> Result<(), String> {
        let state = &self.inner.state;
        for folder in [state.steps(), self.build_directory(), state.log_directory.clone()] {
            std::fs::create_dir_all(&folder)
                .map_err(|error| format!("cannot make {}: {error}", folder.display()))?;
        }
        Ok(())
    }

    /// Whether the host has a systemd that can be asked.
    fn has_systemd(&self) -> bool {
        match self.inner.rebuild.runner {
            Runner::Systemd => true,
            Runner::Process => systemd::is_booted(),
        }
    }

    /// Whether the link to the running system leads there.
    fn runs(&self, system: &SystemPath) -> bool {
        crate::host::resolve(&self.inner.system.current).as_ref() == Some(system)
    }
}

fn sync_file_system(path: &Path) -> io::Result<()> {
    Ok(nix::unistd::syncfs(std::fs::File::open(path)?)?)
}

/// The environment of every step. One HOME for build and switch, so that they share nix's caches.
fn step_environment(mut variables: Environment, state: &Path) -> Environment {
    if !variables.contains_key("HOME") {
        let home = nix::unistd::User::from_uid(nix::unistd::geteuid()).ok().flatten().map(|user| user.dir);
        let home = home.unwrap_or_else(|| state.to_owned());
        variables.insert("HOME".to_owned(), home.display().to_string());
    }
    if Path::new(DAEMON_SOCKET).exists() {
        variables.entry("NIX_REMOTE".to_owned()).or_insert_with(|| "daemon".to_owned());
    }
    variables
}
